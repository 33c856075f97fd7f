"""What one stream asked for of one resource type, what it was sent, and what it said to that.

Pure: requests and the time go in, what is still owed comes out. The rules are those of
https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol in both variants:
`SotwSubscription` (state of the world) and `DeltaSubscription` (incremental).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tealmesh.envoy.resources import Resource, ResourceType

ROOTS = frozenset({ResourceType.CLUSTER, ResourceType.LISTENER})
"""Types that an Envoy asks for as a whole; it asks for the others by name, because of these."""

WILDCARD = "*"


@dataclass(frozen=True)
class Request:
    """A DiscoveryRequest (``names``, ``version``) or a DeltaDiscoveryRequest (``subscribe``,
    ``unsubscribe``, ``initial_versions``). ``error`` is Envoy's message in a NACK, else None.
    """

    nonce: str = ""
    error: str | None = None
    names: tuple[str, ...] = ()
    version: str = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """What may be sent now. ``withheld`` exist but may not be sent yet."""

    resources: Mapping[str, Resource]
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Change:
    """The content of one response; ``version`` identifies the whole state that it leads to."""

    resources: Mapping[str, Resource]
    removed: frozenset[str]
    version: str


@dataclass(frozen=True)
class Flight:
    """A response on its way: sent at ``at`` and not answered yet."""

    nonce: str
    at: float
    version: str
    upserts: Mapping[str, Resource]
    removed: frozenset[str]


@dataclass(frozen=True)
class Ack:
    nonce: str


@dataclass(frozen=True)
class Nack:
    nonce: str
    message: str


def version_of(resources: Mapping[str, Resource]) -> str:
    """A version that depends on the content alone, so that a restarted control plane agrees."""
    digest = hashlib.blake2b(digest_size=12)
    for name in sorted(resources):
        digest.update(f"{name}\0{resources[name].version}\0".encode())
    return digest.hexdigest()


def unknown(name: str, version: str) -> Resource:
    """A resource that an Envoy says it holds and whose content we cannot know any more."""
    return Resource(name, version, b"", frozenset())


def is_unknown(resource: Resource) -> bool:
    return not resource.body


class Subscription:
    """State that both variants share. ``acked`` is what the Envoy is known to hold, ``sent`` what
    it will hold when all that is in flight has been accepted, ``doubtful`` what it may hold though
    it refused it: Envoy applies the good part of a response that it rejects. ``maybe_gone`` are
    names whose removal it refused in the same way, ``inherited`` those held before this stream.
    """

    def __init__(self, type_url: str) -> None:
        self.type_url = type_url
        self.wildcard = False
        self.names: set[str] = set()
        self.acked: dict[str, Resource] = {}
        self.sent: dict[str, Resource] = {}
        self.flights: list[Flight] = []
        self.doubtful: dict[tuple[str, str], Resource] = {}
        self.maybe_gone: set[str] = set()
        self.inherited: frozenset[str] = frozenset()
        self._answered = False
        self._dirty: set[str] = set()
        self._by_name = False

    def request(self, request: Request) -> Ack | Nack | None:
        """Take a request in; the verdict on a response that it carries, if it carries one."""
        raise NotImplementedError

    def resume(
        self, outcomes: Sequence[Mapping[str, Resource]], target: Mapping[str, Resource]
    ) -> None:
        """Recognise what the Envoy said it holds from an earlier stream: one of that stream's
        `outcomes`, or the target, which a control plane that was here before may have sent.
        """
        raise NotImplementedError

    def due(self, offer: Offer) -> Change | None:
        """What is to be sent, given what may be sent; None when nothing is."""
        raise NotImplementedError

    def outcomes(self) -> list[Mapping[str, Resource]]:
        """What the Envoy may hold of this type when the stream breaks now, in the order in which
        it was sent: what it accepted, what it may have of a refused response, and what is on its
        way.
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
        return self.wildcard or name in self.names

    def resend(self, names: Iterable[str]) -> None:
        """Owe these again, though they have not changed."""
        self._dirty.update(name for name in names if self.wants(name))

    def commit(self, change: Change, nonce: str, now: float) -> None:
        """``change`` goes out under ``nonce``."""
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
        """Envoy refused these: what it holds of them is open until it has accepted others."""
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
    """State of the world: a response lists all that is subscribed to; for `ROOTS`, what it leaves
    out is thereby removed.
    """

    def __init__(self, type_url: str) -> None:
        super().__init__(type_url)
        self._nonce = ""
        self._claimed = ""

    def request(self, request: Request) -> Ack | Nack | None:
        if self._nonce and request.nonce != self._nonce:
            # Stale: written before Envoy saw our last response. Its answer to that one will bring
            # the names of then, so nothing is lost by ignoring this one whole.
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

    def _reject(self, accepted: str) -> None:
        """A NACK names the last version that was accepted: flights up to it have landed."""
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
                for later in outcomes[number + 1 :]:
                    self._doubt(later)
                return
        # Envoy's names may have changed since. What it may hold is at least not taken from it.
        for candidate in (*outcomes, target):
            self.doubtful.update({(n, r.version): r for n, r in candidate.items() if self.wants(n)})

    def _doubt(self, later: Mapping[str, Resource]) -> None:
        """This was sent after what Envoy claims. It may have refused it, and still have applied
        the good part, of which its version says nothing: what differs is owed once more.
        """
        other = {n: r for n, r in later.items() if self.wants(n) and _differs(self.acked.get(n), r)}
        self.doubtful.update({(n, r.version): r for n, r in other.items()})
        gone = self.acked.keys() - later.keys()
        self.maybe_gone |= gone
        self._dirty.update(other, gone)

    def commit(self, change: Change, nonce: str, now: float) -> None:
        super().commit(change, nonce, now)
        self._nonce = nonce

    def due(self, offer: Offer) -> Change | None:
        wanted = {n: r for n, r in offer.resources.items() if self.wants(n)}
        gone: frozenset[str] = frozenset()
        if self.wildcard:
            if offer.withheld:
                return None  # to leave them out would say that they do not exist
            gone = frozenset(self.sent.keys() - wanted.keys())
        elif self.type_url in ROOTS:
            gone = frozenset(self.sent.keys() - wanted.keys() - offer.withheld)
        if not (self.wildcard or wanted or gone):
            return None
        owed = self._dirty or gone or (self.wildcard and not self._answered)
        if not owed and not _changed(wanted, self.sent):
            return None
        return Change(wanted, gone, version_of(wanted))


