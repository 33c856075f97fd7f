"""Every resource of the provider that works here (create, read, update in place, import, delete,
drift), every data source, and the page that lists them.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.schemas import OURS
from tests.support.programs.terraform import (
    NO_TERRAFORM,
    Terraform,
    provider_running,
    terraform_binary,
)
from tests.terraform.rows import DATA, PAGE, ROWS, page_with

EVERYTHING = Path(__file__).parent / "everything"

with_terraform = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)


@pytest.fixture
def provider() -> Iterator[str]:
    with provider_running() as made:
        yield made


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with control_plane(tmp_path) as made:
        yield made


def _everything(plane: ControlPlane, directory: Path, provider: str) -> Terraform:
    shutil.copytree(EVERYTHING, directory)
    return Terraform(directory, {"endpoint": plane.endpoint}, provider).init()


def test_the_page_lists_what_is_tested() -> None:
    assert page_with(PAGE.read_text()) == PAGE.read_text(), "run python -m tests.terraform.rows"


@with_terraform
@pytest.mark.timeout(300)
def test_every_resource_lives_its_whole_life(
    plane: ControlPlane, provider: str, tmp_path: Path
) -> None:
    first = _everything(plane, tmp_path / "first", provider)
    assert f"Resources: {len(ROWS)} added" in first.apply()
    assert first.changes() == ""
    assert first.outputs()["read"] == DATA

    assert f"Resources: 0 added, {len(ROWS)} changed, 0 destroyed" in first.apply(changed=True)
    assert first.changes() == ""

    second = _everything(plane, tmp_path / "second", provider)
    (second.directory / "imports.tf").write_text(_imports(_values(first)))
    printed = second.apply(changed=True)
    # Arguments of the provider alone (wait_for_steady_state) are set by the first apply after an
    # import.
    assert re.search(rf"{len(ROWS)} imported, 0 added, [01] changed, 0 destroyed", printed), printed
    assert second.changes() == ""
    assert f"{len(ROWS)} destroyed" in second.destroy()
    # The first were deleted behind its back: each is detected as drift and recreated.
    assert f"Plan: {len(ROWS)} to add, 0 to change, 0 to destroy" in first.changes()
    _schemas_hold_no_other(second)


def _values(terraform: Terraform) -> dict[str, dict[str, Any]]:
    """The attributes of each resource, by type."""
    state = json.loads(terraform.run("show", "-json").stdout)
    resources = state["values"]["root_module"]["resources"]
    return {r["type"]: r["values"] for r in resources if r["mode"] == "managed"}


def _imports(values: dict[str, dict[str, Any]]) -> str:
    assert set(values) == {row.type for row in ROWS}
    return "\n".join(
        f'import {{\n  to = {row.type}.it\n  id = "{row.identifier.format(**values[row.type])}"\n}}'
        for row in ROWS
    )


def _schemas_hold_no_other(terraform: Terraform) -> None:
    """The rows are all that the provider has for our three services."""
    schemas = json.loads(terraform.run("providers", "schema", "-json").stdout)
    (provider,) = schemas["provider_schemas"].values()
    resources = {name for name in provider["resource_schemas"] if name.startswith(OURS)}
    assert resources == {row.type for row in ROWS}
    assert {n for n in provider["data_source_schemas"] if n.startswith(OURS)} == set(DATA)
