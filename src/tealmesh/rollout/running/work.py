"""The work on deployments: stores each transition, then performs the effect of the new state.

The store keeps the state (``teal.deployment``) and one entry of ``teal.journal`` per transition.
When the control plane restarts, every unfinished deployment resumes in its stored state. So it
does at another replica: one works on all deployments, any may begin one or store what a person has
decided, and the one that works hears of that from the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import Fenced
from tealmesh.model.rollout import Deployment, JournalEntry, Membership, fencing
from tealmesh.model.traffic import windows
from tealmesh.rollout import documents, journal, machine
from tealmesh.rollout.effects import Event, Looked, NotReady, Resumed
from tealmesh.rollout.performer import Performer
from tealmesh.rollout.running.beginnings import Begun, PutFirst, Together, begun_at
from tealmesh.rollout.running.hearing import Hearing, Numbers
from tealmesh.rollout.running.insisting import insisting
from tealmesh.rollout.running.live import Live
from tealmesh.rollout.system import Service
from tealmesh.store import Store, Transaction, tables
from tealmesh.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)

OnTransition = Callable[[JournalEntry], None]
"""Called after a transition is committed and before its effect is performed. For tests that stop
the control plane at every transition."""


class Work:
    """The unfinished deployments; the one control plane that works on them runs `run`."""

    def __init__(
        self,
        store: Store,
        performer: Performer,
        *,
        clock: SteadyClock,
        wall: Clock,
        poll_seconds: float,
        supervisor: Supervisor,
        on_transition: OnTransition,
        hearing: Hearing,
    ) -> None:
        self._store = store
        self._performer = performer
        self._clock = clock
        self._wall = wall
        self._poll_seconds = poll_seconds
        self._supervisor = supervisor
        self._on_transition = on_transition
        self._hearing = hearing
        self._live = Live(store)
        self.running, self.all, self.one = self._live.running, self._live.all, self._live.one
        self.latest, self.shown, self.heard = self._live.latest, self._live.shown, self._live.heard
        self._stored: dict[str, float] = {}
        self._context: contextvars.Context | None = None
        """That of `run`, and so of the lease: all that is done for deployments is done in it. None
        while another replica works on them."""
        self._lock = asyncio.Lock()
        self._workers: dict[str, asyncio.Task[None]] = {}
        self.on_member: Callable[[Membership], None] = lambda member: None
        """Called when a member of a group has come to something that its group may wait for."""

    async def run(self) -> None:
        """Resume the unfinished deployments, then work on all until cancelled."""
        self._context = contextvars.copy_context()
        resumed, seen = True, None
        try:
            self._performer.others.resume()
            async for view in self._store.watch():
                stored = view.collections.get(tables.DEPLOYMENTS)
                if resumed or stored is not seen:
                    await self._follow(resumed)
                resumed, seen = False, stored
        finally:
            self._context = None
            for worker in self._workers.values():
                worker.cancel()
            await asyncio.gather(*self._workers.values(), return_exceptions=True)
            self._live.clear()
            self._stored.clear()
            await self._performer.others.close()

    def published(self) -> dict[str, str] | None:
        """The unfinished deployments with their newest observations, as JSON; None while another
        replica works on them.
        """
        return None if self._context is None else self._live.published()

    async def _follow(self, resumed: bool) -> None:
        """Work on what other replicas have begun, and go on from what they have stored."""
        async with self._lock:
            view = self._store.view
            for d in self._live.moved_elsewhere(view):
                self._live.put(d)
                self._live.wake(d.id)
                if d.member:
                    self.on_member(d.member)
            for document in view.list(tables.DEPLOYMENTS):
                body = document.body
                if body["id"] not in self._live and body["finished_at"] is None:
                    self._live.begin(deployment := Deployment.from_json(body))
                    self._work_on(deployment, resumed=resumed)

    async def begin(self, operation: str, first: Deployment, put_first: PutFirst) -> Deployment:
        """Store a deployment by ``put_first`` and work on it."""
        begun, entry = begun_at(first, self._wall())
        async with self._lock:
            first = await self._store.write(
                first.actor, operation, lambda t: put_first(t, begun, entry)
            )
            self._worked_on(first, entry)
        return first

    async def succeed(
        self,
        operation: str,
        first: Deployment,
        put_first: PutFirst,
        before: Deployment,
        event: Event,
    ) -> Deployment | None:
        """The same, and end ``before`` by ``event`` in the same write: no kill can leave one
        without the other. None, and nothing is stored, if ``before`` has made another transition
        meanwhile.
        """
        begun, entry = begun_at(first, self._wall())
        async with self._lock:
            present = self._live.present(before.id)
            if present.sequence != before.sequence:
                return None
            after = self._dated(present, machine.step(present, event, self._clock()))
            if not after.finished:
                return None
            made = journal.transition(present, event, after)
            end = journal.entry(after, made, journal.decided_by(event))

            def change(t: Transaction) -> Deployment:
                documents.put(t, after, end, before.sequence, self._wall())
                return put_first(t, begun, entry)

            try:
                first = await self._store.write(first.actor, operation, change)
            except Fenced:
                self._live.read_again(before.id)
                return None
            self._seen(present, after, end)
            self._worked_on(first, entry)
        return first

    def _worked_on(self, first: Deployment, entry: JournalEntry) -> None:
        self._on_transition(entry)
        self._work_on(first)

    async def begin_together(
        self, actor: str, operation: str, put: Callable[[Transaction], Sequence[Begun]]
    ) -> list[Deployment]:
        """Store several deployments at once by ``put``, which has them numbered, and work on
        them.
        """
        async with self._lock:
            begun = await self._store.write(actor, operation, put)
            for first, entry in begun:
                self._worked_on(first, entry)
        return [first for first, _ in begun]

    @insisting
    async def decide(
        self,
        actor: str,
        operation: str,
        ids: Sequence[str],
        decide: Callable[[Mapping[str, Deployment]], Together | None],
    ) -> None:
        """Let ``decide`` say, from the newest observations of these deployments by id, what each is
        told; what follows from that is stored in one write, with what else it stores. None for
        nothing. Raises Fenced as `apply` does.
        """
        async with self._lock:
            before = {i: self._live.present(i) for i in ids}
            together = decide(before)
            if together is None:
                return
            steps = [
                (
                    before[i],
                    self._dated(before[i], machine.step(before[i], event, self._clock())),
                    event,
                )
                for i, event in together.events.items()
            ]
            made = [
                (old, new, journal.entry(new, journal.transition(old, event, new)))
                for old, new, event in steps
                if new.sequence != old.sequence
            ]

            def change(t: Transaction) -> Sequence[Begun]:
                for old, new, entry in made:
                    documents.put(t, new, entry, old.sequence, self._wall())
                return together.store(t)

            try:
                begun = await self._store.write(actor, operation, change)
            except Fenced:
                for i in ids:
                    self._live.read_again(i)
                raise
            for old, new, entry in made:
                self._seen(old, new, entry)
            for first, first_entry in begun:
                self._worked_on(first, first_entry)

    async def settled(self, service: str) -> Deployment | None:
        """The running deployment, once a transition that is being stored has been made."""
        async with self._lock:
            return self.running(service)

    @insisting
    async def apply(
        self, deployment_id: str, event: Event, issued: int | None = None
    ) -> Deployment:
        """Step on ``event``; a transition is stored before anybody sees it.

        ``issued``: sequence of the deployment when the effect was issued that ``event`` answers.
        If there was a transition since, the event is out of date and is ignored. Raises Fenced if
        other replicas go on with the deployment all the time.
        """
        async with self._lock:
            before = self._live.present(deployment_id)
            if issued is not None and before.sequence != issued:
                return before
            after = self._dated(before, machine.step(before, event, self._clock()))
            entry = await self._keep(before, event, after)
            self._seen(before, after, entry)
            return after

    def _seen(self, before: Deployment, after: Deployment, entry: JournalEntry | None) -> None:
        """What is stored may be seen: by those that wait for it, and by its group."""
        if after.id in self._live:
            self._live.put(after)
        if entry is not None:
            self._on_transition(entry)
            log.info("deployment of %s: %s %s", after.service, entry.transition, entry.message)
            self._live.wake(after.id)
        if after.member and (entry is not None or after.member != before.member):
            self.on_member(after.member)

    async def _keep(
        self, before: Deployment, event: Event, after: Deployment
    ) -> JournalEntry | None:
        """Store a transition, whose entry is returned, and a window of measurement that has been
        closed; else, every few seconds, what has counted towards a time limit. What was observed
        meanwhile is not stored. Raises Fenced if the stored deployment is not
        ``before``; then it is taken as it is stored.
        """
        measured = after.comparison.windows != before.comparison.windows
        entry = None
        if after.sequence != before.sequence:
            made = journal.transition(before, event, after)
            entry = journal.entry(after, made, journal.decided_by(event))
        elif not measured and not self._uncounted(after):
            return None

        def change(t: Transaction) -> None:
            if entry is None:
                documents.put_measured(t, after, before.sequence)
            else:
                documents.put(t, after, entry, before.sequence, self._wall())
            if measured:
                documents.put_window(t, after)

        self._stored[after.id] = self._clock()
        actor = windows.ACTOR
        if entry is not None:
            actor = entry.by or f"rollout/{after.service}"
        try:
            await self._store.write(actor, entry.transition if entry else "Measured", change)
        except Fenced:
            self._live.read_again(after.id)
            raise
        return entry

    def _uncounted(self, d: Deployment) -> bool:
        """Whether time that counts towards a limit is to be stored, so that no restart loses it."""
        now = self._clock()
        return machine.uncounted(d, now - self._stored.setdefault(d.id, now))

    def _work_on(self, deployment: Deployment, *, resumed: bool = False) -> None:
        """Work on a deployment, unless that is done already, or another replica does."""
        if self._context is None or deployment.id in self._workers:
            return
        identity, service = deployment.id, deployment.service
        self._live.begin(deployment)
        worker = asyncio.create_task(
            self._supervisor.keep(
                f"the deployment of {service}",
                lambda: self._work_to_the_end(identity, resumed),
                concerns=service,
            ),
            name=f"deployment-{identity}",
            context=self._context.copy(),
        )
        self._workers[identity] = worker
        worker.add_done_callback(lambda _: self._workers.pop(identity, None))

    async def _work_to_the_end(self, deployment_id: str, resumed: bool) -> None:
        if resumed:
            present = self._live[deployment_id]
            since = self._store.now().since(present.counted_at) if present.counted_at else 0.0
            await self.apply(deployment_id, Resumed(since))
        woken = self._live.woken.setdefault(deployment_id, asyncio.Event())
        while not self._live[deployment_id].finished:
            issued = self._live[deployment_id]
            service = documents.deployed_service(self._store.view, issued.service)
            tasks, looked_at = self._hearing.tasks(service), self._clock()
            await self._turn(issued)
            await self._until_due(issued, service, woken, tasks, looked_at)
        self._performer.others.forget(self._live.end(deployment_id))
        self._stored.pop(deployment_id, None)

    async def _until_due(
        self,
        issued: Deployment,
        service: Service,
        woken: asyncio.Event,
        tasks: Numbers,
        looked_at: float,
    ) -> None:
        """Wait until the deployment is to be looked at again: when it makes a transition or hears
        of what it waits for, and after a short time in any case. ``tasks``: their numbers at the
        last look.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._poll_seconds
        with self._hearing.waking(woken):
            while (d := self._live[issued.id]).sequence == issued.sequence:
                woken.clear()
                now, left = self._clock(), end - loop.time()
                reported = self._hearing.reported_until(service)
                others = self._hearing.tasks(service) != tasks
                awaited, heard = machine.awaits(d), machine.Heard(looked_at, reported, others)
                if left <= 0 or machine.due(awaited, heard, now):
                    return
                ahead = awaited.at - now
                # Not wait_for, which before Python 3.12 may lose a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, ahead) if ahead > 0 else left):
                        await woken.wait()

    async def _turn(self, d: Deployment) -> None:
        """Look at what is, and perform the effect of the state if that is still right."""
        service = documents.deployed_service(self._store.view, d.service)
        look = await self._performer.look(d, service)
        looked = await self.apply(d.id, look, d.sequence)
        if looked.sequence != d.sequence or not isinstance(look, Looked):
            return
        order = machine.scaling(looked)
        if order is not None:
            with fencing.within(fencing.issued, _token(d)):
                scaled = await self._performer.scale(service, order)
            looked = await self.apply(d.id, scaled, d.sequence)
        effect = machine.next_effect(looked)
        if effect is None or looked.sequence != d.sequence:
            return
        event: Event
        if obstacle := machine.obstacle(looked):
            event = NotReady(obstacle)
        else:
            with fencing.within(fencing.issued, _token(d)):
                event = await self._performer.perform(looked, service, effect, look.seen)
        await self.apply(d.id, event, d.sequence)

    def _dated(self, before: Deployment, after: Deployment) -> Deployment:
        """The dates that are shown are wall time; what the machine computes with is not."""
        if after is before:
            return after
        now = self._wall()
        finished = after.finished_at if before.finished_at == after.finished_at else now
        counted_at = self._store.now().stored()
        return replace(after, updated_at=now, finished_at=finished, counted_at=counted_at)


def _token(d: Deployment) -> str:
    return fencing.token(d.service, d.id, d.sequence)
