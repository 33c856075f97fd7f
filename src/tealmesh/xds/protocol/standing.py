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
from dataclasses import replace
from typing import TypeAlias
from weakref import WeakValueDictionary

from tealmesh.envoy.resources import ResourceSet, ResourceType
from tealmesh.xds.protocol.barrier import Order, make_before_break
from tealmesh.xds.protocol.exchange import Nack, Request, nonce_of
from tealmesh.xds.protocol.session import NOTHING_KEPT, Memory, Send, Session

TICK = 1.0
"""Seconds. Streams that are served within the same one stand together: what is sent counts as sent
at its end, and waits end with a whole one."""

_MOST = 512
"""Events that a standing knows what follows from."""
_LATEST = 500
"""Standings that are kept although no stream stands there, since the next one may come by."""
_NONCES = 32
"""Of a stream: more are looked through for those that still matter."""

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
        self.after: dict[_Event, _Step] = {}
        self.onward: _Step | None = None
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


class _Step:
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

    __slots__ = ("renamed", "sends", "tick", "to")

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
        """As of `_Step`."""
        self.tick = tick
        """The only time at which it is this; None where the time does not matter."""


class Standings:
    """All points at which streams of one variant of the protocol and one order stand."""

    def __init__(self, *, delta: bool, order: Order = make_before_break) -> None:
        self.steps = 0
        """How many were worked out."""
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
    ) -> _Step:
        """Work out what follows from an event."""
        self.steps += 1
        session = at.session.copied()
        outcome = act(session)
        renamed = session.settle()
        made = _Step(outcome, self._standing(session), renamed, about)
        if len(at.after) >= _MOST:
            at.forget()
        at.after[event] = made
        return made

    def next_step(self, at: Standing, tick: float) -> _Step | None:
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

    def run(self, at: Standing, tick: float) -> Run:
        """All that is due at this time."""
        if not at.session.is_due(tick):
            return Run((), at, None, tick)
        self.steps += 1
        session, sends = at.session.copied(), list[Send]()
        timed = session.waits
        while (send := session.next(tick)) is not None:
            sends.append(send)
            timed = timed or session.waits or _warms(send)
        renamed = session.settle()
        made = Run(tuple(sends), self._standing(session), renamed, tick if timed else None)
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


def _warms(outcome: _Outcome) -> bool:
    """Whether the Envoy warms what was sent, so that it matters when."""
    return isinstance(outcome, Send) and outcome.type_url == ResourceType.CLUSTER


class SharedSession:
    """A `Session` of one stream, which shares its steps with others."""

    __slots__ = (
        "_nonces",
        "_revision",
        "_sent",
        "_steps",
        "acknowledged",
        "at",
        "delta",
        "fault",
    )

    def __init__(self, standings: Standings, memory: Memory, *, delta: bool) -> None:
        self.delta = delta
        self.acknowledged = 0
        self._steps = standings
        self.at = standings.first(memory)
        """Where the stream stands."""
        self._sent = 0
        self._nonces: dict[str, str] = {}
        """By a nonce of this stream, what the standing calls it."""
        self._revision = 0
        self.fault: tuple[str, ...] = ()
        """Why the newest resources cannot be sent; empty if they can."""

    @property
    def wake_at(self) -> float | None:
        """As of `Session`."""
        return self.at.wake_at

    @property
    def rejections(self) -> tuple[str, ...]:
        """As of `Session`."""
        return self.fault + self.at.rejections

    @property
    def in_flight(self) -> bool:
        """As of `Session`."""
        return self.at.in_flight

    def set_target(self, target: ResourceSet, revision: int) -> None:
        """As of `Session`. Streams stand together only if they are given the same object."""
        self._revision, self.fault = revision, ()
        event = ("target", id(target))
        step = self.at.after.get(event)
        if step is None:

            def act(session: Session) -> None:
                session.acknowledged = 0
                session.set_target(target, 1)

            step = self._steps.step(self.at, event, act, target)
        self._go(step.to, step.renamed)

    def keep(self, reason: str) -> None:
        """As of `Session`."""
        self.fault = (reason,)

    def request(
        self, type_url: str, request: Request, nonce: str | None = None, known: object = None
    ) -> Nack | None:
        """As of `Session`. ``nonce``: the one that the request is about, if that is not in it.
        ``known``: an object that stands for this type and request but for the nonce, if there is
        one, so that what follows is found without a look at them.
        """
        given = request.nonce if nonce is None else nonce
        name = self._nonces.get(given, "unknown") if given else ""
        after = self.at.after
        step = after.get((known, name))
        if step is None:
            step = self._followed(type_url, request, name)
            if known is not None and len(after) < _MOST:
                after[known, name] = step
        self._go(step.to, step.renamed)
        outcome = step.outcome
        return outcome if isinstance(outcome, Nack) else None

    def _followed(self, type_url: str, request: Request, name: str) -> _Step:
        """What follows from a request about what the standing calls ``name``."""
        event = (type_url, name, request.said)
        step = self.at.after.get(event)
        if step is None:
            named = replace(request, nonce=name)
            step = self._steps.step(self.at, event, lambda s: s.request(type_url, named))
        return step

    def next(self, now: float) -> Send | None:
        """As of `Session`."""
        at = self.at
        if at.quiet:
            return None
        step = self._steps.next_step(at, math.floor(now / TICK) * TICK)
        if step is None:
            return None
        self._go(step.to, step.renamed)
        send = step.outcome
        if not isinstance(send, Send):
            return None
        return Send(send.type_url, self._named(send), send.change)

    def due(self, now: float) -> list[tuple[Send, str]]:
        """All that `next` would return until it returns None, each with the nonce that counts
        instead of the one in it.
        """
        at = self.at
        if at.quiet:
            return []
        run, tick = at.run, math.floor(now / TICK) * TICK
        if run is None or (run.tick is not None and run.tick != tick):
            run = self._steps.run(at, tick)
        self._go(run.to, run.renamed)
        named: list[tuple[Send, str]] = []
        for send in run.sends:
            named.append((send, self._named(send)))
        return named

    def _named(self, send: Send) -> str:
        """What is sent under a nonce of the standing, by its nonce on this stream."""
        self._sent += 1
        nonce, nonces = nonce_of(self._sent), self._nonces
        nonces[nonce] = send.nonce
        if len(nonces) > _NONCES:
            live = self.at.session.nonces()
            self._nonces = {own: name for own, name in nonces.items() if name in live}
        return nonce

    def missing(self) -> list[str]:
        """As of `Session`."""
        return self.at.missing()

    def memory(self) -> Memory:
        """As of `Session`."""
        return self.at.memory()

    def _go(self, to: Standing, renamed: dict[str, str] | None) -> None:
        self.at = to
        if renamed is not None and self._nonces:
            names = self._nonces.items()
            self._nonces = {own: renamed[name] for own, name in names if name in renamed}
        if to.acknowledged and not self.fault and self._revision > self.acknowledged:
            self.acknowledged = self._revision
