"""The sections that Envoys make: who calls whom how often, and how far each Envoy has come.

They change all the time where anything flows, and cost more the more Envoys there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tealmesh.apis.tealmesh import answers
from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.kept import Kept, Made, Still
from tealmesh.app.dashboard.measured import Cluster, per_second, side_traffic
from tealmesh.app.dashboard.rest import rest
from tealmesh.app.dashboard.sources import Sources
from tealmesh.envoy.names import egress_cluster
from tealmesh.model import wire
from tealmesh.model.convergence import EnvoyStatus
from tealmesh.rollout.inventory.fleet import Fleet
from tealmesh.rollout.metrics.rates import Rate, rates
from tealmesh.store import View, tables

WINDOW_SECONDS = 10.0
ByCluster = Mapping[str, Rate]
ByPair = Mapping[tuple[str, str], Rate]
"""By Envoy and egress cluster."""
Sides = Mapping[str, Sequence[str]]
"""The egress clusters of each side of a service."""


class _Seen(NamedTuple):
    """The Envoys of a mesh."""

    mesh: str
    envoys: Sequence[EnvoyStatus]
    waiting: frozenset[str]
    """The ids of those that do not run with the present state."""


class Flows:
    """Reads them, again and again."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._clusters: Kept[dict[str, Cluster]] = Kept((tables.VIRTUAL_NODES,))
        self._by_cluster: Still[ByCluster] = Still()
        self._by_pair: Still[ByPair] = Still()
        self._last: dict[str, tuple[object, _Seen]] = {}
        self._all_seen: Made[Sequence[_Seen]] = Made()
        self._named: Made[Mapping[str, Sides]] = Made()
        self._resources: Made[Mapping[str, str]] = Made()
        self._traffic: Made[Items] = Made()
        self._rest: Made[Items] = Made()
        self._envoys: Made[Items] = Made()
        self._ways: Made[Edges] = Made()
        self._edges: Made[Items] = Made()

    async def read(self, fleet: Fleet, steady: float) -> dict[str, Items]:
        """``fleet``: as it was read last; ``steady``: by the steady clock. Others may do something
        between two parts. A section of which nothing has changed is the same object as before.
        """
        view = self._from.store.view
        by_cluster, by_pair, clusters = self.rates(view, steady)
        await asyncio.sleep(0)
        seen = self._seen(view)
        await asyncio.sleep(0)
        named = self._named.of((fleet,), lambda: _named(fleet))
        resources = self._resources.of((fleet, seen), lambda: _resources(fleet, seen))
        ways = self._ways.of((clusters, resources), lambda: Edges(clusters, resources))
        return {
            "traffic": self._traffic.of(
                (named, by_cluster),
                lambda: {name: _traffic(sides, by_cluster) for name, sides in named.items()},
            ),
            "rest": self._rest.of(
                (fleet, by_cluster, by_pair, clusters, resources),
                lambda: rest(fleet, by_cluster, by_pair, clusters, resources),
            ),
            "envoys": self._envoys.of((seen, fleet), lambda: _rows(seen, fleet.resources)),
            "edges": self._edges.of((by_pair, ways), lambda: ways.of(by_pair)),
        }

    def rates(self, view: View, steady: float) -> tuple[ByCluster, ByPair, Mapping[str, Cluster]]:
        """What callers have seen in the last seconds, and every egress cluster."""
        clusters = self._clusters.of(view, lambda: _clusters(view))
        protocols = {name: protocol for name, (_, _, protocol) in clusters.items()}
        by_cluster, by_pair = rates(self._from.grown(steady - WINDOW_SECONDS), protocols)
        # Where nothing flows they are as empty as before.
        return self._by_cluster.of(by_cluster), self._by_pair.of(by_pair), clusters

    def _seen(self, view: View) -> Sequence[_Seen]:
        """The Envoys of each mesh; the same object where they are as they were."""
        meshes = [document.body["meshName"] for document in view.list(tables.MESHES)]
        self._last = {mesh: self._seen_of(mesh, view) for mesh in meshes}
        found = [seen for _, seen in self._last.values()]
        return self._all_seen.of(found, lambda: found)

    def _seen_of(self, mesh: str, view: View) -> tuple[object, _Seen]:
        state = self._from.unmoved(mesh)
        before = self._last.get(mesh)
        now = (state, view.revision)
        if before is not None and state is not None and before[0] == now:
            return before
        waiting = frozenset(self._from.convergence(mesh, view.revision).waiting)
        return now, _Seen(mesh, self._from.envoys(mesh), waiting)


