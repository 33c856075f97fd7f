"""What one stream asked for of one resource type, what it was sent, and how it answered.

Pure: requests and the time go in, what is still due comes out. The rules are those of
https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol in both variants:
`SotwSubscription` (state of the world) and `DeltaSubscription` (incremental).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from tealmesh.envoy.resources import Resource, ResourceType
from tealmesh.xds.protocol.exchange import (
    ROOTS,
    WILDCARD,
    Ack,
    Change,
    Flight,
    Nack,
    Offer,
    Request,
    is_unknown,
    unknown,
    version_of,
)


class Subscription:
    """State that both variants share.

    Envoy applies the good part of a response that it rejects: after a NACK it may therefore hold
    resources that it refused, and lack some whose removal it refused.
    """

    def __init__(self, type_url: str) -> None:
        self.type_url = type_url
        self.wildcard = False
        self.names: set[str] = set()
        self.acked: dict[str, Resource] = {}
        """What the Envoy is known to hold."""
        self.sent: dict[str, Resource] = {}
        """What it will hold once it has accepted everything in flight."""
        self.flights: list[Flight] = []
        self.doubtful: dict[tuple[str, str], Resource] = {}
        """What it may hold although it refused it, by (name, version)."""
        self.maybe_gone: set[str] = set()
        """Names that it may lack although it refused their removal."""
        self.inherited: frozenset[str] = frozenset()
        """Names that it held before this stream."""
        self._answered = False
        self._dirty: set[str] = set()
        self._by_name = False

    def copied(self) -> Self:
        """A subscription that goes its own way from here."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)  # copy.copy would take as long as all the rest
        made.acked, made.sent, made.doubtful = dict(self.acked), dict(self.sent), {**self.doubtful}
        made.flights, made.maybe_gone = list(self.flights), set(self.maybe_gone)
        made._dirty = set(self._dirty)
        return made

    def key(self) -> tuple[object, ...]:
        """Equal, and printed equally, for two subscriptions that will do the same from here."""
        # When something was sent matters only for clusters, which warm.
        timed = self.type_url == ResourceType.CLUSTER
        flights = [
            (f.nonce, timed and f.at, f.version, _versions(f.upserts.values()), sorted(f.removed))
            for f in self.flights
        ]
        return (
            self.type_url,
            self.wildcard,
            sorted(self.names),
            _versions(self.acked.values()),
            self.sent != self.acked and _versions(self.sent.values()),
            flights,
            _versions(self.doubtful.values()),
            sorted(self.maybe_gone),
            sorted(self.inherited),
            self._answered,
            sorted(self._dirty),
            self._by_name,
        )

    @property
    def settled(self) -> bool:
        """Whether all that was sent was accepted, so that what the Envoy holds is known."""
        return not (self.flights or self.doubtful or self.maybe_gone or self._dirty)

    def settle(self, nonce: str) -> dict[str, str]:
        """Forget how a settled subscription came to where it is; returns what the nonces that still
        matter are called from now on, which is ``nonce``.
        """
        self.inherited = frozenset()
        return {}

    def nonces(self) -> set[str]:
        """The nonces that a request may still be about."""
        return {flight.nonce for flight in self.flights}

    def request(self, request: Request) -> Ack | Nack | None:
        """Process a request; return the verdict on a response if it carries one."""
        raise NotImplementedError

    def remembered(self, first: Request, outcomes: Sequence[Mapping[str, Resource]]) -> bool:
        """Whether all that the Envoy says it holds, in its ``first`` request of a stream, may be
        from the stream that left these `outcomes`.
        """
        raise NotImplementedError

    def resume(
        self, outcomes: Sequence[Mapping[str, Resource]], target: Mapping[str, Resource]
    ) -> None:
        """Recognise what the Envoy says it holds from an earlier stream: one of that stream's
        `outcomes`, or the target, which a previous control plane may have sent.
        """
        raise NotImplementedError

    def due(self, offer: Offer) -> Change | None:
        """The change to send, given what may be sent; None when nothing is due."""
        raise NotImplementedError

    def outcomes(self) -> list[Mapping[str, Resource]]:
        """What the Envoy may hold of this type if the stream breaks now, oldest first: what it
        accepted, what it may have of a refused response, and the state after each flight.
        """
        states: list[Mapping[str, Resource]] = [dict(self.acked)]
        if self.doubtful or self.maybe_gone:
            left = {n: r for n, r in self.acked.items() if n not in self.maybe_gone}
            states.append({**left, **{name: r for (name, _), r in self.doubtful.items()}})
        for flight in self.flights:
            left = {n: r for n, r in states[-1].items() if n not in flight.removed}
            states.append({**left, **flight.upserts})
        return states

    def wants(self, name: str) -> bool:
        """Whether the Envoy has subscribed to ``name``."""
        return self.wildcard or name in self.names

    def resend(self, names: Iterable[str]) -> None:
        """Send these again even if they have not changed."""
        self._dirty.update(name for name in names if self.wants(name))

    def commit(self, change: Change, nonce: str, now: float) -> None:
        """Record that ``change`` is sent under ``nonce``."""
        removed = change.removed
        self.flights.append(Flight(nonce, now, change.version, dict(change.resources), removed))
        self.sent.update(change.resources)
        for name in removed:
            self.sent.pop(name, None)
        self._dirty.clear()
        self._answered = True

    def _subscribe(self, names: set[str]) -> None:
        """Subscribe to exactly ``names``. A first request without names asks for everything of a
        type of `ROOTS`: the legacy wildcard, which lasts until names are given.
        """
        if names:
            self._by_name = True
            self.wildcard = WILDCARD in names
        else:
            self.wildcard = not self._by_name and self.type_url in ROOTS
        self.names = names - {WILDCARD}
        for held in (self.acked, self.sent):
            for name in [name for name in held if not self.wants(name)]:
                del held[name]
        self._dirty = {name for name in self._dirty if self.wants(name)}
        self.doubtful = {key: r for key, r in self.doubtful.items() if self.wants(key[0])}

    def _apply(self, flight: Flight) -> None:
        changed = flight.upserts.keys() | flight.removed
        self.doubtful = {key: r for key, r in self.doubtful.items() if key[0] not in changed}
        self.maybe_gone -= changed
        self.acked.update({n: r for n, r in flight.upserts.items() if self.wants(n)})
        for name in flight.removed:
            self.acked.pop(name, None)

    def _refuse(self, flights: Iterable[Flight]) -> None:
        """Record refused responses: what Envoy holds of them stays open until it accepts others."""
        for flight in flights:
            self.doubtful.update({(n, r.version): r for n, r in flight.upserts.items()})
            self.maybe_gone |= flight.removed
            self._dirty.update(flight.upserts, flight.removed)
        self.sent = dict(self.acked)
        for flight in self.flights:
            self.sent.update({n: r for n, r in flight.upserts.items() if self.wants(n)})
            for name in flight.removed:
                self.sent.pop(name, None)


