"""Which Envoys are let in: each proves by a token whose it is, and may be nothing else.

An Envoy of a task is admitted as that task, with the node or gateway that the task stands for,
until the task has stopped, if the policies of the task's role allow it; what it says of itself
counts for nothing. Design notes 035 and 038.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tealmesh.app.envoys.permission import Permissions
from tealmesh.app.envoys.role_identity import RoleIdentities
from tealmesh.engine.former import former_balancers, former_task
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.arn import last_part, task_of
from tealmesh.model.clock import Clock
from tealmesh.model.errors import EnvoyForbidden, EnvoyUnknown
from tealmesh.model.identity.bindings import Bindings, resources_of
from tealmesh.model.identity.envoys import CERTIFIED, SCHEME, Identity, Owner, proven
from tealmesh.model.identity.keys import Keys
from tealmesh.model.identity.presigned import is_proof
from tealmesh.model.load_balancers import load_balancer_name
from tealmesh.model.mesh import load_balancer_proxy
from tealmesh.model.said import say
from tealmesh.store import Store, tables
from tealmesh.store.snapshot import load_balancer_places
from tealmesh.supervision.trouble import NOBODY, Told, Trouble

_log = logging.getLogger(__name__)

_EXPECTED = (
    "the control plane expects the metadata 'authorization: Bearer TOKEN' with the token of this "
    "Envoy"
)
ARRIVAL_SECONDS = 5.0
"""How long an Envoy waits for its task to be known."""
_LOOK_SECONDS = 0.2
_KEPT = 200
"""Refused Envoys that are remembered, at most."""


@dataclass(frozen=True)
class Refusal:
    """An Envoy that is known and was refused."""

    identity: str
    resource: str
    """The node id that it wanted to connect with."""
    why: str
    by_role: bool = False
    """Whether it may not because of the policies of its task's role."""


