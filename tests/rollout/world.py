"""A service to deploy, a clock that runs fast, and a controller with a fake driver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tealmesh.model.clock import BootClock, system_boot
from tealmesh.model.config.nouns import ServiceConfig
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.convergence import Convergence
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.documents import deployments
from tealmesh.rollout.drivers.fake import FakeDriver, Side
from tealmesh.rollout.performer import HearOthers
from tealmesh.rollout.running.hearing import Hearing
from tealmesh.rollout.system import Service, ServiceSystem
from tealmesh.store import Store, tables

CANARY = Strategy("canary", (10, 50, 100), 2.0, 2.0, *[30.0] * 6)


class Clock:
    """Seconds since the epoch; each look at it takes ``tick`` seconds."""

    def __init__(self, tick: float = 0.1) -> None:
        self.now = 1_000_000.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def system(
    strategy: Strategy = CANARY, gates: Gates | None = None, desired: int = 3
) -> ServiceSystem:
    config = ServiceConfig(
        name="web",
        port=8080,
        image="web:1",
        hostname="web.demo.local",
        desired_count=desired,
        strategy=strategy,
        gates=gates or Gates(),
    )
    return ServiceSystem("demo", "demo", "demo.local", config)


def running_world(clock: Clock, image: str = "web:1") -> FakeDriver:
    """Version 1 on blue with all the weight."""
    return FakeDriver(lambda: clock.now, sides={"blue": Side(image, 3)}, weights={"blue": 100})


CONVERGED = Convergence(revision=1, expected=("task/1",), converged=True, waiting=())


@dataclass
class Bench:
    """A controller with its own store and a fake driver."""

    path: Path
    clock: Clock
    driver: FakeDriver
    service: ServiceSystem
    answer: Convergence = CONVERGED
    """What a wait for convergence answers."""
    on_transition: Callable[[JournalEntry], None] | None = None
    gone: set[str] = field(default_factory=set)
    """Images of which no task can be started any more."""
    wall: Callable[[], float] | None = None
    """The wall clock, which is only shown; None for the same as ``clock``."""
    poll_seconds: float = 0.001
    boot: BootClock = system_boot
    hearing: Hearing | None = None
    """None where nothing is heard."""
    missing: str = ""
    """Why what callers saw is not known."""
    others: Callable[[Store], HearOthers] | None = None
    """Those outside; None for nobody."""

    def open(self) -> tuple[Store, Controller]:
        wall = self.wall or self.clock
        store = Store.open(self.path / "state.db", wall, self.boot)
        return store, self.controller(store)

    def controller(self, store: Store) -> Controller:
        """A controller of the same world: with another one on the same store, it is a replica."""
        return Controller(
            store,
            self.driver,
            self._converged,
            self.driver.traffic,
            self.driver.window,
            self._who,
            clock=self.clock,
            wall=self.wall or self.clock,
            new_id=lambda: f"d{store.revision}",
            poll_seconds=self.poll_seconds,
            hearing=self.hearing,
            image_problem=self._image_problem,
            on_transition=self.on_transition,
            others=self.others(store) if self.others else None,
            missing=lambda service: self.missing,
        )

    async def put_system(self, store: Store) -> None:
        await store.write(
            "test",
            "Apply",
            lambda t: t.put(tables.SYSTEMS, self.service.name, body=self.service.to_json()),
        )

    async def _image_problem(self, image: str) -> str:
        return f"image {image!r} is gone" if image in self.gone else ""

    async def _who(self, service: Service, side: str, of: str) -> str:
        return "somebody"

    async def _converged(self, mesh: str, revision: int, timeout: float) -> Convergence:
        await asyncio.sleep(0)
        return self.answer


async def until_finished(store: Store, service: str) -> Deployment:
    """The newest deployment of a service once it has finished."""
    async for view in store.watch():
        newest = next(iter(deployments(view, service)), None)
        if newest and newest.finished:
            return newest
    raise AssertionError("unreachable: a watch never ends")
