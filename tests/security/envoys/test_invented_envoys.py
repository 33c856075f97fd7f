"""Envoys that nobody started neither see anything nor keep a mesh from converging."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis.strategies import text

from tealmesh.model.errors import EnvoyUnknown
from tealmesh.model.identity.envoys import Identity, Owner, proven, token
from tests.security.world import NODES, SHOP, WEB, World, attack


def test_without_a_token(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for text_given in ("", "invented", "teal1", "teal1..", "teal1.W10."):
            code, _ = await world.refused(text_given, NODES[WEB], "invented")
            assert code is grpc.StatusCode.UNAUTHENTICATED
        assert world.seen() == []

    attack(tmp_path, scenario)


@given(text())
def test_no_text_is_a_token(given: str) -> None:
    for form in (given, f"teal1.{given}"):
        with pytest.raises(EnvoyUnknown):
            proven(form, [b"key"], [b"other key"])


def test_many_do_not_keep_a_mesh_from_converging(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        codes = await asyncio.gather(
            *(world.refused(world.token_of(WEB), NODES[SHOP], f"task-{n}") for n in range(30))
        )
        assert {code for code, _ in codes} == {grpc.StatusCode.PERMISSION_DENIED}
        state = world.cache.convergence("m", 1)
        assert (state.converged, state.expected) == (True, ())

    attack(tmp_path, scenario)


def test_the_key_of_own_envoys_signs_no_task(tmp_path: Path) -> None:
    """`teal envoy bootstrap` has a key of its own: who holds it is no task's Envoy."""

    async def scenario(world: World) -> None:
        forged = token(Identity(Owner.TASK, WEB, NODES[WEB]), world.keys.owned[0])
        code, _ = await world.refused(forged, NODES[WEB])
        assert code is grpc.StatusCode.UNAUTHENTICATED

    attack(tmp_path, scenario)


def test_a_changed_token_is_none(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        form, _, signature = world.token_of(WEB).split(".")
        other = world.token_of(SHOP).split(".")[1]
        code, _ = await world.refused(f"{form}.{other}.{signature}", NODES[SHOP])
        assert code is grpc.StatusCode.UNAUTHENTICATED

    attack(tmp_path, scenario)
