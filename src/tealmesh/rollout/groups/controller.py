"""Begins group deployments, forward and back: all members in one write of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from tealmesh.model.clock import Clock, NewId, SteadyClock
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import (
    Deployment,
    Group,
    GroupDeployment,
    GroupEntry,
    GroupMember,
    GroupState,
    Membership,
    State,
)
from tealmesh.model.rollout.states import Kind
from tealmesh.rollout import beginning, documents, extending, journal, machine
from tealmesh.rollout.effects import Superseded
from tealmesh.rollout.groups import deciding, ordering, stored
from tealmesh.rollout.groups.steering import Steering, conflict
from tealmesh.rollout.running.beginnings import Begun, Together
from tealmesh.rollout.running.stored import refuse_locked
from tealmesh.rollout.running.work import Work
from tealmesh.rollout.system import Service
from tealmesh.store import Store, Transaction
from tealmesh.supervision.supervisor import Supervisor


class Begins(Protocol):
    """The part of `rollout.controller.Controller` that is needed here. Raises AwsError."""

    async def first(
        self, actor: str, system: Service, image: str, *, force: bool
    ) -> Deployment: ...
    async def first_back(
        self,
        actor: str,
        system: Service,
        gradual: bool,
        revision: int | None = None,
        instead_of: Deployment | None = None,
    ) -> tuple[Deployment, str]: ...


class Groups(Steering):
    """The group deployments of one control plane; `run` must run as long as it does.

    Methods take the names of groups and raise AwsError: NotFoundException for an unknown group, and
    ConflictException as each method says.
    """

    def __init__(
        self,
        store: Store,
        begins: Begins,
        work: Work,
        beginning_lock: asyncio.Lock,
        *,
        clock: SteadyClock,
        wall: Clock,
        new_id: NewId,
        poll_seconds: float,
        supervisor: Supervisor,
    ) -> None:
        super().__init__(store, work, wall, poll_seconds, supervisor)
        self._begins = begins
        self._beginning = beginning_lock
        self._clock = clock
        self._new_id = new_id

    async def deploy(
        self,
        actor: str,
        name: str,
        images: Mapping[str, str],
        token: str = "",
        *,
        force: bool = False,
    ) -> GroupDeployment:
        """Deploy these images, by service, together. ``force``: also in a freeze. A repeated
        ``token`` returns the deployment that it started.

        ConflictException, which names the service, while one of them is deployed, locked or in a
        freeze, or cannot be deployed as it stands; BadRequestException for what is none of the
        group's. Then nothing has changed.
        """
        group = self._resolved(self.group(name))
        wanted = self.images(group, images)
        if repeated := stored.by_token(self._store.view, name, token):
            if {m.service: m.image for m in repeated.members} != wanted:
                raise conflict(f"clientToken {token} was used for other images")
            return repeated
        stored.refuse_another(stored.running(self._store.view, name))
        firsts, systems = [], {}
        for service, image in wanted.items():
            system = documents.service(self._store.view, service)
            beginning.refuse_problem(system)
            extending.refuse(system, system.strategy)
            refuse_locked(self._store.view, service, self._store.now())
            firsts.append(await self._begins.first(actor, system, image, force=force))
            systems[service] = system
        return await self._begin(actor, group, "DEPLOY", firsts, systems, token)

    async def rollback(
        self, actor: str, name: str, gradual: bool = False
    ) -> tuple[GroupDeployment, str]:
        """Go back, all together: a deployment that runs is aborted; without one, each service of
        the latest one goes back to the version before it, callers first. The second value says that
        nothing had to be done.

        ConflictException if there is none, or if a service has been deployed alone since.
        """
        stored.group(self._store.view, name)
        present = stored.running(self._store.view, name)
        if present is not None and present.state is not GroupState.FINISHING:
            if present.kind == "ROLLBACK" or present.state is GroupState.ROLLING_BACK:
                return present, ""
            return await self.abort(actor, name), ""
        if present is not None:
            begun = await self._go_back_instead(actor, present, gradual)
            # Without one it has gone on meanwhile.
            return begun or await self.rollback(actor, name, gradual)
        latest = next(iter(stored.history(self._store.view, name)), None)
        stored.refuse_another(latest)
        if latest is None:
            raise conflict(f"group {name} has not been deployed yet: nothing to go back to")
        as_before = latest.kind == "ROLLBACK" and latest.state is GroupState.SUCCEEDED
        if as_before or latest.state is GroupState.ROLLED_BACK:
            return latest, f"group {name} is already back"
        return await self._go_back(actor, latest, gradual)

    async def retry(self, actor: str, name: str, token: str = "") -> GroupDeployment:
        """Start the latest deployment again, which has failed or was stopped: the same images.
        ConflictException if there is none, or if it was successful.
        """
        latest = next(iter(self.history(name)), None)
        stored.refuse_another(latest)
        if latest is None or latest.state is GroupState.SUCCEEDED or latest.kind == "ROLLBACK":
            raise conflict(f"group {name} has no deployment that failed: nothing to retry")
        images = {m.service: m.image for m in latest.members}
        return await self.deploy(actor, name, images, token)

    def images(self, group: Group, images: Mapping[str, str]) -> dict[str, str]:
        """The images by the names of services, in the group's order. Raises BadRequestException for
        one that the group does not have.
        """
        names = {n: documents.service(self._store.view, n).name for n in group.services}
        for service in images:
            if service not in names and service not in names.values():
                raise AwsError(
                    "BadRequestException",
                    f"images: {service!r} must be a service of group {group.name} "
                    f"({', '.join(group.services)})",
                )
        if not images:
            raise AwsError("BadRequestException", "images: must name at least one service")
        return {
            name: images.get(told, images.get(name, ""))
            for told, name in names.items()
            if told in images or name in images
        }

    def every(self) -> list[Group]:
        """All groups, by name."""
        return stored.groups(self._store.view)

    def group(self, name: str) -> Group:
        """The group of this name."""
        return stored.group(self._store.view, name)

    def order(self, name: str, services: Collection[str]) -> list[str]:
        """These services of a group in the order in which they take weight."""
        group = self._resolved(self.group(name))
        return list(ordering.after(group, services, "DEPLOY"))

    def repeated(self, name: str, token: str) -> bool:
        """Whether a deployment of the group was started with this token."""
        return stored.by_token(self._store.view, name, token) is not None

    def _resolved(self, group: Group) -> Group:
        """The group with the names by which services are deployed: one that others made may be
        called by its hostname in teal.toml.
        """
        names = {n: documents.service(self._store.view, n).name for n in group.services}
        depends_on = {
            names[n]: tuple(names[o] for o in group.depends_on.get(n, ())) for n in group.services
        }
        return replace(group, services=tuple(names.values()), depends_on=depends_on)

    async def _go_back(
        self, actor: str, latest: GroupDeployment, gradual: bool
    ) -> tuple[GroupDeployment, str]:
        firsts, systems = await self._firsts_back(actor, latest, gradual, {})
        if not firsts:
            return latest, f"group {latest.group} is already back"
        group = self._way_back(latest)
        return await self._begin(actor, group, "ROLLBACK", firsts, systems, ""), ""

    async def _go_back_instead(
        self, actor: str, g: GroupDeployment, gradual: bool
    ) -> tuple[GroupDeployment, str] | None:
        """Go back while old sides are being stopped: this deployment ends and another begins, in
        one write. None if it has gone on meanwhile.
        """
        before = self.members(g)
        stopping = {s: d for s, d in before.items() if d.state is State.CLEANING_UP}
        firsts, systems = await self._firsts_back(actor, g, gradual, stopping)
        if not firsts:
            return g, f"group {g.group} is already back"
        back, put = self._made(actor, self._way_back(g), "ROLLBACK", firsts, systems, "")
        event = Superseded(actor)
        made: list[GroupDeployment] = []

        def together(members: Mapping[str, Deployment]) -> Together | None:
            present = {d.service: d for d in members.values()}
            stored_now = self._latest(g)
            if any(d.sequence != before[s].sequence for s, d in present.items()):
                return None
            after = {
                s: machine.step(d, event, self._clock()) if s in stopping else d
                for s, d in present.items()
            }
            ends = deciding.decide(stored_now, after, self._wall()).group
            stored.refuse_another(ends)

            def store(t: Transaction) -> list[Begun]:
                stored.put(t, ends, stored_now)
                return put(t)

            made.append(back)
            return Together({stopping[s].id: event for s in stopping}, store)

        async with self._beginning:
            await self._work.decide(
                actor, "GroupRollback", [m.deployment for m in g.members], together
            )
        self._wake.set()
        return (self._latest(back), "") if made else None

    async def _firsts_back(
        self,
        actor: str,
        latest: GroupDeployment,
        gradual: bool,
        stopping: Mapping[str, Deployment],
    ) -> tuple[list[Deployment], dict[str, Service]]:
        """The beginnings of the members' ways back, not stored yet, but of those that are back.
        ``stopping``: those that stop their old side, and end as the ways back begin.
        """
        firsts, systems = [], {}
        for m in latest.members:
            running, ends = await self._work.settled(m.service), stopping.get(m.service)
            if running and not (ends and ends.id == running.id):
                documents.refuse_another(running)
            system = documents.service(self._store.view, m.service)
            newest = self._work.all(m.service)[0]
            first, already = await self._begins.first_back(actor, system, gradual, None, ends)
            if already:
                continue
            if newest.id != m.deployment:
                raise conflict(
                    f"{m.service} has been deployed alone since, to {newest.new_image}: go back "
                    f"with it first (`teal rollback {m.service}`)"
                )
            firsts.append(first)
            systems[m.service] = system
        return firsts, systems

    def _way_back(self, latest: GroupDeployment) -> Group:
        """The group as it goes back from a deployment."""
        present = self._resolved(self.group(latest.group))
        depends_on = latest.after if latest.kind == "DEPLOY" else present.depends_on
        return Group(latest.group, tuple(m.service for m in latest.members), depends_on)

    async def _begin(
        self,
        actor: str,
        group: Group,
        kind: Kind,
        firsts: Sequence[Deployment],
        systems: Mapping[str, Service],
        token: str,
    ) -> GroupDeployment:
        """Store a group deployment with its members, in one write, and work on them."""
        g, put = self._made(actor, group, kind, firsts, systems, token)
        async with self._beginning:
            await self._work.begin_together(actor, f"Group{kind.capitalize()}", put)
        self._wake.set()
        return self._latest(g)

    def _made(
        self,
        actor: str,
        group: Group,
        kind: Kind,
        firsts: Sequence[Deployment],
        systems: Mapping[str, Service],
        token: str,
    ) -> tuple[GroupDeployment, Callable[[Transaction], list[Begun]]]:
        """A group deployment, and what stores it with its members."""
        now, identity = self._wall(), self._new_id()
        after = ordering.after(group, systems.keys(), kind)
        called = ordering.called(group.name, firsts)
        made = {
            d.service: replace(
                d,
                created_at=now,
                updated_at=now,
                member=Membership(group.name, identity, called=called[d.service]),
            )
            for d in firsts
        }
        members = tuple(GroupMember(n, made[n].id, made[n].new_image) for n in after)
        shown = ", ".join(f"{m.service} to {m.image}" for m in members)
        entry = GroupEntry(1, now, GroupState.PREPARING.value, f"{shown}, by {actor}")
        g = GroupDeployment(
            identity, group.name, members, after, now, now,
            kind=kind, actor=actor, client_token=token, journal=(entry,),
        )  # fmt: skip

        def put(t: Transaction) -> list[Begun]:
            stored.put_first(t, g)
            begun = []
            for name, first in made.items():
                first_entry = journal.entry(first, State.CREATED.value)
                pinned = beginning.pinned(systems[name])
                begun.append((documents.put_first(t, first, first_entry, pinned), first_entry))
            return begun

        return g, put
