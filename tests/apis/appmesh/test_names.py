"""Which names App Mesh accepts."""

from __future__ import annotations

import pytest

from tealmesh.apis.appmesh import spec_rules as rules
from tealmesh.model.mesh import Kind


@pytest.mark.parametrize(
    ("kind", "name", "right"),
    [
        (Kind.MESH, "a-b_c.D9", True),
        (Kind.MESH, "", False),
        (Kind.MESH, "a/b", False),
        (Kind.VIRTUAL_SERVICE, "sample.article.local", True),
        (Kind.VIRTUAL_SERVICE, "a:80", False),
        (Kind.VIRTUAL_SERVICE, "*", False),
        (Kind.VIRTUAL_SERVICE, "a" * 254, False),
    ],
)
def test_names(kind: Kind, name: str, right: bool) -> None:
    assert (not list(rules.name_problems(kind, "name", name))) is right
