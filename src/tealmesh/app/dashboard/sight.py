"""What the page shows, wired: the sections of its stream, and what its operations answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tealmesh.apis.tealmesh import events
from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.resources import Held, described
from tealmesh.app.dashboard.sections import Sections
from tealmesh.app.dashboard.sources import Sources
from tealmesh.model import wire
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.traffic.windows import SideWindow
from tealmesh.rollout.inventory import fleet as fleets
from tealmesh.rollout.inventory.workloads import resource_of_task
from tealmesh.rollout.metrics.sums import quantile
from tealmesh.store import tables

MOST_EVENTS = 100

Groups = Callable[[], Awaitable[Sequence[wire.Group]]]
"""The groups, each with its latest deployment."""


class Sight:
    """What there is to see of one control plane."""

    def __init__(self, sources: Sources, wall: Clock, steady: SteadyClock) -> None:
        self._from = sources
        self._sections = Sections(sources)
        self._wall = wall
        self._steady = steady
        self._events: dict[str, wire.Event] = {}
        self._newest = 0

    async def standing(self, groups: Groups) -> dict[str, Items]:
        """The sections that the state makes."""
        sections = await self._sections.read(self._wall())
        await asyncio.sleep(0)
        some = bool(self._from.store.view.list(tables.GROUPS))
        sections["groups"] = {one["name"]: one for one in await groups()} if some else {}
        sections["events"] = await self._recent()
        return sections

    async def flowing(self) -> dict[str, Items]:
        """The sections that Envoys make."""
        health = {one.task: one.usable for one in self._from.health()}
        fleet = self._sections.fleet(self._from.store.view, health)
        return await self._sections.flows.read(fleet, self._steady())

    def tasks(self) -> Sequence[wire.TaskDescription]:
        """All tasks."""
        health = {one.task: one.usable for one in self._from.health()}
        found: list[wire.TaskDescription] = []
        for task in fleets.fleet(self._from.store.view, frozenset()).tasks.values():
            usable = health.get(task["task"])
            if usable is not None:
                task["usable"] = usable
            found.append(task)
        return found

    def graph(self, mesh: str) -> wire.GetMeshGraphOutput:
        """A mesh as a graph, with the present rates."""
        return self._sections.graph(mesh, self._steady())

    def resource(self, request: wire.GetResourceInput) -> wire.GetResourceOutput:
        """A resource of a mesh, and what was made of it. Raises AwsError."""
        mesh, view = request["mesh"], self._from.store.view
        waiting = frozenset(self._from.convergence(mesh, view.revision).waiting)
        held = [Held(*one) for one in self._from.held(mesh)]
        return described(view, request, held, waiting)

    def quantile(self, side: SideWindow, q: float) -> float | None:
        """Of the latency of one side in a window, in milliseconds; None if nothing was timed."""
        return quantile(side.buckets, side.bounds, side.timed, q)

    def resource_of(self, caller: str) -> str:
        """What the Envoy of a caller stands for; empty if that is not known any more."""
        if caller.startswith("mesh/"):
            return caller
        for document in self._from.store.view.list(tables.TASKS):
            if document.body["taskArn"] == caller:
                return str(resource_of_task(document.body) or "")
        return ""

    async def _recent(self) -> Mapping[str, wire.Event]:
        store = self._from.store
        view = store.view
        if view.revision != self._newest:
            after = self._newest
            entries = await store.history(MOST_EVENTS, events.ENGINE_ACTORS, after=after)
            self._newest = view.revision
            # What was committed meanwhile is read next time too, and is then the same.
            fresh = {str(one.revision): events.event(one, view) for one in reversed(entries)}
            together = {**self._events, **fresh}
            kept = sorted(together, key=int)[-MOST_EVENTS:]
            self._events = {key: together[key] for key in kept}
        return self._events