class SotwSubscription(Subscription):
    """State of the world: a response lists everything subscribed to. For `ROOTS`, Envoy removes
    what a response leaves out.
    """

    def __init__(self, type_url: str) -> None:
        super().__init__(type_url)
        self._nonce = ""
        self._claimed = ""

    def key(self) -> tuple[object, ...]:
        return (*super().key(), self._nonce, self._claimed)

    def settle(self, nonce: str) -> dict[str, str]:
        super().settle(nonce)
        if not self._nonce:
            return {}
        former, self._nonce, self._claimed = self._nonce, nonce, ""
        return {former: nonce}

    def nonces(self) -> set[str]:
        return super().nonces() | {self._nonce}

    def request(self, request: Request) -> Ack | Nack | None:
        if self._nonce and request.nonce != self._nonce:
            # Stale: written before Envoy saw our last response. Its answer to that one will carry
            # its names at that time, so ignoring this one loses nothing.
            return None
        verdict: Ack | Nack | None = None
        if self.flights and request.error is None:
            for flight in self.flights:
                self._apply(flight)
            self.flights = []
            if self.wildcard:
                self.doubtful.clear()
            verdict = Ack(request.nonce)
        elif self.flights:
            verdict = Nack(request.nonce, request.error or "")
            self._reject(request.version)
        if not self._answered:
            self._claimed = request.version
        self._subscribe(set(request.names))
        return verdict

    def remembered(self, first: Request, outcomes: Sequence[Mapping[str, Resource]]) -> bool:
        # Of other types the version depends on names, which may have changed since.
        if not first.version or self.type_url not in ROOTS or first.names:
            return True
        return any(version_of(outcome) == first.version for outcome in outcomes)

    def _reject(self, accepted: str) -> None:
        """A NACK names the last accepted version: all flights up to that one were accepted."""
        landed = [i for i, flight in enumerate(self.flights) if flight.version == accepted]
        done = landed[-1] + 1 if landed else 0
        for flight in self.flights[:done]:
            self._apply(flight)
        refused, self.flights = self.flights[done:], []
        self._refuse(refused)

    def resume(
        self, outcomes: Sequence[Mapping[str, Resource]], target: Mapping[str, Resource]
    ) -> None:
        if not self._claimed or self._answered:
            return
        for number, candidate in enumerate((*outcomes, target)):
            wanted = {n: r for n, r in candidate.items() if self.wants(n)}
            if version_of(wanted) == self._claimed:
                self.acked, self.sent = dict(wanted), dict(wanted)
                self.inherited = frozenset(wanted)
                self._answered = True
                # What only the target is, it was given elsewhere: before an outcome or after it.
                later = outcomes[number + 1 :] if number < len(outcomes) else outcomes
                for other in later:
                    self._doubt(other)
                return
        # Envoy's names may have changed since. At least nothing that it may hold is removed.
        for candidate in (*outcomes, target):
            self.doubtful.update({(n, r.version): r for n, r in candidate.items() if self.wants(n)})

    def _doubt(self, other: Mapping[str, Resource]) -> None:
        """``other`` may have been sent after what Envoy claims to hold. It may have refused it and
        still applied the good part, which its version does not show: whatever differs is sent
        again.
        """
        differs = {
            n: r for n, r in other.items() if self.wants(n) and _differs(self.acked.get(n), r)
        }
        self.doubtful.update({(n, r.version): r for n, r in differs.items()})
        gone = self.acked.keys() - other.keys()
        self.maybe_gone |= gone
        self._dirty.update(differs, gone)

    def commit(self, change: Change, nonce: str, now: float) -> None:
        super().commit(change, nonce, now)
        self._nonce = nonce

    def due(self, offer: Offer) -> Change | None:
        wanted = {n: r for n, r in offer.resources.items() if self.wants(n)}
        gone: frozenset[str] = frozenset()
        if self.wildcard:
            if offer.withheld:
                return None  # leaving them out would say that they do not exist
            gone = frozenset(self.sent.keys() - wanted.keys())
        elif self.type_url in ROOTS:
            gone = frozenset(self.sent.keys() - wanted.keys() - offer.withheld)
        if not (self.wildcard or wanted or gone):
            return None
        due = self._dirty or gone or (self.wildcard and not self._answered)
        if not due and not _changed(wanted, self.sent):
            return None
        return Change(wanted, gone, version_of(wanted))


