"""Streams that stand at the same point share what follows from there.

Thousands of Envoys of one node get the same resources, ask the same and acknowledge the same. Each
stream is a walk through the states of a `Session`; a `Standing` is one such state, which never
changes, and knows what follows from each event that has happened to any stream there. So the
order of changes is worked out once for all that stand together, and a stream keeps little more
than where it stands and what its nonces are called.

Nothing of `session`, `subscription` or `barrier` is decided here: whatever happens for the first
time is done to a copy of the session, and the result is kept. Walks that led to the same state meet
again: states are compared by `Session.key`, and once an Envoy runs with its target,
`Session.settle` forgets by which way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import TypeAlias
from weakref import WeakValueDictionary

from tealmesh.envoy.resources import ResourceSet, ResourceType
from tealmesh.xds.protocol.barrier import Order, make_before_break
from tealmesh.xds.protocol.exchange import Nack
from tealmesh.xds.protocol.naming import Naming
from tealmesh.xds.protocol.session import NOTHING_KEPT, Memory, Send, Session

TICK = 1.0
"""Seconds. Streams that are served within the same one stand together: what is sent counts as sent
at its end, and waits end with a whole one."""

MOST = 512
"""Events that a standing knows what follows from."""
_LATEST = 500
"""Standings that are kept although no stream stands there, since the next one may come by."""

_Event: TypeAlias = tuple[object, ...]
_Outcome: TypeAlias = Send | Nack | None


class Standing:
    """A point at which streams stand."""

    __slots__ = (
        "__weakref__",
        "_kept",
        "_missing",
        "acknowledged",
        "after",
        "in_flight",
        "onward",
        "quiet",
        "rejections",
        "run",
        "session",
        "wake_at",
    )

    def __init__(self, session: Session) -> None:
        self.session = session
        """Never changed: so what is asked of it for each stream is looked for once."""
        self.acknowledged = bool(session.acknowledged)
        self.in_flight = session.in_flight
        self.rejections = session.rejections
        self.wake_at = session.wake_at
        self.quiet = self.wake_at is None and not session.is_due(-math.inf)
        """Whether nothing is due, whenever that is asked."""
        self.after: dict[_Event, Step] = {}
        self.onward: Step | None = None
        """That something may be sent, where the time does not matter."""
        self.run: Run | None = None
        """All that may be sent, when it was last looked for."""
        self._kept: Memory | None = None
        self._missing: list[str] | None = None

    def missing(self) -> list[str]:
        """As of `Session`, looked for once."""
        if self._missing is None:
            self._missing = self.session.missing()
        return self._missing

    def forget(self) -> None:
        """Work out anew what follows from here."""
        self.after.clear()
        self.onward = self.run = None

    def memory(self) -> Memory:
        """What the next stream of each Envoy here needs to know; the same for all, so that their
        next streams stand together too.
        """
        if self._kept is None:
            self._kept = self.session.memory()
        return self._kept


class Step:
    """What follows from an event."""

    __slots__ = ("about", "outcome", "renamed", "to")

    def __init__(
        self,
        outcome: _Outcome,
        to: Standing,
        renamed: dict[str, str] | None,
        about: object,
    ) -> None:
        self.outcome = outcome
        self.to = to
        self.renamed = renamed
        """What nonces are called from here, if they have other names than before."""
        self.about = about
        """What the event names by its id, kept for as long as the event is."""


class Run:
    """All that is due at a standing, without an event between."""

    __slots__ = ("idle", "renamed", "sends", "tick", "to")

    def __init__(
        self,
        sends: tuple[Send, ...],
        to: Standing,
        renamed: dict[str, str] | None,
        tick: float | None,
    ) -> None:
        self.sends = sends
        self.to = to
        self.renamed = renamed
        """As of `Step`."""
        self.tick = tick
        """The only time at which it is this; None where the time does not matter."""
        self.idle = tick is None and not sends
        """Whether nothing is due, whenever it is looked at."""


class Leap:
    """That those who stand at a point are given another target, and sent the one response that
    follows.
    """

    __slots__ = ("send", "to")

    def __init__(self, send: Send, to: Standing) -> None:
        self.send = send
        self.to = to


class Standings:
    """All points at which streams of one variant of the protocol and one order stand."""

    def __init__(self, *, delta: bool, order: Order = make_before_break) -> None:
        self.steps = 0
        """How many were worked out."""
        self.naming = Naming()
        self._delta = delta
        self._order = order
        self._known: WeakValueDictionary[bytes, Standing] = WeakValueDictionary()
        self._latest: deque[Standing] = deque(maxlen=_LATEST)
        self._fresh: Standing | None = None
        """Where streams of new Envoys stand. All that ever follows is within reach of it, so it is
        made to forget that now and then."""
        self._made = 0

    def first(self, memory: Memory) -> Standing:
        """Where a new stream of an Envoy stands."""
        if memory.good is not None or memory.outcomes:
            return self._first(memory)
        if self._fresh is None:
            self._fresh = self._first(NOTHING_KEPT)
        return self._fresh

    def _first(self, memory: Memory) -> Standing:
        session = Session(delta=self._delta, memory=memory, order=self._order, tick=TICK)
        return self._standing(session)

    def step(
        self, at: Standing, event: _Event, act: Callable[[Session], _Outcome], about: object = None
    ) -> Step:
        """Work out what follows from an event."""
        self.steps += 1
        session = at.session.copied()
        outcome = act(session)
        renamed = session.settle()
        made = Step(outcome, self._standing(session), renamed, about)
        if len(at.after) >= MOST:
            at.forget()
        at.after[event] = made
        return made

    def targeted(self, at: Standing, target: ResourceSet) -> Step:
        """What follows from another target: for the same object, found at once."""
        event = ("target", id(target))
        step = at.after.get(event)
        if step is None:
            step = self.step(at, event, lambda session: _aim(session, target), target)
        return step

    def leap(self, at: Standing, target: ResourceSet, tick: float) -> Leap | None:
        """What follows from another target, worked out in one step, if that is one response,
        whatever the time is, and there is nothing else to see to; None if not.
        """
        session = at.session.copied()
        _aim(session, target)
        sends, timed = _all_due(session, tick)
        if timed or session.wake_at is not None or len(sends) != 1:
            return None
        if at.rejections or session.rejections:
            return None
        self.steps += 1
        return Leap(sends[0], self._standing(session))

    def next_step(self, at: Standing, tick: float) -> Step | None:
        """What follows at this time; None if nothing is due."""
        if at.onward is not None:
            return at.onward
        if not at.session.is_due(tick):
            return None
        event = ("next", tick)
        step = at.after.get(event)
        if step is None:
            step = self.step(at, event, lambda session: session.next(tick))
        if not at.session.waits and not _warms(step.outcome):
            at.onward = step
        return step

    def due(self, at: Standing, tick: float) -> Run:
        """All that is due at this time."""
        known = at.run
        if known is not None and (known.tick is None or known.tick == tick):
            return known
        if not at.session.is_due(tick):
            return Run((), at, None, tick)
        self.steps += 1
        session = at.session.copied()
        sends, timed = _all_due(session, tick)
        renamed = session.settle()
        made = Run(sends, self._standing(session), renamed, tick if timed else None)
        at.run = made
        return made

    def _standing(self, session: Session) -> Standing:
        key = session.key()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Standing(session)
            self._latest.append(known)
            self._made += 1
            if self._made % _LATEST == 0 and self._fresh is not None:
                self._fresh.forget()
        return known


def tick_of(now: float) -> float:
    """The last whole tick."""
    return math.floor(now / TICK) * TICK


def _aim(session: Session, target: ResourceSet) -> None:
    session.acknowledged = 0
    session.set_target(target, 1)


def _all_due(session: Session, tick: float) -> tuple[tuple[Send, ...], bool]:
    """All that is due at this time, counted as sent, and whether the time matters."""
    sends = list[Send]()
    timed = session.waits
    while (send := session.next(tick)) is not None:
        sends.append(send)
        timed = timed or session.waits or _warms(send)
    return tuple(sends), timed


def _warms(outcome: _Outcome) -> bool:
    """Whether the Envoy warms what was sent, so that it matters when."""
    return isinstance(outcome, Send) and outcome.type_url == ResourceType.CLUSTER