def _resources(fleet: Fleet, seen: Sequence[_Seen]) -> Mapping[str, str]:
    """What each Envoy stands for."""
    known = {one.id: one.resource for of in seen for one in of.envoys if one.resource}
    return {**fleet.resources, **known}


def _rows(seen: Sequence[_Seen], resources: Mapping[str, str]) -> Items:
    rows: dict[str, Mapping[str, object]] = {}
    for of in seen:
        for one in of.envoys:
            current = one.connected and one.id not in of.waiting
            status = answers.envoy_status(one, lambda task: resources.get(task, ""))
            row: dict[str, object] = {**status, "mesh": of.mesh, "current": current}
            if current:
                # It counts every change of the state, of which most are none of the Envoy's.
                row.pop("revision", None)
            rows[f"{of.mesh}/{one.id}"] = row
    return rows


def _clusters(view: View) -> dict[str, Cluster]:
    """Every egress cluster of the virtual nodes."""
    found: dict[str, Cluster] = {}
    for document in view.list(tables.VIRTUAL_NODES):
        mesh, node = document.body["meshName"], document.body["name"]
        for listener in document.body["spec"].get("listeners", []):
            port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
            found[egress_cluster(mesh, node, protocol, port)] = (mesh, node, protocol)
    return found


def _named(fleet: Fleet) -> Mapping[str, Sides]:
    return {
        service.name: {
            side: [
                egress_cluster(service.mesh, service.node(side), protocol, port)
                for port, protocol in service.listeners
            ]
            for side in service.sides
        }
        for service in (member.service for member in fleet.members)
    }


def _traffic(of: Sides, by_cluster: ByCluster) -> Mapping[str, object]:
    seen = {
        side: [by_cluster[name] for name in names if name in by_cluster]
        for side, names in of.items()
    }
    total = sum(rate.requests for several in seen.values() for rate in several)
    sides = {side: side_traffic(several, total) for side, several in seen.items()}
    return {
        "seconds": WINDOW_SECONDS,
        "perSecond": round(sum(per_second(several) for several in seen.values()), 2),
        "sides": sides,
    }


def edges(
    by_pair: ByPair, clusters: Mapping[str, Cluster], resources: Mapping[str, str]
) -> dict[str, wire.EdgeRate]:
    """How often who calls whom, by MESH FROM TO. ``resources``: what each Envoy stands for."""
    return Edges(clusters, resources).of(by_pair)


class Edges:
    """How often who calls whom, for as long as these are the Envoys and their clusters."""

    def __init__(self, clusters: Mapping[str, Cluster], resources: Mapping[str, str]) -> None:
        """``resources``: what each Envoy stands for."""
        self._clusters = clusters
        self._resources = resources
        self._keys: dict[tuple[str, str], str] = {}
        """By Envoy and cluster, MESH FROM TO; empty where nobody knows who the Envoy is."""

    def of(self, by_pair: ByPair) -> dict[str, wire.EdgeRate]:
        """By MESH FROM TO. What several Envoys of one caller send is added up."""
        sums: dict[str, tuple[float, float, float | None]] = {}
        for pair, (requests, failures, seconds, _, p99) in by_pair.items():
            key = self._keys.get(pair)
            if key is None:
                key = self._keys[pair] = self._key(*pair)
            now = (requests / seconds, failures / seconds, p99) if seconds else (0.0, 0.0, p99)
            sums[key] = _together(sums[key], now) if key in sums else now
        sums.pop("", None)
        return {key: _edge(*summed) for key, summed in sums.items()}

    def _key(self, envoy: str, name: str) -> str:
        mesh, node, _ = self._clusters[name]
        parts = self._resources.get(envoy, envoy).split("/")
        known = len(parts) == 4 and parts[0] == "mesh"
        return f"{mesh} {parts[2]}/{parts[3]} virtualNode/{node}" if known else ""


def _together(
    a: tuple[float, float, float | None], b: tuple[float, float, float | None]
) -> tuple[float, float, float | None]:
    p99 = max((one for one in (a[2], b[2]) if one is not None), default=None)
    return a[0] + b[0], a[1] + b[1], p99


def _edge(requests: float, errors: float, p99: float | None) -> wire.EdgeRate:
    answer: wire.EdgeRate = {
        "perSecond": round(requests, 2),
        "errorsPerSecond": round(errors, 2),
    }
    if p99 is not None:
        answer["p99"] = round(p99, 2)
    return answer
