"""Whether the policies of a task's role allow its Envoy the configuration of its node, as App Mesh
asked: https://docs.aws.amazon.com/app-mesh/latest/userguide/proxy-authorization.html

Design note 038.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tealmesh.aws.callers import context
from tealmesh.aws.callers.patterns import Context
from tealmesh.aws.callers.policies import Asked, Document, why_not
from tealmesh.aws.callers.roles import Role
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import EnvoyUnverified
from tealmesh.model.identity.envoys import EnvoyRoleBody
from tealmesh.model.mesh import Kind
from tealmesh.store import Store, Transaction, View, tables

_log = logging.getLogger(__name__)

ACTION = "appmesh:StreamAggregatedResources"

GOOD_SECONDS = 300.0
"""How long an answer counts at most, if IAM cannot be asked again."""
_AGAIN_SECONDS = 60.0
"""After which IAM is asked again where a role may. What changes by IAM's own API counts at once."""
_REFUSED_AGAIN_SECONDS = 5.0
"""The same where it may not: an Envoy that is refused comes again within a second."""
_ASKING_SECONDS = 20.0

FindRole = Callable[[str], Awaitable[Role | None]]
"""ARN of a role -> the role; None if IAM does not know it. Raises whatever its client does if IAM
cannot be asked."""


@dataclass(frozen=True)
class _Answer:
    why: str
    """Why it may not; empty if it may."""
    at: float
    changes: int
    """How many changes of IAM had been seen when it was asked."""


class Permissions:
    """What IAM said of roles and nodes, asked again after each change.

    Where IAM cannot be asked, an earlier "yes" counts for five minutes; after that nobody is let in
    who comes new, and who is connected stays.
    """

    def __init__(
        self,
        store: Store,
        find: FindRole,
        clock: SteadyClock,
        wall: Clock,
        region: str = DEFAULT_REGION,
        account: str = DEFAULT_ACCOUNT,
    ) -> None:
        self.changed = asyncio.Event()
        """Set when something in IAM has changed; whoever has asked for all streams clears it."""
        self.unknown: set[str] = set()
        """Roles that IAM did not know when it was asked last, and never did."""
        self.refuses = False
        """Whether any role may not be what one of its Envoys wanted to be."""
        self._store = store
        self._find = find
        self._clock = clock
        self._wall = wall
        self._begin = f"arn:aws:appmesh:{region}:{account}:"
        self._answers: dict[tuple[str, str], _Answer] = {}
        self._changes = 0

    def forget(self) -> None:
        """Something in IAM has changed."""
        self._changes += 1
        self.changed.set()

    def barred(self, role: str, resource: str) -> str:
        """Why a role may not, as far as was asked; empty if it may or nobody asked."""
        known = self._answers.get((role, resource))
        return known.why if known else ""

    async def why_not(self, role: str, resource: str) -> str:
        """Why the Envoy of a task with this role may not stand for ``mesh/M/virtualNode/N``; empty
        if it may. Raises EnvoyUnverified if IAM cannot be asked and has not said so lately.
        """
        known = self._answers.get((role, resource))
        now = self._clock()
        if known and known.changes == self._changes and now - known.at < _lasts(known):
            return known.why
        changes = self._changes
        try:
            async with asyncio.timeout(_ASKING_SECONDS):
                why = await self._ask(role, resource)
        except Exception as error:
            # boto3's errors have no common class.
            if known and not known.why and now - known.at < GOOD_SECONDS:
                return ""
            reason = str(error) or type(error).__name__
            text = f"IAM cannot be asked whether {role} may {ACTION} on {resource}: {reason}"
            raise EnvoyUnverified(text) from error
        self._forget_old(now)
        self._answers[role, resource] = _Answer(why, now, changes)
        self.refuses = any(one.why for one in self._answers.values())
        return why

    async def _ask(self, role: str, resource: str) -> str:
        found = await self._find(role)
        if found is None:
            return self._without(role)
        self.unknown.discard(role)
        await self._remember(role)
        arn = self._arn(resource)
        why = self._refusal(found, arn)
        if why is None or self._is_copied(found, resource, arn):
            return ""
        return f"{role} may not {ACTION} on {arn}: {why}"

    def _without(self, role: str) -> str:
        """Roles are often left out on one machine, where nothing else needs them; one that was
        there and was deleted is meant.
        """
        if self._store.view.get(tables.ENVOY_ROLES, role) is not None:
            return f"{role}, the role of its task, has been deleted"
        if role not in self.unknown:
            self.unknown.add(role)
            _log.warning("IAM does not know %s: what its tasks' Envoys may is not asked", role)
        return ""

    async def _remember(self, role: str) -> None:
        if self._store.view.get(tables.ENVOY_ROLES, role) is None:
            body: EnvoyRoleBody = {"roleArn": role}

            def put(tx: Transaction) -> None:
                tx.put(tables.ENVOY_ROLES, role, body=body)

            await self._store.write("tealmesh", "SeenRole", put)

    def _refusal(self, role: Role, arn: str) -> str | None:
        """Why its policies and its boundary refuse a node; None if they allow it."""
        asked = Asked(ACTION, (arn,))
        return why_not(role.documents, asked, self._context(role, arn), role.boundary)

    def _context(self, role: Role, arn: str) -> Context:
        region = {"aws:requestedregion": (arn.split(":")[3],)}
        now = context.at(self._wall())
        return {**context.of_principal(role.arn, role.unique_id), **region, **now}

    def _is_copied(self, role: Role, resource: str, arn: str) -> bool:
        """Whether it is a side that `teal deploy` makes from the other one, which the role may
        have: what Terraform wrote names only the sides that it made. An explicit Deny counts.
        """
        limits = [role.boundary] if role.boundary else []
        alone = [*role.documents, *limits, _EVERYTHING]
        if why_not(alone, Asked(ACTION, (arn,)), self._context(role, arn)) is not None:
            return False
        others = [self._arn(other) for other in _other_sides(self._store.view, resource)]
        return any(self._refusal(role, other) is None for other in others)

    def _arn(self, resource: str) -> str:
        """The node's or gateway's own ARN; if there is none, what it would be in this account."""
        _, mesh, kind, name = resource.split("/")
        view = self._store.view
        found = (
            view.get(tables.VIRTUAL_NODES, mesh, name)
            if kind == Kind.VIRTUAL_NODE
            else view.get(tables.VIRTUAL_GATEWAYS, mesh, name)
        )
        return found.body["arn"] if found is not None else f"{self._begin}{resource}"

    def _forget_old(self, now: float) -> None:
        old = [key for key, one in self._answers.items() if now - one.at > GOOD_SECONDS]
        for key in old:
            del self._answers[key]


_EVERYTHING: Document = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def _lasts(answer: _Answer) -> float:
    return _REFUSED_AGAIN_SECONDS if answer.why else _AGAIN_SECONDS


def _other_sides(view: View, resource: str) -> Iterator[str]:
    """The nodes whose counterpart this one is in a service that was deployed by `teal deploy`."""
    _, mesh, _, name = resource.split("/")
    for document in view.list(tables.ADOPTED):
        nodes = [side["virtual_node"] for side in document.body["found"]]
        if document.body["mesh"] == mesh and name in nodes:
            yield from (f"mesh/{mesh}/virtualNode/{one}" for one in nodes if one != name)