@dataclass
class Admission:
    """`model.identity.envoys.Admit` by the store's tasks and load balancers. ``tell`` writes down
    who is refused, and who is let in again.
    """

    store: Store
    keys: Keys
    permissions: Permissions
    clock: Clock
    tell: Told
    bindings: Callable[[], Bindings] = Bindings
    """Which certificates stand for which nodes."""
    roles: RoleIdentities | None = None
    """Who knows those that prove by STS which role they have; None where nobody does."""
    hurry: Callable[[], None] | None = None
    """Asks for an early look at an ECS that is elsewhere; None where all tasks are our own."""
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """By identity: those that are refused at present."""
    _proven: tuple[object, Identity] | None = None
    """The latest token that proved something, with the keys then: each is asked for twice, when it
    is known and when its Envoy is admitted."""
    _read: tuple[object, TaskState] | None = None
    """The latest document of a task whose state was read."""

    def known(self, given: str) -> bool:
        if given.startswith(CERTIFIED):
            return bool(resources_of(given.removeprefix(CERTIFIED), self.bindings()))
        text = given.removeprefix(SCHEME)
        if is_proof(text):
            return self.roles is not None and self.roles.plausible(text)
        if any(_same(text, shared) for shared in (*self.keys.owners, self.keys.former) if shared):
            return True
        try:
            self._prove(text)
        except EnvoyUnknown:
            return False
        return True

    async def identify(self, given: str, node_id: str, declared: str) -> str:
        identity = await self._identity(given, node_id, declared)
        await self._arrival(identity)
        with self._telling(identity, node_id):
            role = self._check(identity, node_id)
            if identity.owner is Owner.ROLE and role:
                # Nothing but its role's policies says which node's statistics are its own.
                await self._permit(role, identity.resource)
        return identity.name

    def admit_at_once(self, given: str, node_id: str, declared: str) -> str | None:
        if self._asks(given):
            return None
        identity = self._shown(given, node_id, declared)
        if self._awaited(identity):
            return None
        with self._telling(identity, node_id):
            role = self._check(identity, node_id)
            why = self.permissions.said(role, identity.resource) if role else ""
            if why is None:
                return None
            if why:
                raise EnvoyForbidden(why, by_role=True)
        self._let_in(identity.name or identity.resource)
        return identity.name

    async def admit(
        self, given: str, node_id: str, declared: str, since: float | None = None
    ) -> str:
        identity = await self._identity(given, node_id, declared, since)
        await self._arrival(identity)
        with self._telling(identity, node_id):
            role = self._check(identity, node_id)
            if role:
                await self._permit(role, identity.resource)
        self._let_in(identity.name or identity.resource)
        return identity.name

    def forget_ended(self) -> None:
        """Forget whom a role kept out, where the task has stopped."""
        for refusal in [one for one in self.refusals.values() if one.by_role]:
            state = self._state(refusal.identity)
            if state is None or state.phase is Phase.STOPPED:
                self._let_in(refusal.identity)

    def barred(self, task: str) -> str:
        """Why the Envoy of a task gets no configuration, as far as was asked: what its role may
        not. Empty otherwise.
        """
        state = self._state(task) if self.permissions.refuses else None
        if state is None or not state.role:
            return ""
        return self.permissions.barred(state.role, _resource(state))

    def cut_off(self, task: str) -> bool:
        """Whether a task that drains has an Envoy without permission: nobody waits for that one. A
        task that goes on sending is waited for, or it would send to what has been stopped.
        """
        state = self._state(task) if self.permissions.refuses else None
        if state is None or state.phase not in (Phase.DRAIN, Phase.DEREGISTER):
            return False
        return bool(self.barred(task))

    def unasked(self, task: str) -> str:
        """That nobody asked what the role of a task may, as IAM does not know it; or empty."""
        state = self._state(task) if self.permissions.unknown else None
        if state is None or state.role not in self.permissions.unknown:
            return ""
        return say("IAM does not know its role {role}: what it may is not asked", role=state.role)

    async def _arrival(self, identity: Identity) -> None:
        """Wait for a task that is proven and not known yet, as its ECS is elsewhere: refused, its
        Envoy would come back after its back-off, seconds after the task is known.
        """
        for _ in range(round(ARRIVAL_SECONDS / _LOOK_SECONDS)):
            if self.hurry is None or not self._awaited(identity):
                return
            self.hurry()
            await asyncio.sleep(_LOOK_SECONDS)

    def _awaited(self, identity: Identity) -> bool:
        """Whether it is of a task that may become known."""
        ours = self.hurry is None or identity.owner is not Owner.TASK
        return not ours and self._state(identity.name) is None

    async def _permit(self, role: str, resource: str) -> None:
        """Raise EnvoyForbidden if the role may not have the configuration."""
        why = await self.permissions.why_not(role, resource)
        if why:
            raise EnvoyForbidden(why, by_role=True)

    @contextlib.contextmanager
    def _telling(self, identity: Identity, node_id: str) -> Iterator[None]:
        """Write down a refusal."""
        try:
            yield
        except EnvoyForbidden as error:
            name = identity.name or identity.resource
            self._refused(Refusal(name, node_id, str(error), error.by_role))
            raise

    async def _identity(
        self, given: str, node_id: str, declared: str, since: float | None = None
    ) -> Identity:
        if self.roles is None or not self._asks(given):
            return self._shown(given, node_id, declared)
        try:
            text = given.removeprefix(SCHEME)
            return await self.roles.identity(text, short(node_id), since)
        except EnvoyForbidden as error:
            self._refused(Refusal(error.name, node_id, str(error)))
            raise

    def _asks(self, given: str) -> bool:
        """Whether STS has to be asked what this proves."""
        of_scheme = given.startswith(SCHEME) and is_proof(given.removeprefix(SCHEME))
        return of_scheme and self.roles is not None

    def _shown(self, given: str, node_id: str, declared: str) -> Identity:
        """What is proven by itself. Raises EnvoyUnknown."""
        if given.startswith(CERTIFIED):
            return self._certified(given.removeprefix(CERTIFIED), node_id, declared)
        text = given.removeprefix(SCHEME)
        if text == given or not text:
            raise EnvoyUnknown(_EXPECTED)
        if any(_same(text, one) for one in self.keys.owners):
            return Identity(Owner.USER, declared, short(node_id))
        if self.keys.former and _same(text, self.keys.former):
            return self._former(node_id, declared)
        return self._prove(text)

    def _prove(self, text: str) -> Identity:
        """The identity in a token of ours. Raises EnvoyUnknown for others."""
        keys = self.keys
        asked = (text, keys.envoys, keys.owned)
        if self._proven is None or self._proven[0] != asked:
            self._proven = (asked, proven(*asked))
        return self._proven[1]

    def _certified(self, uri: str, node_id: str, declared: str) -> Identity:
        """An Envoy that has shown a certificate with this URI."""
        allowed = resources_of(uri, self.bindings())
        if not allowed:
            raise EnvoyUnknown(
                f"the certificate of {uri!r} is of no virtual node or gateway: "
                "spiffe://DOMAIN/mesh/MESH/virtualNode/NAME is, and those of `teal envoy allow`"
            )
        asked = short(node_id)
        resource = asked if asked in allowed else allowed[0]
        return Identity(Owner.USER, f"{declared} of {uri}" if declared else "", resource)

    def _former(self, node_id: str, declared: str) -> Identity:
        """Who an Envoy is that an earlier version started: what it says, if that one started it."""
        if node_id in former_balancers(self.store.view):
            return Identity(Owner.BALANCER, node_id, node_id)
        state = self._state(declared)
        if state is None or not former_task(state):
            raise EnvoyUnknown(
                "this token is of an earlier version and good only for tasks that it started: "
                "make the bootstrap of your own Envoys anew by `teal envoy bootstrap`"
            )
        return Identity(Owner.TASK, declared, _resource(state))

    def _check(self, identity: Identity, node_id: str) -> str:
        """Raise EnvoyForbidden unless the Envoy may connect with this node id; return its role, or
        that of its task, empty for none.
        """
        if short(node_id) != identity.resource:
            raise EnvoyForbidden(
                f"node id {node_id!r}: this Envoy belongs to {identity.name or 'another node'} and "
                f"may connect only as {identity.resource}"
            )
        match identity.owner:
            case Owner.TASK:
                state = self._state(identity.name)
                if state is None:
                    raise EnvoyForbidden(f"the task {identity.name} is not known, or no longer")
                if state.phase is Phase.STOPPED:
                    raise EnvoyForbidden(f"the task {identity.name} has stopped")
                if _resource(state) != identity.resource:
                    raise EnvoyForbidden(f"the task {identity.name} is not {identity.resource}")
                return state.role
            case Owner.BALANCER if not self._has_balancer(identity.resource):
                raise EnvoyForbidden(f"{identity.resource} does not exist")
            case Owner.ROLE if _ours(identity.resource):
                raise EnvoyForbidden(f"{identity.name} cannot be {identity.resource}")
            case Owner.USER if _ours(identity.name) or _ours(identity.resource):
                raise EnvoyForbidden(
                    f"an Envoy of your own cannot be {identity.name or identity.resource}: the "
                    "control plane starts that one"
                )
        return identity.role

    def _state(self, arn: str) -> TaskState | None:
        """The state of a task; None if there is no such task."""
        task = task_of(arn)
        if task is None:
            return None
        document = self.store.view.get(tables.TASKS, *task)
        if document is None or document.body["taskArn"] != arn:
            return None
        if self._read is None or self._read[0] is not document:
            self._read = (document, TaskState.of(document.body))
        return self._read[1]

    def _has_balancer(self, resource: str) -> bool:
        places = load_balancer_places(self.store.view)
        names = {load_balancer_proxy(load_balancer_name(arn)).resource for arn in places}
        return resource in names

    def _let_in(self, name: str) -> None:
        if self.refusals.pop(name, None) is not None:
            self.tell("works", self._trouble(name, ""))

    def _refused(self, refusal: Refusal) -> None:
        before = self.refusals.pop(refusal.identity, None)
        self.refusals[refusal.identity] = refusal
        while len(self.refusals) > _KEPT:
            del self.refusals[next(iter(self.refusals))]
        if before != refusal:
            _log.warning("refused an Envoy: %s", refusal.why)
            self.tell("fails", self._trouble(refusal.identity, refusal.why))

    def _trouble(self, identity: str, why: str) -> Trouble:
        worker = f"the Envoy of {identity}"
        return Trouble(worker, why, NOBODY, self.clock(), times=1, next_try=None)


def task_of_session(store: Store, role: str, session: str) -> tuple[str, str] | None:
    """ARN and resource of the task that has the credentials of a session; None if it is no task's.
    A task is the session's that its credentials were issued for, and only if it has the role.
    """
    for document in store.view.list(tables.TASKS):
        body = document.body
        if last_part(body["taskArn"]) == session and TaskState.of(body).role == role:
            return body["taskArn"], _resource(TaskState.of(body))
    return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def short(node_id: str) -> str:
    """The name of a node or gateway, without what an ARN has before it and without the owner of a
    shared mesh.
    """
    parts = node_id.rpartition(":")[2].split("/")
    if len(parts) == 4:
        parts[1] = parts[1].partition("@")[0]
    return "/".join(parts)


def _resource(state: TaskState) -> str:
    """What the Envoy of a task stands for; empty without an Envoy."""
    envoy = state.envoy
    return f"mesh/{envoy['mesh']}/{envoy['kind']}/{envoy['name']}" if envoy else ""


def _ours(name: str) -> bool:
    """Whether only the control plane names an Envoy so."""
    return name.startswith(("arn:", load_balancer_proxy("").resource))
