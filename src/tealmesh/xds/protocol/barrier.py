"""The order that loses nothing: make before break, decided from what one Envoy has acknowledged.

`make_before_break` is a pure function of (target, what the Envoy holds or may hold, now). It
remembers no phase: called again after every acknowledgement, with whatever target is newest, it
says what may be sent now. A target that changes half-way therefore needs no special case.

The rules, each measured with Envoy 1.40 under load:

* Clusters of the target are sent at once. A cluster that only the old state has stays as long as
  any listener or route that the Envoy holds, may hold, or is being sent refers to it. So the set
  in between is the union of old, pending and new. On a stream that continues an earlier one,
  clusters from then also stay until the target's listeners and routes are in force.
* A route (or listener) is sent once every cluster that it leads to is present: acknowledged in
  any version. Envoy holds back the ACK of a cluster update until its new clusters are warm
  (`ClusterManagerImpl::updateClusterCounts`), so the ACK means that requests can go there. We
  wait for it `WARMING_SECONDS` at most: then Envoy itself gives up warming. Until then the Envoy
  keeps the version that it has.
* Endpoints and secrets are sent at once: they change where a cluster leads, never whether it
  exists.
* A route, endpoint or secret set that the target no longer has is left alone: the Envoy drops it
  when the listener or cluster that needed it is gone, which for a draining listener is later than
  the target says.

Is an order across Envoys needed? "RDS, ACK from every subscriber, then CDS" was measured; but a
cluster is an Envoy's own, and its removal on one Envoy cannot fail a request on another. What
Envoys share are the tasks behind the clusters, and those are stopped by the engine only after the
mesh has converged on the revision that drains them. So the order for each Envoy plus convergence
is enough, and one slow Envoy does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from tealmesh.envoy.resources import Resource, ResourceSet, ResourceType
from tealmesh.xds.protocol.exchange import Flight, Offer, is_unknown

WARMING_SECONDS = 15.0
"""How long we wait for the ACK of new clusters: Envoy's default initial fetch timeout, see
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/config_source.proto"""


class State(Protocol):
    """What the barrier needs to know of a `Subscription`."""

    @property
    def acked(self) -> Mapping[str, Resource]: ...
    @property
    def sent(self) -> Mapping[str, Resource]: ...
    @property
    def flights(self) -> Iterable[Flight]: ...
    @property
    def doubtful(self) -> Mapping[tuple[str, str], Resource]: ...
    @property
    def maybe_gone(self) -> Set[str]: ...
    @property
    def inherited(self) -> Set[str]: ...


@dataclass(frozen=True)
class Nothing:
    """The `State` of a type that the Envoy has not asked for."""

    acked: Mapping[str, Resource] = field(default_factory=dict)
    sent: Mapping[str, Resource] = field(default_factory=dict)
    flights: tuple[Flight, ...] = ()
    doubtful: Mapping[tuple[str, str], Resource] = field(default_factory=dict)
    maybe_gone: frozenset[str] = frozenset()
    inherited: frozenset[str] = frozenset()


NOTHING = Nothing()


@dataclass(frozen=True)
class Permit:
    """What may be sent now."""

    offers: Mapping[str, Offer]
    """By resource type."""

    wake_at: float | None = None
    """When to ask again even if nothing happens; None for never."""


Order = Callable[[ResourceSet, Mapping[str, State], float], Permit]
"""(target, states by type, now in seconds) -> what may be sent."""


def of_type(resources: ResourceSet, type_: ResourceType) -> Mapping[str, Resource]:
    """The resources of one type."""
    match type_:
        case ResourceType.CLUSTER:
            return resources.clusters
        case ResourceType.ENDPOINT:
            return resources.endpoints
        case ResourceType.LISTENER:
            return resources.listeners
        case ResourceType.ROUTE:
            return resources.routes
        case ResourceType.SECRET:
            return resources.secrets


def make_before_break(target: ResourceSet, states: Mapping[str, State], now: float) -> Permit:
    """What may be sent to an Envoy in ``states`` so that it reaches ``target`` without loss."""
    clusters = states.get(ResourceType.CLUSTER, NOTHING)
    listeners = states.get(ResourceType.LISTENER, NOTHING)
    routes = states.get(ResourceType.ROUTE, NOTHING)
    warming = _Warming(clusters, now)
    route_offer = _hold_back(
        target.routes, routes, lambda route: warming.present(_clusters_of(route, target))
    )
    listener_offer = _hold_back(
        target.listeners,
        listeners,
        lambda listener: (
            warming.present(_clusters_of(listener, target))
            and route_offer.withheld.isdisjoint(listener.refers_to)
        ),
        keep_gone=False,
    )
    offers: dict[str, Offer] = {
        ResourceType.CLUSTER: Offer(_clusters(target, clusters, listeners, routes)),
        ResourceType.LISTENER: listener_offer,
        ResourceType.ROUTE: route_offer,
    }
    for leaf in (ResourceType.ENDPOINT, ResourceType.SECRET):
        held = states.get(leaf, NOTHING).sent
        offers[leaf] = Offer({**held, **of_type(target, leaf)})
    return Permit(offers, warming.wake_at)


def at_once(target: ResourceSet, states: Mapping[str, State], now: float) -> Permit:
    """The whole target: for clients that ask for a cluster because a route names it, and apply the
    route only once the cluster is there, as gRPC's own xDS client does.
    """
    return Permit({type_: Offer(of_type(target, type_)) for type_ in ResourceType})


def _clusters_of(resource: Resource, target: ResourceSet) -> Iterator[str]:
    return (name for name in resource.refers_to if name in target.clusters)


def _hold_back(
    target: Mapping[str, Resource],
    state: State,
    ready: Callable[[Resource], bool],
    *,
    keep_gone: bool = True,
) -> Offer:
    """The target where ``ready``; else the version that the Envoy has, or nothing yet."""
    offered = dict(state.sent) if keep_gone else {}
    withheld: set[str] = set()
    for name, resource in target.items():
        sent = state.sent.get(name)
        if ready(resource):
            offered[name] = resource
        elif sent is not None:
            offered[name] = sent
        else:
            withheld.add(name)
    return Offer(offered, frozenset(withheld))


def _clusters(
    target: ResourceSet, clusters: State, listeners: State, routes: State
) -> Mapping[str, Resource]:
    """The target's clusters and those that something still refers to."""
    extra = clusters.sent.keys() - target.clusters.keys()
    if not extra:
        return target.clusters
    users = [*_maybe_held(listeners), *_maybe_held(routes)]
    if not any(is_unknown(user) for user in users):
        in_use = {name for user in users for name in user.refers_to}
        if not _in_force(target, listeners, routes):
            in_use |= clusters.inherited
        extra &= in_use
    # As the Envoy is known to have it: a version that is on its way may be one that it refuses.
    kept = {name: clusters.acked.get(name, clusters.sent[name]) for name in extra}
    return {**kept, **target.clusters}


