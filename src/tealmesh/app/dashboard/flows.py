"""The sections that Envoys make: who calls whom how often, and how far each Envoy has come.

They change all the time where anything flows, and cost more the more Envoys there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from tealmesh.apis.tealmesh import answers
from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.kept import Kept
from tealmesh.app.dashboard.measured import Cluster, per_second, side_traffic
from tealmesh.app.dashboard.rest import rest
from tealmesh.app.dashboard.sources import Sources
from tealmesh.envoy.names import egress_cluster
from tealmesh.model import wire
from tealmesh.model.convergence import EnvoyStatus
from tealmesh.rollout.inventory.fleet import Fleet, Member
from tealmesh.rollout.metrics.rates import Rate, rates
from tealmesh.store import View, tables

WINDOW_SECONDS = 10.0
ByCluster = Mapping[str, Rate]
ByPair = Mapping[tuple[str, str], Rate]
"""By Envoy and egress cluster."""


class Flows:
    """Reads them, again and again."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._clusters: Kept[dict[str, Cluster]] = Kept((tables.VIRTUAL_NODES,))

    async def read(self, fleet: Fleet, steady: float) -> dict[str, Items]:
        """``fleet``: as it was read last; ``steady``: by the steady clock. Others may do something
        between two parts.
        """
        view = self._from.store.view
        by_cluster, by_pair, clusters = self.rates(view, steady)
        await asyncio.sleep(0)
        meshes = [document.body["meshName"] for document in view.list(tables.MESHES)]
        envoys = {mesh: self._from.envoys(mesh) for mesh in meshes}
        await asyncio.sleep(0)
        resources = {**fleet.resources}
        for known in envoys.values():
            resources |= {one.id: one.resource for one in known if one.resource}
        return {
            "traffic": {
                member.service.name: _traffic(member, by_cluster) for member in fleet.members
            },
            "rest": rest(fleet, by_cluster, by_pair, clusters, resources),
            "envoys": self._envoys(view, envoys, fleet.resources),
            "edges": edges(by_pair, clusters, resources),
        }

    def rates(self, view: View, steady: float) -> tuple[ByCluster, ByPair, Mapping[str, Cluster]]:
        """What callers have seen in the last seconds, and every egress cluster."""
        clusters = self._clusters.of(view, lambda: _clusters(view))
        protocols = {name: protocol for name, (_, _, protocol) in clusters.items()}
        return (*rates(self._from.grown(steady - WINDOW_SECONDS), protocols), clusters)

    def _envoys(
        self,
        view: View,
        envoys: Mapping[str, Sequence[EnvoyStatus]],
        resources: Mapping[str, str],
    ) -> dict[str, Mapping[str, object]]:
        rows: dict[str, Mapping[str, object]] = {}
        for mesh, known in envoys.items():
            waiting = set(self._from.convergence(mesh, view.revision).waiting)
            for one in known:
                current = one.connected and one.id not in waiting
                status = answers.envoy_status(one, lambda task: resources.get(task, ""))
                row: dict[str, object] = {**status, "mesh": mesh, "current": current}
                if current:
                    # It counts every change of the state, of which most are none of the Envoy's.
                    row.pop("revision", None)
                rows[f"{mesh}/{one.id}"] = row
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


def _traffic(member: Member, by_cluster: ByCluster) -> Mapping[str, object]:
    service = member.service
    seen: dict[str, list[Rate]] = {}
    for side in service.sides:
        names = [
            egress_cluster(service.mesh, service.node(side), protocol, port)
            for port, protocol in service.listeners
        ]
        seen[side] = [by_cluster[name] for name in names if name in by_cluster]
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
    several: dict[str, list[Rate]] = {}
    callers: dict[str, str] = {}
    for (envoy, name), rate in by_pair.items():
        mesh, node, _ = clusters[name]
        caller = callers.get(envoy)
        if caller is None:
            parts = resources.get(envoy, envoy).split("/")
            known = len(parts) == 4 and parts[0] == "mesh"
            caller = callers[envoy] = f"{parts[2]}/{parts[3]}" if known else ""
        if caller:
            several.setdefault(f"{mesh} {caller} virtualNode/{node}", []).append(rate)
    return {key: _edge(found) for key, found in several.items()}


def _edge(several: Sequence[Rate]) -> wire.EdgeRate:
    requests = errors = 0.0
    p99: float | None = None
    for rate in several:
        if rate.seconds:
            requests += rate.requests / rate.seconds
            errors += rate.failures / rate.seconds
        if rate.p99 is not None and (p99 is None or rate.p99 > p99):
            p99 = rate.p99
    answer: wire.EdgeRate = {
        "perSecond": round(requests, 2),
        "errorsPerSecond": round(errors, 2),
    }
    if p99 is not None:
        answer["p99"] = round(p99, 2)
    return answer
