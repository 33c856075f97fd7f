"""What docs/rules.md quotes of the API reference is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

RULES = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
SERVICES = ("appmesh", "ecs", "servicediscovery")
QUOTED = re.compile(r'`(\w+)(?:\.(\w+))?` ((?:"[^"]+"(?:,| and)? ?)+)')


@cache
def _shapes(service: str) -> Any:
    return Loader().load_service_model(service, "service-2")["shapes"]


def _documentation(shape: str, member: str | None) -> list[str]:
    """The plain text of every shape of that name."""
    found = [_shapes(service)[shape] for service in SERVICES if shape in _shapes(service)]
    if member:
        found = [one["members"][member] for one in found if member in one["members"]]
    return [re.sub(r"<[^>]+>", "", one["documentation"]) for one in found]


def _quotations() -> list[tuple[str, str | None, str]]:
    evidence = [line.split(" | ", 1)[1] for line in RULES.splitlines() if "model: " in line]
    return [
        (shape, member or None, quotation)
        for cell in evidence
        for shape, member, quotations in QUOTED.findall(cell)
        for quotation in re.findall(r'"([^"]+)"', quotations)
    ]


@pytest.mark.parametrize(("shape", "member", "quotation"), _quotations())
def test_the_api_reference_says_so(shape: str, member: str | None, quotation: str) -> None:
    assert any(quotation in text for text in _documentation(shape, member))


def test_there_is_something_to_check() -> None:
    assert len(_quotations()) > 30