def _in_force(target: ResourceSet, listeners: State, routes: State) -> bool:
    """Whether the Envoy has the target's listeners and routes and no other listener.

    Until then, on a stream that continues an earlier one, the Envoy may use routes that it has not
    mentioned yet: its first request for clusters comes before its first one for routes.
    """
    needed = {name for listener in target.listeners.values() for name in listener.refers_to}
    return (
        listeners is not NOTHING
        and not listeners.flights
        and listeners.acked.keys() <= target.listeners.keys()
        and all(_has(listeners, listener) for listener in target.listeners.values())
        and all(_has(routes, target.routes[name]) for name in needed if name in target.routes)
    )


def _has(state: State, resource: Resource) -> bool:
    held = state.acked.get(resource.name)
    return held is not None and held.version == resource.version


def _maybe_held(state: State) -> Iterator[Resource]:
    """Every version of every resource that the Envoy may use, now or soon."""
    yield from state.acked.values()
    yield from state.doubtful.values()
    for flight in state.flights:
        yield from flight.upserts.values()


class _Warming:
    """Which clusters are present, and when to stop waiting for those that still warm."""

    def __init__(self, clusters: State, now: float) -> None:
        self._clusters = clusters
        self._now = now
        self.wake_at: float | None = None

    def present(self, names: Iterable[str]) -> bool:
        # Check all, not only up to the first that is missing, to find the earliest wake_at.
        missing = [name for name in names if not self._present(name)]
        return not missing

    def _present(self, name: str) -> bool:
        present = name in self._clusters.acked and name not in self._clusters.maybe_gone
        since: float | None = None
        for flight in self._clusters.flights:
            if name in flight.removed:
                present = False
            elif name in flight.upserts and not present:
                present, since = True, flight.at
        if not present:
            return False
        if since is None or self._now >= since + WARMING_SECONDS:
            return True
        self.wake_at = min(self.wake_at or since + WARMING_SECONDS, since + WARMING_SECONDS)
        return False
