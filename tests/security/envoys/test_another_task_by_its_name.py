"""What an Envoy says of its task counts for nothing: its token says whose it is."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from tests.security.world import NODES, SHOP, WEB, World, attack, until


def test_it_is_known_as_what_it_proves(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB], declared=SHOP)
            await until(world.seen)
            assert [one.id for one in world.seen()] == [WEB]
            call.cancel()

    attack(tmp_path, scenario)


def test_a_task_that_has_stopped_proves_nothing_any_more(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.put(WEB, lastStatus="STOPPED")
        code, why = await world.refused(world.token_of(WEB), NODES[WEB])
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "has stopped" in why

    attack(tmp_path, scenario)


@pytest.mark.parametrize("name", [WEB, "loadbalancer/lb"])
def test_not_even_the_owner_takes_the_name_of_a_task(tmp_path: Path, name: str) -> None:
    """Or a task's Envoy would seem to have acknowledged what it never saw."""

    async def scenario(world: World) -> None:
        code, _ = await world.refused(world.keys.owners[0], NODES[WEB], declared=name)
        assert code is grpc.StatusCode.PERMISSION_DENIED

    attack(tmp_path, scenario)