class DeltaSubscription(Subscription):
    """Incremental: a response lists what changed and what is gone, name by name."""

    def __init__(self, type_url: str) -> None:
        super().__init__(type_url)
        self._absent: set[str] = set()
        self._first = True

    def request(self, request: Request) -> Ack | Nack | None:
        first, self._first = self._first, False
        names = (self.names | {WILDCARD}) if self.wildcard else set(self.names)
        names = (names | set(request.subscribe)) - set(request.unsubscribe)
        if first:
            self._subscribe(names)
            self._hold(request.initial_versions)
        elif request.subscribe or request.unsubscribe:
            # Unlike in the state of the world, the legacy wildcard stays when names are added to
            # it, and ends only when "*" is unsubscribed.
            self._by_name = True
            self._subscribe(names)
            # A name subscribed to once more is owed once more, even if nothing changed.
            self.resend(set(request.subscribe) - {WILDCARD})
        self._absent -= set(request.subscribe) | set(request.unsubscribe)
        return self._verdict(request) if request.nonce else None

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


def _differs(old: Resource | None, new: Resource) -> bool:
    return old is None or old.version != new.version


def _changed(new: Mapping[str, Resource], old: Mapping[str, Resource]) -> bool:
    return any(_differs(old.get(name), resource) for name, resource in new.items())
