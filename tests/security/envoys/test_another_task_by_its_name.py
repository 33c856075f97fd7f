"""What an Envoy says of its task counts for nothing: its token says whose it is."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from tealmesh.app.envoys import admission
from tests.security.world import NODES, SHOP, WEB, World, attack, until

NEW = WEB.replace("web-1", "web-2")


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


def test_a_task_of_an_ecs_elsewhere_is_waited_for_until_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NODES, NEW, NODES[WEB])

    async def scenario(world: World) -> None:
        hurried: list[None] = []
        world.admission.hurry = lambda: hurried.append(None)
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(NEW), NODES[NEW])
            await until(lambda: hurried)
            assert not world.seen()
            await world.put(NEW)
            await until(world.seen)
            assert [(one.id, one.note) for one in world.seen()] == [(NEW, "")]
            assert not world.told
            call.cancel()

    attack(tmp_path, scenario)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_task_that_stays_unknown_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    monkeypatch.setitem(NODES, NEW, NODES[WEB])
    monkeypatch.setattr(admission, "ARRIVAL_SECONDS", 0.4)

    async def scenario(world: World) -> None:
        hurried: list[None] = []
        if elsewhere:
            world.admission.hurry = lambda: hurried.append(None)
        code, why = await world.refused(world.token_of(NEW), NODES[NEW])
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "is not known" in why
        assert bool(hurried) is elsewhere

    attack(tmp_path, scenario)
