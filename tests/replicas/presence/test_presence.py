"""Two replicas on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa

from tealmesh.model.clock import steady_clock
from tealmesh.replicas.presence.deciding import Pace, Standing
from tealmesh.replicas.presence.presence import Health, Presence
from tealmesh.store.database.schema import metadata

PACE = Pace(beat=0.1, silent=1.5, asks=0.2, answers=0.5, hands_over=2.0)


@dataclass
class _World:
    """Who can reach the database, and who answers."""

    engine: sa.Engine
    cut: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)

    @contextlib.contextmanager
    def connect(self, who: str) -> Iterator[sa.Connection]:
        if who in self.cut | self.killed:
            raise sa.exc.OperationalError("connect", {}, Exception("no route to host"))
        with self.engine.begin() as connection:
            yield connection

    async def ask(self, address: str, seconds: float) -> Health | None:
        return None if address in self.killed else Health(address, address not in self.cut)

    def presence(self, who: str) -> Presence:
        return Presence(partial(self.connect, who), who, who, self.ask, steady_clock, PACE)


def _standings(presence: Presence) -> dict[str, str]:
    return {each["address"]: each["standing"] for each in presence.control_planes()}


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_one_that_is_cut_off_hands_over_and_one_that_is_killed_is_dead(postgres: str) -> None:
    world = _World(sa.create_engine(postgres))
    metadata.create_all(world.engine)

    async def scenario() -> None:
        one, two, three = (world.presence(who) for who in ("one", "two", "three"))
        running = [asyncio.create_task(each.run()) for each in (one, two, three)]
        both = {"two": Standing.ALIVE, "three": Standing.ALIVE}
        await _until(lambda: one.others() == both)
        world.cut = {"two"}
        await _until(lambda: one.others() == {**both, "two": Standing.CUT_OFF})
        told = {each["address"]: each for each in one.control_planes()}
        assert [each["standing"] for each in told.values()] == ["alive", "alive", "cut off"]
        assert told["one"]["here"]
        assert told["two"]["silentSeconds"] >= PACE.silent
        assert "silentSeconds" not in told["three"]
        await _until(two.hands_over)
        world.cut = {"one", "two", "three"}
        await _until(lambda: one.others() == dict.fromkeys(both, Standing.UNKNOWN))
        await _until(lambda: not two.hands_over())
        world.cut = set()
        await _until(lambda: one.others() == both)
        world.killed = {"three"}
        await _until(lambda: one.others() == {**both, "three": Standing.DEAD})
        running[1].cancel()
        await _until(lambda: one.others()["two"] is Standing.DEAD)
        # Who has stopped in good order is no news; nor is one that was started again where it was.
        assert _standings(one) == {"one": "alive", "three": "dead"}
        world.killed = set()
        again = Presence(
            partial(world.connect, "four"), "four", "three", world.ask, steady_clock, PACE
        )
        running.append(asyncio.create_task(again.run()))
        await _until(lambda: _standings(one) == {"one": "alive", "three": "alive"})
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(scenario())
    world.engine.dispose()
