"""Two replicas on a real PostgreSQL, each with its own Envoys of one mesh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from tealmesh.model.clock import steady_clock
from tealmesh.model.convergence import EnvoyStatus, Reported
from tealmesh.replicas.envoys.sharing import SharedEnvoys
from tealmesh.replicas.presence.deciding import Standing
from tealmesh.store.database.schema import metadata


@dataclass
class _Replica:
    engine: sa.Engine
    name: str
    others: dict[str, Standing]
    envoys: dict[str, Reported] = field(default_factory=dict)
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    changed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shared = SharedEnvoys(
            self.engine.begin,
            self.name,
            self.here,
            lambda: self.others,
            self.changed.append,
            self.waited,
            lambda identity: identity == "stopped",
            steady_clock,
        )

    def here(self, mesh: str, ids: Collection[str] | None) -> list[Reported]:
        return [one for one in self.envoys.values() if ids is None or one.status.id in ids]

    def has(self, *ids: str, at: int) -> None:
        statuses = [EnvoyStatus(i, "node", "mesh/shop/virtualNode/a", True, at) for i in ids]
        self.envoys = {status.id: Reported(status, at) for status in statuses}
        self.shared.moved("shop")

    def sees(self) -> dict[str, tuple[bool, int]]:
        found = self.shared.reported("shop").values()
        return {one.status.id: (one.status.connected, one.status.acknowledged) for one in found}


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_each_replica_knows_how_far_the_others_envoys_are(postgres: str) -> None:
    engine = sa.create_engine(postgres)
    metadata.create_all(engine)

    async def scenario() -> None:
        one = _Replica(engine, "one", {"two": Standing.ALIVE})
        two = _Replica(engine, "two", {"one": Standing.ALIVE})
        works = [
            asyncio.create_task(work())
            for each in (one, two)
            for work in (each.shared.publish, each.shared.follow)
        ]
        one.waited.set()
        two.has("a", "b", "stopped", at=7)
        await _until(lambda: one.sees() == {"a": (True, 7), "b": (True, 7), "stopped": (True, 7)})
        two.envoys["a"] = replace(
            two.envoys["a"], status=replace(two.envoys["a"].status, acknowledged=9)
        )
        two.shared.moved("shop", "a")
        await _until(lambda: one.sees()["a"] == (True, 9))
        one.has("c", at=9)
        await _until(lambda: two.sees() == {"c": (True, 9)})
        # It dies, or can report nothing more: whose task still runs is waited for, until it is
        # connected here.
        for silent in (Standing.DEAD, Standing.CUT_OFF):
            one.others["two"] = silent
            await _until(lambda: one.sees() == {"a": (False, 9), "b": (False, 7)})
            one.others["two"] = Standing.ALIVE
            await _until(lambda: len(one.sees()) == 3)
        one.others["two"] = Standing.CUT_OFF
        await _until(lambda: one.sees() == {"a": (False, 9), "b": (False, 7)})
        # It lives: one that leaves is reported for a moment, as it is on its way to another one.
        one.others["two"] = Standing.ALIVE
        await _until(lambda: len(one.sees()) == 3)
        two.has("a", at=9)
        await _until(lambda: one.sees() == {"a": (True, 9), "b": (False, 7)})
        await _until(lambda: one.sees() == {"a": (True, 9)})
        assert set(one.changed) == {"shop"}
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await one.shared.close()
        await two.shared.close()

    asyncio.run(scenario())
    engine.dispose()
