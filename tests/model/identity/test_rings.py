"""Secrets that are rotated: the former one verifies until it is retired."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tealmesh.model.errors import EnvoyUnknown, TealError
from tealmesh.model.identity import rings
from tealmesh.model.identity.envoys import Identity, Owner, proven, token
from tealmesh.model.identity.issued import TaskKeys
from tealmesh.model.identity.keys import Keys, owned_key
from tealmesh.model.identity.sessions import SessionBody, SessionKey

IDENTITY = Identity(Owner.TASK, "arn:task", "mesh/m/virtualNode/web")
ROLE = "arn:aws:iam::123456789012:role/web"


def test_two_live_ids_and_no_third(tmp_path: Path) -> None:
    path = tmp_path / "master-key"
    first = rings.made(path)
    assert rings.made(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = rings.rotated(path)
    assert second.each == (second.current, first.current)
    assert rings.load(path) == second
    with pytest.raises(TealError, match=f"former key that still verifies .{first.ids[0]}.*retire"):
        rings.rotated(path)
    assert rings.retired(path).each == (second.current,)
    assert rings.rotated(path).former == second.current
    assert second.current not in f"{second} {second.ids}"
    path.write_text("a b c")
    with pytest.raises(TealError, match="damaged"):
        rings.load(path)


def test_what_a_secret_signed_lives_as_long_as_it_verifies(tmp_path: Path) -> None:
    path = tmp_path / "master-key"
    ring = rings.watched(path)
    keys = Keys(ring, rings.watched(tmp_path / "xds-token"))
    tasks = TaskKeys(lambda: ring().each)
    sessions = SessionKey(lambda: keys.pages)
    body: SessionBody = {"id": "1"}  # type: ignore[typeddict-item]
    envoy = token(IDENTITY, keys.envoys[0])
    key = tasks.issue("ASIA", ROLE, "task-1", 9.0)
    page = sessions.token(body)
    for changed in (lambda _: None, rings.rotated):
        changed(path)
        assert proven(envoy, keys.envoys, keys.owned) == IDENTITY
        assert tasks.find("ASIA", key.token) == key
        assert sessions.read(page) == body
    assert keys.is_rotated
    assert token(IDENTITY, keys.envoys[0]) != envoy
    assert tasks.issue("ASIA", ROLE, "task-1", 9.0).token != key.token
    rings.retired(path)
    with pytest.raises(EnvoyUnknown):
        proven(envoy, keys.envoys, keys.owned)
    assert tasks.find("ASIA", key.token) is None
    assert sessions.read(page) is None


def test_envoys_of_ones_own_live_as_long_as_their_token_verifies(tmp_path: Path) -> None:
    path = tmp_path / "xds-token"
    owner = rings.watched(path)
    keys = Keys(rings.watched(tmp_path / "master-key"), owner)
    own = Identity(Owner.USER, "", "mesh/m/virtualNode/web")
    given, shown = token(own, owned_key(owner().current)), owner().current
    for changed in (lambda _: None, rings.rotated):
        changed(path)
        assert proven(given, keys.envoys, keys.owned) == own
        assert shown in keys.owners
    assert proven(token(own, owned_key(owner().current)), keys.envoys, keys.owned) == own
    rings.retired(path)
    with pytest.raises(EnvoyUnknown):
        proven(given, keys.envoys, keys.owned)
    assert shown not in keys.owners
