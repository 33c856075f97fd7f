"""What people decide about group deployments that run, and the work on them: each decision of
`deciding` is stored, with what its members are told, in one write.

What a member does is the work of its own deployment; nothing here looks at the world.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence

from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, GroupDeployment, GroupDescription, GroupState
from tealmesh.model.said import listed, say
from tealmesh.rollout import machine
from tealmesh.rollout.effects import Approved, Event, Promoted
from tealmesh.rollout.groups import deciding, stored, words
from tealmesh.rollout.groups.deciding import Decision, Members
from tealmesh.rollout.running.beginnings import Begun, Together
from tealmesh.rollout.running.work import Work
from tealmesh.store import Store, Transaction
from tealmesh.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)

Decide = Callable[[GroupDeployment, Members], Decision]


class Steering:
    """The group deployments that run; `run` must run as long as the control plane does.

    Methods take the names of groups and raise AwsError: NotFoundException for an unknown group, and
    ConflictException as each method says.
    """

    def __init__(
        self, store: Store, work: Work, wall: Clock, poll_seconds: float, supervisor: Supervisor
    ) -> None:
        self._store = store
        self._work = work
        self._wall = wall
        self._poll_seconds = poll_seconds
        self._supervisor = supervisor
        self._wake = asyncio.Event()
        work.on_member = lambda member: self._wake.set()

    async def run(self) -> None:
        """Work on all group deployments until cancelled."""
        while True:
            self._wake.clear()
            running = stored.unfinished(self._store.view)
            for g in running:
                with self._supervisor.contained(f"group {g.group}", concerns=g.members[0].service):
                    await self._turns(g)
            # Another replica may begin one. Those that run are looked at often enough.
            hears = contextlib.nullcontext() if running else self._store.waking(self._wake)
            # Not wait_for, which before Python 3.12 may lose a cancellation.
            with hears, contextlib.suppress(TimeoutError):
                if not running and stored.unfinished(self._store.view):
                    continue
                async with asyncio.timeout(self._poll_seconds if running else None):
                    await self._wake.wait()

    async def approve(self, actor: str, name: str) -> GroupDeployment:
        """Let every member that waits for it pass its next step that needs approval.
        ConflictException if none does.
        """
        return await self._tell(
            actor,
            name,
            lambda d: Approved(actor) if machine.awaited(d) is not None else None,
            say("no deployment of group {name} needs approval", name=name),
        )

    async def promote(self, actor: str, name: str, full: bool = False) -> GroupDeployment:
        """Skip the rest of every member's step, or ``full``: all steps and the bake time. The order
        stays. ConflictException if there is nothing to skip.
        """
        return await self._tell(
            actor,
            name,
            lambda d: None if machine.promotable(d, full) else Promoted(actor, full),
            say("no deployment of group {name} has a step to skip", name=name),
        )

    async def pause(self, actor: str, name: str) -> GroupDeployment:
        """Let no weight grow until `resume`. ConflictException if it is paused, or past that."""

        def decide(g: GroupDeployment, members: Members) -> Decision:
            if g.paused_by:
                raise conflict(
                    say(
                        "group {name} is paused by {paused_by} already",
                        name=name,
                        paused_by=g.paused_by,
                    )
                )
            if g.state not in (GroupState.PREPARING, GroupState.SHIFTING):
                raise conflict(
                    say(
                        "group {name} is {state}: there is nothing to pause",
                        name=name,
                        state=g.state,
                    )
                )
            return deciding.paused(g, members, actor, self._wall())

        return await self._steer(actor, name, decide)

    async def resume(self, actor: str, name: str) -> GroupDeployment:
        """End the pause. ConflictException if there is none; what is held is resumed by itself."""

        def decide(g: GroupDeployment, members: Members) -> Decision:
            if not g.paused_by:
                raise conflict(_not_paused(name, deciding.held(members)))
            return deciding.unpaused(g, members, actor, self._wall())

        return await self._steer(actor, name, decide)

    async def abort(self, actor: str, name: str, give_up: bool = False) -> GroupDeployment:
        """Take all members back, or ``give_up``: end the deployment and leave all as it is.
        ConflictException if none runs, or if all have passed and old sides are being stopped.
        """

        def decide(g: GroupDeployment, members: Members) -> Decision:
            if give_up:
                return deciding.given_up(g, members, actor, self._wall())
            if g.state is GroupState.FINISHING:
                raise conflict(
                    say(
                        "group {name} is stopping its old sides: `teal rollback --group {name}` "
                        "starts them again and goes back to them",
                        name=name,
                    )
                )
            return deciding.aborted(g, members, actor, self._wall())

        return await self._steer(actor, name, decide)

    def history(self, name: str) -> list[GroupDeployment]:
        """The deployments of a group, newest first; also of one that no teal.toml has any more."""
        found = stored.history(self._store.view, name)
        if not found:
            stored.group(self._store.view, name)
        return found

    def members(self, g: GroupDeployment) -> dict[str, Deployment]:
        """The deployments of the members, with their newest observations, in order."""
        return {
            m.service: found
            for m in g.members
            if (found := self._work.one(m.service, m.deployment)) is not None
        }

    def describe(self, g: GroupDeployment) -> GroupDescription:
        """The group deployment with its members, and what there is to say of it."""
        return words.described(g, self.members(g))

    async def _turns(self, g: GroupDeployment) -> None:
        """Decide until nothing follows any more."""

        def decide(present: GroupDeployment, members: Members) -> Decision:
            return deciding.decide(present, members, self._wall())

        while decision := await self._decide(g, f"rollout/{g.group}", decide):
            g, before = decision.group, g
            if g.sequence != before.sequence:
                log.info("group %s: %s %s", g.group, g.state, g.journal[-1].message)

    async def _tell(
        self, actor: str, name: str, event: Callable[[Deployment], Event | None], none: str
    ) -> GroupDeployment:
        """Tell each member what it is to be told, at once. ConflictException, ``none``, if no
        member is.
        """

        def decide(g: GroupDeployment, members: Members) -> Decision:
            told = {s: one for s, d in members.items() if not d.finished and (one := event(d))}
            if not told:
                raise conflict(none)
            return Decision(g, told)

        return await self._steer(actor, name, decide)

    async def _steer(self, actor: str, name: str, decide: Decide) -> GroupDeployment:
        """Store what a person decided about the running deployment, and what follows from that."""
        present = stored.running(self._store.view, name)
        if present is None:
            stored.group(self._store.view, name)
            raise conflict(
                say(
                    "no deployment of group {name} is running: `teal rollback --group {name}` "
                    "goes back to the versions before",
                    name=name,
                )
            )
        await self._decide(present, actor, decide)
        self._wake.set()
        return self._latest(present)

    async def _decide(self, g: GroupDeployment, actor: str, decide: Decide) -> Decision | None:
        """Store what ``decide`` says of a group deployment as it is stored; None for nothing."""
        made: list[Decision] = []

        def together(members: Mapping[str, Deployment]) -> Together | None:
            before = self._latest(g)
            decision = decide(before, {d.service: d for d in members.values()})
            if decision == Decision(before):
                return None
            made.append(decision)
            ids = {d.service: d.id for d in members.values()}
            events = {ids[service]: event for service, event in decision.events.items()}

            def store(t: Transaction) -> tuple[Begun, ...]:
                stored.put(t, decision.group, before)
                return ()

            return Together(events, store)

        ids = [m.deployment for m in g.members]
        await self._work.decide(actor, "GroupStep", ids, together)
        return made[0] if made else None

    def _latest(self, g: GroupDeployment) -> GroupDeployment:
        """The group deployment as it is stored now."""
        return next(one for one in stored.history(self._store.view, g.group) if one.id == g.id)


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message)


def _not_paused(group: str, held: Sequence[str]) -> str:
    told = say("group {group} is not paused", group=group)
    if not held:
        return told
    ways = listed([say("`teal resume {service}`", service=service) for service in held])
    return told + say("; {held} held: {ways}", held=listed(held, " and "), ways=ways)
