"""A model of Envoy for the property tests: how it asks for configuration and applies it.

It warms new and changed clusters until their endpoints and secrets arrive and holds back its
requests for clusters meanwhile, applies the good part of what it refuses, asks for routes when a
listener names them, and reconnects with what it holds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tealmesh.envoy.resources import Resource
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol.exchange import Request
from tealmesh.xds.protocol.session import Send

BAD = b"bad"
BY_NAME = (T.ENDPOINT, T.ROUTE, T.SECRET)


def secrets_of(resource: Resource) -> set[str]:
    """The secrets that a cluster or listener refers to."""
    return {name for name in resource.refers_to if name.startswith("s")}


@dataclass
class Slot:
    """The state of one type on the Envoy's side."""

    held: dict[str, Resource] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    accepted: str = ""
    asked: bool = False
    nonce: str = ""
    replies: list[Request] = field(default_factory=list)


class EnvoyModel:
    """``to_control_plane`` holds the requests that have not been read yet."""

    def __init__(self, *, delta: bool, slow: bool) -> None:
        self.delta = delta
        self.slow = slow
        self.slots = {t: Slot() for t in T}
        self.active: dict[str, Resource] = {}
        self.warming: dict[str, Resource] = {}
        self.fed: set[str] = set()
        self.initialised = False
        self.got_clusters = False
        """Whether it had a response for clusters: even after one that it refuses it asks for
        listeners (`CdsApiImpl::onConfigUpdateFailed`)."""
        self.timeouts = 0
        self.to_control_plane: deque[tuple[str, Request]] = deque()
        self.connect()

    def connect(self) -> None:
        """Begin a stream: ask again for everything that it asked for before."""
        self.to_control_plane.clear()
        for slot in self.slots.values():
            slot.asked, slot.nonce, slot.replies = False, "", []
        self._ask(T.CLUSTER)
        for type_ in (T.ENDPOINT, T.SECRET, T.LISTENER, T.ROUTE):
            if self.slots[type_].names or (type_ is T.LISTENER and self.initialised):
                self._ask(type_)

    def receive(self, send: Send) -> None:
        """Process one response and answer it."""
        type_, slot = T(send.type_url), self.slots[T(send.type_url)]
        resources, removed = send.change.resources, set(send.change.removed)
        bad = [name for name, r in resources.items() if r.body == BAD]
        good = {name: r for name, r in resources.items() if name not in bad}
        if not self.delta and type_ in (T.CLUSTER, T.LISTENER):
            removed = slot.held.keys() - resources.keys()
        slot.nonce = send.nonce
        self.got_clusters |= type_ is T.CLUSTER
        self._apply(type_, good, removed)
        error = f"bad {bad}" if bad else None
        if error is None:
            slot.accepted = send.change.version
        if self.delta:
            slot.replies.append(Request(nonce=send.nonce, error=error))
        else:
            slot.replies = [self._sotw(slot, error)]
        self._after(type_)
        self._flush(type_)

    def warm(self, *, timeout: bool = False) -> None:
        """Use the clusters that have their endpoints and secrets; after ``timeout`` all of them."""
        secrets = self.slots[T.SECRET].held.keys()
        whole = {n for n, r in self.warming.items() if n in self.fed and secrets_of(r) <= secrets}
        ready = set(self.warming) if timeout else whole
        self.timeouts += len(ready - whole)
        for name in ready:
            self.active[name] = self.warming.pop(name)
        if not self.warming:
            self._flush(T.CLUSTER)
            if not self.initialised and self.got_clusters:
                self.initialised = True
                self._ask(T.LISTENER)

    def lost_routes(self) -> list[str]:
        """Routes in use that lead to an absent cluster: each would fail requests."""
        return [
            f"{route.name} -> {name}"
            for route in self.slots[T.ROUTE].held.values()
            for name in route.refers_to
            if name not in self.active
        ]

    def holds(self, type_: T) -> dict[str, Resource]:
        return self.slots[type_].held

    def _apply(self, type_: T, good: dict[str, Resource], removed: set[str]) -> None:
        slot = self.slots[type_]
        for name, resource in good.items():
            if type_ in BY_NAME and name not in slot.names:
                continue
            old = slot.held.get(name)
            slot.held[name] = resource
            if type_ is T.CLUSTER and (old is None or old.version != resource.version):
                self.warming[name] = resource
                self.fed.discard(name)
            if type_ is T.ENDPOINT:
                self.fed.add(name)
        if type_ in (T.CLUSTER, T.LISTENER):
            for name in removed:
                for held in (slot.held, self.active, self.warming)[
                    : 3 if type_ is T.CLUSTER else 1
                ]:
                    held.pop(name, None)

    def _after(self, type_: T) -> None:
        if type_ is T.CLUSTER:
            self._rename(T.ENDPOINT, set(self.holds(T.CLUSTER)))
        if type_ is T.LISTENER:
            listeners = self.holds(T.LISTENER).values()
            self._rename(T.ROUTE, {n for r in listeners for n in r.refers_to - secrets_of(r)})
        if type_ in (T.CLUSTER, T.LISTENER):
            users = [*self.holds(T.CLUSTER).values(), *self.holds(T.LISTENER).values()]
            self._rename(T.SECRET, {name for user in users for name in secrets_of(user)})
        if not self.slow or not self.warming:
            self.warm()

    def _rename(self, type_: T, names: set[str]) -> None:
        slot = self.slots[type_]
        added, gone, slot.names = names - slot.names, slot.names - names, names
        slot.held = {n: r for n, r in slot.held.items() if n in names}
        if not slot.asked:
            self._ask(type_)
        elif added or gone:
            if self.delta:
                request = Request(subscribe=tuple(sorted(added)), unsubscribe=tuple(sorted(gone)))
            else:
                request = self._sotw(slot, None)
            slot.replies = [*slot.replies, request] if self.delta else [request]
            self._flush(type_)

    def _ask(self, type_: T) -> None:
        """The first request of a type on a stream."""
        slot = self.slots[type_]
        if type_ in BY_NAME and not slot.names:
            return
        if self.delta:
            versions = {n: r.version for n, r in slot.held.items()}
            request = Request(subscribe=tuple(sorted(slot.names)), initial_versions=versions)
        else:
            request = Request(names=tuple(sorted(slot.names)), version=slot.accepted)
        slot.replies = [request]
        slot.asked = True
        self._flush(type_)

    def _sotw(self, slot: Slot, error: str | None) -> Request:
        names = tuple(sorted(slot.names))
        return Request(nonce=slot.nonce, error=error, names=names, version=slot.accepted)

    def _flush(self, type_: T) -> None:
        """Envoy pauses its requests for clusters while it warms some, once it is initialised."""
        if type_ is T.CLUSTER and self.warming and self.initialised:
            return
        slot = self.slots[type_]
        self.to_control_plane.extend((type_, request) for request in slot.replies)
        slot.replies = []
