"""Asks what the schedule says, and writes what is known into the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tealmesh.discovery.cloud_map import Answer, Asking
from tealmesh.discovery.schedule import Place, Question, Schedule
from tealmesh.discovery.settling import Held, Seen, settle
from tealmesh.model.clock import Moment, SteadyClock
from tealmesh.model.errors import DiscoveryRefused, DiscoveryThrottled, NoSuchService
from tealmesh.store import Document, Reader, Store, Transaction, View, tables
from tealmesh.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tealmesh.model.cloudmap import DiscoveredBody

ACTOR = "discovery"
THREADS = 16
"""Questions that are open at once. One to Cloud Map takes some 20 ms."""

_ALL = "the discovery from Cloud Map"


class Discovery:
    """Discovers the services that the virtual nodes of all meshes name, by ``asking``. Only one
    control plane may do so at a time.
    """

    def __init__(
        self,
        store: Store,
        asking: Asking,
        supervisor: Supervisor,
        clock: SteadyClock,
        random: Callable[[], float],
    ) -> None:
        self._store = store
        self._asking = asking
        self._supervisor = supervisor
        self._clock = clock
        self._random = random
        self._schedule: Schedule | None = None

    def answered(self) -> bool:
        """Whether all services that are named have been asked for once. A replica that does not ask
        has what the one that does has written.
        """
        return self._schedule is None or self._schedule.answered

    async def run(self) -> None:
        """Discover, until cancelled."""
        schedule, changed = Schedule(self._random), asyncio.Event()
        self._schedule = schedule
        threads = ThreadPoolExecutor(THREADS, "discovery")
        naming = _Naming()
        try:
            with self._store.waking(changed):
                async with asyncio.TaskGroup() as group:
                    while True:
                        changed.clear()
                        view, now = self._store.view, self._clock()
                        if naming.update(view):
                            schedule.name(naming.named, naming.held, now)
                        for place in schedule.forgotten(now):
                            group.create_task(self._forget(place))
                        for question in schedule.due(now):
                            answering = self._ask(schedule, question, threads)
                            asked = group.create_task(answering)
                            asked.add_done_callback(lambda _: changed.set())
                        wake_at = schedule.wake_at(now)
                        with contextlib.suppress(TimeoutError):
                            pause = None if wake_at is None else max(0.0, wake_at - self._clock())
                            async with asyncio.timeout(pause):
                                await changed.wait()
        finally:
            self._schedule = None
            # A question that is open ends by itself, within the client's time limit.
            threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(
        self, schedule: Schedule, question: Question, threads: ThreadPoolExecutor
    ) -> None:
        """Ask, and tell the schedule and the store what the answer is."""
        place = question.place
        call: Callable[[Place], Answer | int] = self._asking.revision
        if question.instances:
            call = self._asking.instances
        try:
            answer = await asyncio.get_running_loop().run_in_executor(threads, call, place)
        except NoSuchService as error:
            believed = schedule.saw_nothing(place, self._clock())
            if believed is None:
                self._tell(place, error)
            elif believed:
                await self._settle(place, ())
        except Exception as error:  # noqa: BLE001 - told, and asked again
            throttled = isinstance(error, DiscoveryThrottled)
            schedule.failed(place, self._clock(), throttled=throttled)
            self._tell(place, error)
        else:
            self._tell(place, None)
            if isinstance(answer, Answer):
                await self._instances(schedule, place, answer)
            else:
                schedule.saw_revision(place, answer, self._clock())

    async def _instances(self, schedule: Schedule, place: Place, answer: Answer) -> None:
        live = any("gone" not in one.body for one in _held(self._store.view, place))
        believed = schedule.saw_instances(
            place, answer.revision, self._clock(), empty=not answer.instances, live=live
        )
        if believed:
            await self._settle(place, answer.instances)

    async def _settle(self, place: Place, seen: Sequence[Seen]) -> None:
        """Write what is known after an answer that is believed, if that changes anything."""

        def change(tx: Transaction) -> None:
            for identity, body in _changes(tx, place, seen, tx.moment):
                if body is None:
                    tx.delete(tables.DISCOVERED, *place.key, identity)
                else:
                    tx.put(tables.DISCOVERED, *place.key, identity, body=body)

        if any(True for _ in _changes(self._store.view, place, seen, self._store.now())):
            with self._supervisor.contained(f"the discovery of {place}"):
                await self._store.write(ACTOR, "DiscoverInstances", change)

    async def _forget(self, place: Place) -> None:
        """Nobody needs to know this service any more."""

        def change(tx: Transaction) -> None:
            for document in _held(tx, place):
                tx.delete(tables.DISCOVERED, *place.key, document.body["id"])

        with self._supervisor.contained(f"the discovery of {place}"):
            await self._store.write(ACTOR, "ForgetInstances", change)

    def _tell(self, place: Place, error: Exception | None) -> None:
        """Name what fails, until it works again: one service, or the whole of Cloud Map."""
        own = isinstance(error, DiscoveryRefused | NoSuchService)
        for worker, concerned in ((f"the discovery of {place}", own), (_ALL, not own)):
            with self._supervisor.contained(worker):
                if error is not None and concerned:
                    raise error


class _Naming:
    """The services that virtual nodes name, and those of which something is known, read again only
    if one of the two has changed.
    """

    def __init__(self) -> None:
        self.named: frozenset[Place] = frozenset()
        self.held: frozenset[Place] = frozenset()
        self._read: tuple[object, object] | None = None

    def update(self, view: View) -> bool:
        """Read them; False if nothing has changed."""
        # A collection that was not written is the same object in the next view.
        nodes = view.collections.get(tables.VIRTUAL_NODES)
        known = view.collections.get(tables.DISCOVERED)
        if self._read is not None and self._read[0] is nodes and self._read[1] is known:
            return False
        self._read = (nodes, known)
        before = (self.named, self.held)
        specs = (node.body["spec"] for node in view.list(tables.VIRTUAL_NODES))
        sources = (spec.get("serviceDiscovery", {}).get("awsCloudMap") for spec in specs)
        self.named = frozenset(
            Place(one["namespaceName"], one["serviceName"]) for one in sources if one
        )
        keys = (document.key.split("/") for document in view.list(tables.DISCOVERED))
        self.held = frozenset(Place(unquote(key[0]), unquote(key[1])) for key in keys)
        return before != (self.named, self.held)


def _held(reader: Reader, place: Place) -> list[Document[DiscoveredBody]]:
    return reader.list(tables.DISCOVERED, *place.key)


def _changes(
    reader: Reader, place: Place, seen: Sequence[Seen], present: Moment
) -> Iterator[tuple[str, DiscoveredBody | None]]:
    """The documents that an answer changes, by id; None for one that is deleted."""
    before = {document.body["id"]: document.body for document in _held(reader, place)}
    known = {
        identity: Held(
            tuple(sorted(body["attributes"].items())),
            body["healthy"],
            present.since(body["gone"]) if "gone" in body else None,
        )
        for identity, body in before.items()
    }
    after = settle(known, seen)
    for identity in before.keys() - after.keys():
        yield identity, None
    for identity, held in after.items():
        body: DiscoveredBody = {
            "namespace": place.namespace,
            "service": place.service,
            "id": identity,
            "attributes": dict(held.attributes),
            "healthy": held.healthy,
        }
        if held.gone is not None:
            was = before[identity].get("gone")
            body["gone"] = present.stored() if was is None else was
        if before.get(identity, body).get("draining"):
            body["draining"] = True
        if body != before.get(identity):
            yield identity, body
