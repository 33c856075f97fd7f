"""One Envoy's stream: its subscriptions, the barrier, and how far it has come with its target.

Pure: requests, targets and the time go in; the next response to send comes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tealmesh.envoy.resources import Resource, ResourceSet, ResourceType
from tealmesh.xds.protocol.barrier import Order, Permit, make_before_break, of_type
from tealmesh.xds.protocol.exchange import ROOTS, Change, Nack, Offer, Request
from tealmesh.xds.protocol.subscription import DeltaSubscription, SotwSubscription, Subscription


@dataclass(frozen=True)
class Send:
    """A response to send."""

    type_url: str
    nonce: str
    change: Change


@dataclass(frozen=True)
class Memory:
    """What the Envoy keeps when its stream ends, for its next session."""

    good: ResourceSet | None = None
    """The last target that it ran with in full."""

    outcomes: Mapping[str, Sequence[Mapping[str, Resource]]] = field(default_factory=dict)
    """By type, what it may hold: see `Subscription.outcomes`."""


NOTHING_KEPT = Memory()
"""Of an Envoy that was never connected."""


class Session:
    """The state of one stream. An Envoy that refuses its target goes back to the last good one."""

    def __init__(
        self,
        *,
        delta: bool,
        memory: Memory | None = None,
        order: Order = make_before_break,
        tick: float = 0.0,
    ) -> None:
        """``tick``: the times that it is told may be so many seconds in the past."""
        self.delta = delta
        self._tick = tick
        self.acknowledged = 0
        """The newest revision whose resources the Envoy runs with, in full."""
        self.wake_at: float | None = None
        """When to call `next` again even if nothing happens; None for never."""
        self._subscriptions: dict[str, Subscription] = {}
        self._memory = memory or Memory()
        self._order = order
        self._desired: ResourceSet | None = None
        """The newest resources, whether or not the Envoy accepts them."""
        self._target: ResourceSet | None = None
        """What is being sent: the desired resources, or the last good ones after a refusal."""
        self._good = self._memory.good
        self._revision = 0
        self._fault: tuple[str, ...] = ()
        self._nacks: tuple[str, ...] = ()
        self._blocked: set[str] = set()
        self._sent_for: dict[str, ResourceSet] = {}
        self._nonces = 0
        self._idle = False

    def set_target(self, target: ResourceSet, revision: int) -> None:
        """Set the desired resources and their revision.

        Resources equal to the present ones are not sent again: if the Envoy rejected them, it still
        does; if it runs with them, it has acknowledged this revision too.
        """
        self._revision = revision
        self._fault = ()
        if target is not self._desired and target != self._desired:
            self._desired = self._target = target
            self._nacks = ()
            self._blocked.clear()
            self._idle = False
            for subscription in self._subscriptions.values():
                self._resume(subscription)
        self._note_acknowledged()

    def keep(self, reason: str) -> None:
        """Record why the newest resources cannot be sent: the Envoy keeps what it has until the
        next `set_target`.
        """
        self._fault = (reason,)

    @property
    def rejections(self) -> tuple[str, ...]:
        """Why the Envoy does not run with the newest target; empty when nothing is wrong."""
        return self._fault + self._nacks

    @property
    def in_flight(self) -> bool:
        """Whether the Envoy has still to answer a response."""
        return any(subscription.flights for subscription in self._subscriptions.values())

    def request(self, type_url: str, request: Request) -> Nack | None:
        """Process a request; return the NACK if it is one."""
        subscription, rewarm = self._subscriptions.get(type_url), False
        if subscription is None:
            subscription = (DeltaSubscription if self.delta else SotwSubscription)(type_url)
            self._subscriptions[type_url] = subscription
            rewarm = type_url == ResourceType.ENDPOINT and (
                ResourceType.CLUSTER not in self._subscriptions
            )
            # Once this stream has changed something, the Envoy may have dropped what it now asks
            # for by name: that it accepted a version earlier does not mean that it still holds it.
            rewarm |= not self.delta and self._nonces > 0 and type_url not in ROOTS
            if not subscription.remembered(request, self._memory.outcomes.get(type_url, ())):
                # It was elsewhere meanwhile: what it ran with here last is not its last any more.
                self._good = None
        verdict = subscription.request(request)
        if rewarm:
            # Envoy asks for clusters first, except while it warms some, which wait for endpoints.
            subscription.resend(subscription.names)
        self._resume(subscription)
        self._idle = False
        sent_for = self._sent_for.get(verdict.nonce) if verdict else None
        self._forget_answered()
        if isinstance(verdict, Nack):
            self._roll_back(type_url, verdict.message, sent_for)
            return verdict
        return None

    def next(self, now: float) -> Send | None:
        """The next response, counted as sent; None when nothing is due. Sets ``wake_at``."""
        target = self._target
        if target is None or not self.is_due(now):
            return None
        permit = self._permit(target, now)
        self.wake_at = permit.wake_at
        for type_url in self._by_order():
            subscription = self._subscriptions[type_url]
            offer = permit.offers.get(type_url, Offer({}))
            change = None if type_url in self._blocked else subscription.due(offer)
            if change is not None:
                return self._send(subscription, change, target, now)
        self._idle = True
        self._note_acknowledged()
        return None

    def is_due(self, now: float) -> bool:
        """Whether `next` may have anything to send, or find out."""
        return self._target is not None and (not self._idle or self._is_time(now))

    @property
    def waits(self) -> bool:
        """Whether what is next depends on the time: clusters warm."""
        clusters = self._subscriptions.get(ResourceType.CLUSTER)
        return self.wake_at is not None or (clusters is not None and bool(clusters.flights))

    def missing(self) -> list[str]:
        """Names of the desired resources that the Envoy has not acknowledged."""
        return [] if self._desired is None else sorted(set(self._missing(self._desired)))

    def memory(self) -> Memory:
        """What the next session of the same Envoy needs to know."""
        outcomes = {
            url: held.outcomes()
            for url, held in self._subscriptions.items()
            if held.acked or held.flights
        }
        return Memory(self._good, {**self._memory.outcomes, **outcomes})

    def copied(self) -> Session:
        """A session that goes its own way from here."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made._subscriptions = {url: held.copied() for url, held in self._subscriptions.items()}
        made._blocked, made._sent_for = set(self._blocked), dict(self._sent_for)
        return made

    def key(self) -> bytes:
        """The same for two sessions that will do the same from here, for as long as both exist: a
        digest, since one of thousands of resources would be large.
        """
        state = (
            self.delta,
            self.acknowledged,
            self.wake_at,
            [held.key() for held in self._subscriptions.values()],
            id(self._memory),
            id(self._order),
            [id(resources) for resources in (self._desired, self._target, self._good)],
            self._revision,
            self._fault,
            self._nacks,
            sorted(self._blocked),
            [(nonce, id(target)) for nonce, target in self._sent_for.items()],
            self._nonces,
            self._idle,
        )
        return hashlib.blake2b(repr(state).encode(), digest_size=20).digest()

    def settle(self) -> dict[str, str] | None:
        """Forget how it came to where it is, if the Envoy runs with the target and nothing is open:
        then it stands where all do that run with this target. Returns what the nonces that still
        matter are called from now on; None if something is open.
        """
        subscriptions = self._subscriptions
        if (
            not self._idle
            or not self._revision
            or self.acknowledged != self._revision
            or self.rejections
            or self._target is not self._good
            or not subscriptions.keys() >= ROOTS
            or not self._memory.outcomes.keys() <= subscriptions.keys()
            or not all(held.settled for held in subscriptions.values())
        ):
            return None
        self._memory, self._nonces, self.wake_at = NOTHING_KEPT, min(self._nonces, 1), None
        self._blocked.clear()
        in_order = [url for url in ResourceType if url in subscriptions]
        self._subscriptions = {url: subscriptions[url] for url in in_order}
        renamed: dict[str, str] = {}
        for url, held in self._subscriptions.items():
            renamed |= held.settle(f"last of {url}")
        return renamed

    def nonces(self) -> set[str]:
        """The nonces that a request may still be about."""
        return {nonce for held in self._subscriptions.values() for nonce in held.nonces()}

    def _forget_answered(self) -> None:
        live = {flight.nonce for held in self._subscriptions.values() for flight in held.flights}
        self._sent_for = {nonce: t for nonce, t in self._sent_for.items() if nonce in live}

    def _is_time(self, now: float) -> bool:
        return self.wake_at is not None and now >= self.wake_at

    def _permit(self, target: ResourceSet, now: float) -> Permit:
        """What the order permits, and what clusters in flight need: each waits for the endpoints
        and secrets of the target that it was sent for, and holds back its ACK, even if the target
        has changed since.
        """
        permit = self._order(target, self._subscriptions, now)
        former = [sent for sent in self._sent_for.values() if sent is not target]
        if not former:
            return permit
        offers = dict(permit.offers)
        for leaf in (ResourceType.ENDPOINT, ResourceType.SECRET):
            awaited: dict[str, Resource] = {}
            for sent in former:
                awaited.update(of_type(sent, leaf))
            offers[leaf] = Offer({**awaited, **permit.offers[leaf].resources})
        return Permit(offers, permit.wake_at)

    def _by_order(self) -> list[str]:
        known = [t.value for t in ResourceType if t in self._subscriptions]
        return known + [url for url in self._subscriptions if url not in known]

    def _resume(self, subscription: Subscription) -> None:
        if self._target is None or subscription.type_url not in set(ResourceType):
            return
        type_ = ResourceType(subscription.type_url)
        held = self._memory.outcomes.get(type_, ())
        subscription.resume(held, of_type(self._target, type_))

    def _send(
        self, subscription: Subscription, change: Change, target: ResourceSet, now: float
    ) -> Send:
        if subscription.type_url == ResourceType.CLUSTER:
            self._resend_endpoints(subscription, change)
        self._nonces += 1
        nonce = str(self._nonces)
        self._sent_for[nonce] = target
        subscription.commit(change, nonce, now + self._tick)
        return Send(subscription.type_url, nonce, change)

    def _resend_endpoints(self, clusters: Subscription, change: Change) -> None:
        """Envoy warms a changed cluster anew, and waits for its endpoints to be sent again even if
        they are the same: "the management server must respond with EDS updates" in
        https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/init
        """
        endpoints = self._subscriptions.get(ResourceType.ENDPOINT)
        if endpoints is None:
            return
        doubtful = {name for name, _ in clusters.doubtful}
        for name, cluster in change.resources.items():
            sent = clusters.sent.get(name)
            if sent is None or sent.version != cluster.version or name in doubtful:
                endpoints.resend({name, *cluster.refers_to})

    def _roll_back(self, type_url: str, message: str, sent_for: ResourceSet | None) -> None:
        """Go back to the last good resources. If the Envoy refuses even these, or there are none,
        send no more of this type until the target changes.
        """
        stale = sent_for is not self._target and sent_for is not self._desired
        if stale:
            return  # about a former target; whatever it left behind is already due again
        kind = type_url.rpartition(".")[2]
        self._nacks = (*self._nacks, f"{kind}: {message}")
        if sent_for is self._target and (self._good is None or self._target == self._good):
            self._blocked.add(type_url)
        else:
            self._target = self._good

    def _note_acknowledged(self) -> None:
        target = self._desired
        if target is None or target is not self._target or self.rejections or not self._idle:
            return
        if self.in_flight or any(self._missing(target)):
            return
        self._good = target
        self.acknowledged = max(self.acknowledged, self._revision)

    def _missing(self, target: ResourceSet) -> Iterator[str]:
        leaves: set[str] = set()
        for type_ in (ResourceType.CLUSTER, ResourceType.LISTENER):
            root = self._subscriptions.get(type_)
            for name, resource in of_type(target, type_).items():
                if root is not None and not root.wants(name):
                    continue  # Envoy wants them all, a gRPC client only those that it uses
                leaves.update(resource.refers_to)
                if not self._acked(type_, resource):
                    yield name
        for type_ in (ResourceType.ENDPOINT, ResourceType.ROUTE, ResourceType.SECRET):
            subscription = self._subscriptions.get(type_)
            for name, resource in of_type(target, type_).items():
                needed = name in leaves or (subscription is not None and subscription.wants(name))
                if needed and not self._acked(type_, resource):
                    yield name

    def _acked(self, type_: ResourceType, resource: Resource) -> bool:
        subscription = self._subscriptions.get(type_)
        held = subscription.acked.get(resource.name) if subscription else None
        return held is not None and held.version == resource.version
