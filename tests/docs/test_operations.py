"""docs/operations.md is up to date."""

from __future__ import annotations

from pathlib import Path

import botocore.session
import pytest

from tealmesh.apis.ecs.refused import CONTAINER_MEMBERS, REASONS
from tests.docs.scripts import load


def test_the_page_is_up_to_date() -> None:
    module = load("operations")
    assert Path(module.PAGE).read_text() == module.page(), "run `python docs/operations.py`"


def test_every_refused_operation_has_a_reason() -> None:
    lines = Path(load("operations").PAGE).read_text().splitlines()
    refused = [line for line in lines if "| refused:" in line]
    assert refused
    assert [line for line in refused if line.endswith("refused:  |")] == []


@pytest.mark.parametrize("service", sorted(REASONS))
def test_what_is_refused_exists_in_the_model(service: str) -> None:
    known = botocore.session.Session().get_service_model(service).operation_names
    assert set(REASONS[service]) <= set(known)


def test_every_member_of_a_container_is_mentioned() -> None:
    model = botocore.session.Session().get_service_model("ecs")
    assert set(model.shape_for("ContainerDefinition").members) == set(CONTAINER_MEMBERS)
