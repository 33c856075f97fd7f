"""Statistics decide about releases: nobody reports those of another's Envoy."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from tests.security.world import NODES, SHOP, WEB, World, attack


def test_of_another_node(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        code = await world.report(world.token_of(WEB), NODES[SHOP], SHOP)
        assert code is grpc.StatusCode.PERMISSION_DENIED

    attack(tmp_path, scenario)


@pytest.mark.parametrize("given", ["", "invented", "teal1.e30.e30"])
def test_without_a_token(tmp_path: Path, given: str) -> None:
    async def scenario(world: World) -> None:
        connected: list[str] = []
        world.metrics.connected = connected.append  # type: ignore[method-assign]
        code = await world.report(given, NODES[SHOP], SHOP)
        # Who is still sending may see the stream reset before its status.
        assert code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INTERNAL)
        assert connected == []

    attack(tmp_path, scenario)


def test_they_count_for_the_task_that_is_proven(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        connected: list[str] = []
        world.metrics.connected = connected.append  # type: ignore[method-assign]
        assert await world.report(world.token_of(WEB), NODES[WEB], SHOP) is grpc.StatusCode.OK
        assert connected == [WEB]

    attack(tmp_path, scenario)
