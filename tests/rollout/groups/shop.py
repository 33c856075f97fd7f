"""A group of two services, one of teal.toml and one that others made, with fake drivers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import Group, GroupDeployment, JournalEntry, SideTasks, Traffic
from tealmesh.model.traffic.windows import SideWindow
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.fake import FakeDriver, Side
from tealmesh.rollout.effects import LiveRoute, WeightsSet
from tealmesh.rollout.system import Service
from tealmesh.store import Store, Transaction, tables
from tests.rollout.states import State, article
from tests.rollout.test_controller import stop
from tests.rollout.world import CANARY, CONVERGED, Clock, system

WEB, SAMPLE = "web", "sample"


@dataclass
class Shop:
    """The worlds of both services, and the control planes that deploy to them."""

    path: Path
    strategy: Strategy = CANARY
    gates: Gates = field(default_factory=Gates)
    on_transition: Callable[[JournalEntry], None] | None = None
    stops: bool = True
    """Whether tasks of old sides stop when they are told to."""

    def __post_init__(self) -> None:
        self.clock = Clock()
        now = lambda: self.clock.now  # noqa: E731
        self.ids = itertools.count(1)
        self.order: list[tuple[str, Mapping[str, int]]] = []
        self.worlds = {
            WEB: FakeDriver(now, sides={"blue": Side("web:1", 2)}, weights={"blue": 100}),
            SAMPLE: FakeDriver(now, sides={"green": Side("sample:1", 2)}, weights={"green": 1}),
        }

    def controller(self, store: Store) -> Controller:
        async def converged(mesh: str, revision: int, timeout: float) -> Any:
            await asyncio.sleep(0)
            return CONVERGED

        async def who(service: Service, side: str, of: str) -> str:
            return "somebody"

        return Controller(
            store, self, converged, self.traffic, self.window, who,
            clock=self.clock, wall=self.clock, new_id=lambda: f"d{next(self.ids)}",
            poll_seconds=0.001, on_transition=self.on_transition,
        )  # fmt: skip

    async def put(self, store: Store) -> None:
        """Store both services and their group: web calls sample."""
        group = Group("shop", (WEB, SAMPLE), {WEB: (SAMPLE,), SAMPLE: ()}, "/")

        def change(t: Transaction) -> None:
            web = system(self.strategy, self.gates, desired=2)
            t.put(tables.SYSTEMS, WEB, body=web.to_json())
            made = article("green", state=State(t))
            made.told(SAMPLE, strategy=web.to_json()["config"]["strategy"])
            t.put(tables.GROUPS, "shop", body=group.to_json())

        await store.write("test", "Apply", change)

    def images(self) -> dict[str, str]:
        """What serves, by service."""
        return {
            name: "+".join(w.sides[s].image for s, weight in w.weights.items() if weight)
            for name, w in self.worlds.items()
        }

    # A driver for both services.

    async def ensure_side(self, service: Service, side: str, image: str, count: int) -> None:
        await self.worlds[service.name].ensure_side(service, side, image, count)

    async def scale_side(self, service: Service, side: str, count: int) -> None:
        await self.worlds[service.name].scale_side(service, side, count)

    async def observe(self, service: Service, side: str) -> SideTasks:
        return await self.worlds[service.name].observe(service, side)

    async def explain(self, service: Service, side: str, since: float) -> str:
        return await self.worlds[service.name].explain(service, side, since)

    async def route(self, service: Service) -> LiveRoute:
        return await self.worlds[service.name].route(service)

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None = None
    ) -> WeightsSet:
        self.order.append((service.name, dict(weights)))
        return await self.worlds[service.name].set_weights(service, weights, version)

    async def stop_side(self, service: Service, side: str) -> bool:
        return self.stops and await self.worlds[service.name].stop_side(service, side)

    def traffic(self, service: Service, side: str, since: float) -> Traffic:
        return self.worlds[service.name].traffic(service, side, since)

    def window(self, service: Service, side: str, after: float) -> SideWindow:
        return self.worlds[service.name].window(service, side, after)


Scenario = Callable[[Shop, Store, Controller], Awaitable[Any]]


def play(shop: Shop, scenario: Scenario, *, first: bool = True) -> Any:
    """Run a scenario beside a control plane's workers. ``first``: store the services before."""

    async def played() -> Any:
        store = Store.open(shop.path / "state.db", shop.clock)
        controller = shop.controller(store)
        if first:
            await shop.put(store)
        works = [asyncio.create_task(w()) for w in (controller.run, controller.groups.run)]
        try:
            async with asyncio.timeout(60):
                return await scenario(shop, store, controller)
        finally:
            for work in works:
                await stop(work)
            store.close()

    return asyncio.run(played())


async def ended(store: Store, controller: Controller) -> GroupDeployment:
    """The group's newest deployment, once it and its members have finished."""
    async for _ in store.watch():
        newest = controller.groups.history("shop")[0]
        if newest.finished and all(d.finished for d in controller.groups.members(newest).values()):
            return newest
    raise AssertionError("unreachable: a watch never ends")


def quick(**settings: Any) -> Strategy:
    return replace(CANARY, **settings)
