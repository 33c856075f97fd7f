"""Whether the role of an Envoy may have the configuration of its node, as App Mesh asked:
https://docs.aws.amazon.com/app-mesh/latest/userguide/proxy-authorization.html

Who says so is a `Decider`. Design note 038.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tealmesh.aws.callers.roles import Role
from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import EnvoyUnverified
from tealmesh.model.mesh import Kind
from tealmesh.store import View, tables

ACTION = "appmesh:StreamAggregatedResources"

GOOD_SECONDS = 300.0
"""How long an answer counts at most, if nobody can be asked again."""
_REFUSED_AGAIN_SECONDS = 5.0
"""After which it is asked again where a role may not: an Envoy that is refused comes again within a
second."""
_ASKING_SECONDS = 20.0

FindRole = Callable[[str], Awaitable[Role | None]]
"""ARN of a role -> the role; None if IAM does not know it. Raises whatever its client does if IAM
cannot be asked."""


class Decider(Protocol):
    """Who says what a role may be."""

    @property
    def again_seconds(self) -> float:
        """After which it is asked again where a role may; at most `GOOD_SECONDS`."""

    @property
    def unknown(self) -> set[str]:
        """Roles of which it did not say anything, as it does not know them."""

    def version(self) -> object:
        """Another one as soon as earlier answers no longer count."""

    async def why_not(self, role: str, resource: str) -> str:
        """Why the Envoys of a role (its ARN) may not stand for ``mesh/M/virtualNode/N``; empty if
        they may. Raises whatever its client does if it cannot say so.
        """


@dataclass(frozen=True)
class _Answer:
    why: str
    """Why it may not; empty if it may."""
    at: float
    version: object
    """Of the changes that had been seen when it was asked."""


class Permissions:
    """What was said of roles and nodes, asked again after each change.

    While nobody can be asked (or IAM has no time for us), an earlier answer counts for five
    minutes; after that nobody is let in who comes new, and who is connected stays.
    """

    def __init__(self, decider: Decider, clock: SteadyClock) -> None:
        self.changed = asyncio.Event()
        """Set when something in IAM has changed; whoever has asked for all streams clears it."""
        self.refuses = False
        """Whether any role may not be what one of its Envoys wanted to be."""
        self._decider = decider
        self._clock = clock
        self._answers: dict[tuple[str, str], _Answer] = {}
        self._changes = 0

    @property
    def unknown(self) -> set[str]:
        """Roles that nobody was asked about, as nobody knows them."""
        return self._decider.unknown

    def forget(self) -> None:
        """Something in IAM has changed."""
        self._changes += 1
        self.changed.set()

    def barred(self, role: str, resource: str) -> str:
        """Why a role may not, as far as was asked; empty if it may or nobody asked."""
        known = self._answers.get((role, resource))
        return known.why if known else ""

    def said(self, role: str, resource: str) -> str | None:
        """As `why_not`, of an answer that still counts; None where somebody has to be asked."""
        known = self._answers.get((role, resource))
        if known is None or self._clock() - known.at >= self._lasts(known):
            return None
        return known.why if known.version == (self._changes, self._decider.version()) else None

    async def why_not(self, role: str, resource: str) -> str:
        """Why the Envoy of a task with this role may not stand for ``mesh/M/virtualNode/N``; empty
        if it may. Raises EnvoyUnverified if nobody can be asked and nobody has said so lately.
        """
        said = self.said(role, resource)
        if said is not None:
            return said
        known = self._answers.get((role, resource))
        now = self._clock()
        version = (self._changes, self._decider.version())
        try:
            async with asyncio.timeout(_ASKING_SECONDS):
                why = await self._decider.why_not(role, resource)
        except Exception as error:
            # boto3's errors have no common class.
            if known and now - known.at < GOOD_SECONDS:
                return known.why
            reason = str(error) or type(error).__name__
            text = f"IAM cannot be asked whether {role} may {ACTION} on {resource}: {reason}"
            raise EnvoyUnverified(text) from error
        self._forget_old(now)
        self._answers[role, resource] = _Answer(why, now, version)
        self.refuses = any(one.why for one in self._answers.values())
        return why

    def _lasts(self, answer: _Answer) -> float:
        return _REFUSED_AGAIN_SECONDS if answer.why else self._decider.again_seconds

    def _forget_old(self, now: float) -> None:
        old = [key for key, one in self._answers.items() if now - one.at > GOOD_SECONDS]
        for key in old:
            del self._answers[key]


def arn_of(view: View, resource: str, begin: str) -> str:
    """The own ARN of the node or gateway ``mesh/M/virtualNode/N``; if there is none, what it would
    be after ``begin``, ``arn:aws:appmesh:REGION:ACCOUNT:``.
    """
    _, mesh, kind, name = resource.split("/")
    found = (
        view.get(tables.VIRTUAL_NODES, mesh, name)
        if kind == Kind.VIRTUAL_NODE
        else view.get(tables.VIRTUAL_GATEWAYS, mesh, name)
    )
    return found.body["arn"] if found is not None else f"{begin}{resource}"
