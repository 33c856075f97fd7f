"""A task's own token, read from its secret file, does not make its Envoy another node."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from tests.security.world import NODES, SHOP, WEB, World, attack, until

PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED


def test_the_keys_of_another_node_are_not_sent(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        code, why = await world.refused(world.token_of(WEB), NODES[SHOP], SHOP)
        assert code is PERMISSION_DENIED
        assert WEB in why
        assert world.translated == []
        # `teal envoys` names the one that tried, and so does the audit.
        (seen,) = world.seen()
        assert (seen.id, seen.connected, seen.node_id) == (WEB, False, NODES[SHOP])
        assert seen.note == f"refused: {why}"
        assert world.told == [("fails", f"the Envoy of {WEB}", why)]

    attack(tmp_path, scenario)


@pytest.mark.parametrize(
    "written",
    [
        "arn:aws:appmesh:us-east-1:123456789012:mesh/m/virtualNode/web",
        "mesh/m@123456789012/virtualNode/web",
    ],
)
def test_the_ways_to_write_its_own_node_are_no_attack(tmp_path: Path, written: str) -> None:
    async def scenario(world: World) -> None:
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), written)
            await until(world.seen)
            assert [(one.id, one.connected) for one in world.seen()] == [(WEB, True)]
            call.cancel()

    attack(tmp_path, scenario)


@pytest.mark.parametrize("node", ["mesh/other/virtualNode/web", "loadbalancer/lb", "web", ""])
def test_whatever_else_it_says(tmp_path: Path, node: str) -> None:
    async def scenario(world: World) -> None:
        code, _ = await world.refused(world.token_of(WEB), node)
        assert code is PERMISSION_DENIED

    attack(tmp_path, scenario)
