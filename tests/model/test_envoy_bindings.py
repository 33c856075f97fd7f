"""``envoys.json``: which Envoys may be what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import TealError
from tealmesh.model.identity.bindings import (
    FILE,
    Bindings,
    RoleLine,
    covers,
    load_bindings,
    save_bindings,
    watched_bindings,
)

ROLE = "arn:aws:iam::123456789012:role/of/web"
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for bindings in (
        Bindings(),
        Bindings({"spiffe://x/web": ("mesh/m/virtualNode/web",)}),
        Bindings(roles={ROLE: RoleLine(("mesh/m/virtualNode/web-*",), "AROAEXAMPLE1")}),
        Bindings(roles={ROLE: RoleLine(("mesh/*/virtualGateway/edge",))}),
    ):
        save_bindings(tmp_path, bindings)
        assert load_bindings(tmp_path) == bindings


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "the file = []"),
        ({"role": {}}, "'role'"),
        ({"certificates": {"spiffe://x/y": ["web"]}}, "certificates['spiffe://x/y'][0] = 'web'"),
        ({"roles": []}, "roles = []"),
        ({"roles": {"web": []}}, "roles['web']"),
        ({"roles": {ROLE: "x"}}, f"roles['{ROLE}'] = 'x'"),
        ({"roles": {ROLE: ["mesh/m/route/x"]}}, f"roles['{ROLE}'][0] = 'mesh/m/route/x'"),
        ({"roles": {ROLE: {"ids": 1}}}, f"roles['{ROLE}'].ids"),
        ({"roles": {ROLE: {"id": "x", "resources": []}}}, f"roles['{ROLE}'].id = 'x'"),
        ({"roles": {ROLE: {"id": "AROAEXAMPLE1"}}}, f"roles['{ROLE}'].resources = None"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_former_counts_on(
    tmp_path: Path, document: object, named: str
) -> None:
    before = Bindings(roles={ROLE: RoleLine(())})
    save_bindings(tmp_path, before)
    current = watched_bindings(tmp_path)
    assert current() == before
    (tmp_path / FILE).write_text(json.dumps(document))
    with pytest.raises(TealError) as told:
        load_bindings(tmp_path)
    assert named in str(told.value)
    assert current() == before
    (tmp_path / FILE).unlink()
    assert current() == Bindings()


@given(mesh=NAMES, name=NAMES, other=NAMES)
def test_a_wildcard_is_within_a_mesh_or_a_name(mesh: str, name: str, other: str) -> None:
    resource = f"mesh/{mesh}/virtualNode/{name}"
    assert covers(resource, resource)
    assert covers(f"mesh/{mesh}/virtualNode/*", resource)
    assert covers(f"mesh/*/virtualNode/{name[:1]}*", resource)
    assert not covers(f"mesh/{mesh}/virtualGateway/*", resource)
    assert covers(f"mesh/{other}/virtualNode/*", resource) == (mesh == other)
    assert not covers("mesh/*", resource)