class DeltaSubscription(Subscription):
    """Incremental: a response lists only what changed and what is gone."""

    def __init__(self, type_url: str) -> None:
        super().__init__(type_url)
        self._absent: set[str] = set()
        self._first = True

    def copied(self) -> Self:
        made = super().copied()
        made._absent = set(self._absent)
        return made

    def key(self) -> tuple[object, ...]:
        return (*super().key(), sorted(self._absent), self._first)

    def request(self, request: Request) -> Ack | Nack | None:
        first, self._first = self._first, False
        names = (self.names | {WILDCARD}) if self.wildcard else set(self.names)
        names = (names | set(request.subscribe)) - set(request.unsubscribe)
        if first:
            self._subscribe(names)
            self._hold(request.initial_versions)
        elif request.subscribe or request.unsubscribe:
            # Unlike in the state of the world, the legacy wildcard stays when names are added to
            # it, and ends only with an explicit unsubscription from "*".
            self._by_name = True
            self._subscribe(names)
            # A name that is subscribed to again is sent again, even if nothing changed.
            self.resend(set(request.subscribe) - {WILDCARD})
        self._absent -= set(request.subscribe) | set(request.unsubscribe)
        return self._verdict(request) if request.nonce else None

    def remembered(self, first: Request, outcomes: Sequence[Mapping[str, Resource]]) -> bool:
        known = {(name, r.version) for outcome in outcomes for name, r in outcome.items()}
        return first.initial_versions.items() <= known

    def _hold(self, versions: Mapping[str, str]) -> None:
        held = {n: unknown(n, v) for n, v in versions.items() if self.wants(n)}
        self.acked, self.sent = dict(held), dict(held)
        self.inherited = frozenset(held)
        self._answered = bool(held)

    def _verdict(self, request: Request) -> Ack | Nack | None:
        flight = next((f for f in self.flights if f.nonce == request.nonce), None)
        if flight is None:
            return None
        self.flights.remove(flight)
        if request.error is not None:
            self._refuse([flight])
            return Nack(request.nonce, request.error)
        self._apply(flight)
        return Ack(request.nonce)

    def resume(
        self, outcomes: Sequence[Mapping[str, Resource]], target: Mapping[str, Resource]
    ) -> None:
        for candidate in (target, *outcomes):
            for held in (self.acked, self.sent):
                for name, resource in held.items():
                    known = candidate.get(name)
                    if is_unknown(resource) and known and known.version == resource.version:
                        held[name] = known

    def commit(self, change: Change, nonce: str, now: float) -> None:
        super().commit(change, nonce, now)
        self._absent |= change.removed & self.names

    def due(self, offer: Offer) -> Change | None:
        wanted = {n: r for n, r in offer.resources.items() if self.wants(n)}
        upserts = {
            name: resource
            for name, resource in wanted.items()
            if (name in self._dirty or _differs(self.sent.get(name), resource))
            and not is_unknown(resource)
        }
        exist = wanted.keys() | offer.withheld
        removed = (self.sent.keys() | self._dirty | (self.names - self._absent)) - exist
        empty = self.wildcard and not self._answered and not offer.withheld
        if not (upserts or removed or empty):
            return None
        return Change(upserts, frozenset(removed), version_of(wanted))


def _versions(resources: Iterable[Resource]) -> list[tuple[str, str, bool]]:
    return sorted((one.name, one.version, is_unknown(one)) for one in resources)


def _differs(old: Resource | None, new: Resource) -> bool:
    return old is None or old.version != new.version


def _changed(new: Mapping[str, Resource], old: Mapping[str, Resource]) -> bool:
    return any(_differs(old.get(name), resource) for name, resource in new.items())
