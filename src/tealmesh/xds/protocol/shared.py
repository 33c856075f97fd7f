"""The session of one stream, which stands where others stand (`standing`)."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.envoy.resources import ResourceSet
from tealmesh.xds.protocol.exchange import Nack, Request, nonce_of
from tealmesh.xds.protocol.naming import NO_NAMES
from tealmesh.xds.protocol.session import Memory, Send
from tealmesh.xds.protocol.standing import MOST, Leap, Standing, Standings, Step, tick_of

_NONCES = 32
"""Of a stream: more are looked through for those that still matter."""


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
        self._nonces = NO_NAMES
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
        step = self._steps.targeted(self.at, target)
        self._go(step.to, step.renamed)

    def leap(self, leap: Leap, revision: int) -> str:
        """As `set_target`, and `due`, where a `Leap` begins: returns the nonce of its response."""
        self._revision, self.fault = revision, ()
        self._go(leap.to, None)
        return self._named(leap.send)

    def leap_to(self, target: ResourceSet, now: float) -> Leap | None:
        """The `Leap` of all that stand where this one does; None if there is none."""
        return self._steps.leap(self.at, target, tick_of(now))

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
            if known is not None and len(after) < MOST:
                after[known, name] = step
        run = step.to.run
        if run is not None and run.idle and step.renamed is None:
            self._go(run.to, run.renamed)  # nearly always, of what is acknowledged
        else:
            self._go(step.to, step.renamed)
        outcome = step.outcome
        return outcome if isinstance(outcome, Nack) else None

    def _followed(self, type_url: str, request: Request, name: str) -> Step:
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
        step = self._steps.next_step(at, tick_of(now))
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
        run = at.run
        if run is None or run.tick is not None:
            run = self._steps.due(at, tick_of(now))
        self._go(run.to, run.renamed)
        named: list[tuple[Send, str]] = []
        for send in run.sends:
            named.append((send, self._named(send)))
        return named

    def _named(self, send: Send) -> str:
        """What is sent under a nonce of the standing, by its nonce on this stream."""
        self._sent += 1
        nonce = nonce_of(self._sent)
        nonces = self._nonces = self._steps.naming.sent(self._nonces, nonce, send.nonce)
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
            self._nonces = self._steps.naming.renamed(self._nonces, renamed)
        if to.acknowledged and not self.fault and self._revision > self.acknowledged:
            self.acknowledged = self._revision
