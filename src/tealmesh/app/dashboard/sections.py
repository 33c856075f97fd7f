"""The sections of the stream, from the state, what Envoys report, and the deployments that run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

from tealmesh.apis.tealmesh import answers, control, telling
from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.measured import Cluster, per_second, side_traffic
from tealmesh.app.dashboard.rest import rest
from tealmesh.envoy.names import egress_cluster
from tealmesh.envoy.resources import ResourceSet
from tealmesh.model import wire
from tealmesh.model.convergence import Convergence, EnvoyStatus
from tealmesh.model.health import TaskHealth
from tealmesh.model.mesh import Proxy
from tealmesh.model.rollout import Deployment
from tealmesh.rollout.explaining import explain
from tealmesh.rollout.inventory import fleet as fleets
from tealmesh.rollout.inventory import graph as graphs
from tealmesh.rollout.inventory.fleet import Fleet, Member
from tealmesh.rollout.metrics.rates import Grown, Rate, rates
from tealmesh.rollout.running.stored import locked
from tealmesh.store import Store, View, tables

WINDOW_SECONDS = 10.0
T = TypeVar("T")


@dataclass(frozen=True)
class Sources:
    """What the sections are read from."""

    store: Store
    latest: Callable[[str], Deployment | None]
    """The latest deployment of a service, as it stands."""
    grown: Callable[[float], Sequence[Grown]]
    envoys: Callable[[str], Sequence[EnvoyStatus]]
    convergence: Callable[[str, int], Convergence]
    held: Callable[[str], Sequence[tuple[Proxy, Sequence[str], ResourceSet]]]
    """What was made for the Envoys of a mesh, with their ids."""
    health: Callable[[], Sequence[TaskHealth]]
    troubles: Callable[[], Sequence[wire.WorkerTrouble]]
    about: Mapping[str, str | float]
    """What never changes: version, startedAt, dataDir, runtime."""
    page: Callable[[], str] = lambda: ""
    """The name of the script of the page that is served now; empty without a page."""


@dataclass
class _Kept(Generic[T]):
    """What was made of some collections, until one of them changes."""

    collections: tuple[str, ...]
    made: T | None = None
    seen: tuple[object, ...] = ()

    def of(self, view: View, make: Callable[[], T], *also: object) -> T:
        now = (*(view.collections.get(name) for name in self.collections), *also)
        same = len(now) == len(self.seen) and all(
            a is b or a == b if index >= len(self.collections) else a is b
            for index, (a, b) in enumerate(zip(now, self.seen, strict=True))
        )
        if self.made is None or not same:
            self.made, self.seen = make(), now
        return self.made


Row = dict[str, object]
"""An item as docs/stream.md describes it."""


class Sections:
    """Reads them, again and again; what has not changed is not made anew."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._fleet: _Kept[Fleet] = _Kept(fleets.COLLECTIONS)
        self._graphs: _Kept[dict[str, wire.MeshGraph]] = _Kept(graphs.COLLECTIONS)
        self._clusters: _Kept[dict[str, Cluster]] = _Kept((tables.VIRTUAL_NODES,))
        self._ended: dict[str, tuple[object, Row]] = {}
        self._beside: _Kept[dict[str, Row]] = _Kept((tables.REMOVALS, tables.KEPT, tables.GROUPS))
        self._services: dict[str, tuple[tuple[object, ...], Row]] = {}

    async def read(
        self, now: float, steady: float, others: Callable[[], Awaitable[None]]
    ) -> dict[str, Items]:
        """All but events and groups, of one view of the state. ``now``: epoch seconds; ``steady``:
        by the steady clock. ``others``: lets others do something between two parts, each of which
        may take a tenth of a second in a large fleet.
        """
        view = self._from.store.view
        health = {one.task: one.usable for one in self._from.health()}
        unusable = frozenset(task for task, usable in health.items() if usable is False)
        fleet = self._fleet.of(view, lambda: fleets.fleet(view, unusable), unusable)
        clusters = self._clusters.of(view, lambda: _clusters(view))
        await others()
        meshes = [document.body["meshName"] for document in view.list(tables.MESHES)]
        by_cluster, by_pair = rates(
            self._from.grown(steady - WINDOW_SECONDS),
            {name: protocol for name, (_, _, protocol) in clusters.items()},
        )
        await others()
        deployments = {
            member.service.name: self._deployment(view, member.service.name, now)
            for member in fleet.members
        }
        await others()
        envoys = {mesh: self._from.envoys(mesh) for mesh in meshes}
        await others()
        resources = {**fleet.resources}
        for known in envoys.values():
            resources |= {one.id: one.resource for one in known if one.resource}
        drawn = self._graphs.of(
            view,
            lambda: {mesh: graphs.graph(view, mesh, fleet.sides) for mesh in meshes},
            fleet.sides,
        )
        await others()
        return {
            "control": {"control": self._control(view)},
            "services": self._rows(view, fleet, deployments),
            "traffic": {
                member.service.name: _traffic(member, by_cluster) for member in fleet.members
            },
            "rest": rest(fleet, by_cluster, by_pair, clusters, resources),
            "deployments": {str(row["deploymentId"]): row for row in deployments.values() if row},
            "tasks": _tasks(fleet, health),
            "envoys": self._envoys(view, envoys, fleet.resources),
            "mesh": drawn,
            "edges": edges(by_pair, clusters, resources),
        }

    def graph(self, mesh: str, steady: float) -> wire.GetMeshGraphOutput:
        """One mesh as a graph, with its Envoys counted, and its rates."""
        view = self._from.store.view
        found = fleets.fleet(view, frozenset())
        clusters = _clusters(view)
        protocols = {name: protocol for name, (_, _, protocol) in clusters.items()}
        _, by_pair = rates(self._from.grown(steady - WINDOW_SECONDS), protocols)
        envoys = self._from.envoys(mesh)
        waiting = set(self._from.convergence(mesh, view.revision).waiting)
        graph = graphs.graph(view, mesh, found.sides)
        graph["envoys"] = len(envoys)
        graph["connected"] = sum(one.connected for one in envoys)
        graph["current"] = sum(one.connected and one.id not in waiting for one in envoys)
        graph["rejected"] = sum(bool(one.rejected) for one in envoys)
        resources = {**found.resources, **{one.id: one.resource for one in envoys if one.resource}}
        drawn = edges(by_pair, clusters, resources)
        mine = {key: rate for key, rate in drawn.items() if key.startswith(f"{mesh} ")}
        return {
            "graph": graph,
            "edges": {key.partition(" ")[2]: rate for key, rate in mine.items()},
        }

    def _control(self, view: View) -> Mapping[str, object]:
        told = {**self._from.about, "troubles": list(self._from.troubles())}
        page = self._from.page()
        return {**told, "page": page} if page else told

    def _deployment(self, view: View, service: str, now: float) -> Row | None:
        latest = self._from.latest(service)
        if latest is None:
            return None
        kept = self._ended.get(service)
        if latest.finished and kept is not None and kept[0] == (latest.id, latest.state):
            return kept[1]
        row = deployment_row(view, latest, now)
        if latest.finished:
            # The page asks for what was measured then, once somebody looks at it.
            row.pop("evidence", None)
            self._ended[service] = ((latest.id, latest.state), row)
        return row

    def _rows(self, view: View, fleet: Fleet, deployments: Mapping[str, Row | None]) -> Items:
        """The services. A row is the same object as before where nothing of it has changed."""
        beside = self._beside.of(view, lambda: _beside(view))
        moment = self._from.store.now()
        some_locked = bool(view.list(tables.LOCKS))
        kept = self._services
        self._services = {}
        for member in fleet.members:
            name = member.service.name
            lock = locked(view, name, moment) if some_locked else None
            made_of = (member, deployments[name], beside.get(name), lock)
            known = kept.get(name)
            if known is None or any(a is not b for a, b in zip(known[0], made_of, strict=True)):
                row = self._service(member, deployments[name]) | beside.get(name, {})
                if lock is not None:
                    row["lock"] = control.service_lock(lock)
                known = made_of, row
            self._services[name] = known
        return {name: row for name, (_, row) in self._services.items()}

    def _service(self, member: Member, row: Row | None) -> Row:
        service = member.service
        told = row["sentence"] if row else ""
        # `str` of it would forget what it is made of.
        said = told if isinstance(told, str) else ""
        state, sentence, since = fleets.standing(member, self._from.latest(service.name), said)
        answer: Row = {
            "name": service.name,
            "mesh": service.mesh,
            "hostname": service.hostname,
            "port": service.port,
            "protocol": service.protocol,
            "origin": "adopted" if member.adopted else "teal.toml",
            "state": state,
            "sentence": sentence,
            "sides": list(member.sides),
        }
        if since:
            answer["since"] = since
        leading = max(member.sides, key=lambda side: side["weight"])
        if image := leading.get("image"):
            answer["image"] = image
        if row is not None:
            answer["deployment"] = row["deploymentId"]
        if member.problem:
            answer["problem"] = member.problem
        return answer

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


def deployment_row(view: View, d: Deployment, now: float) -> Row:
    """A deployment as the page shows it."""
    told = explain(d, now)
    whole = answers.deployment(d)
    telling.add_beside(whole, view)
    row: Row = {
        **whole,
        "sentence": told.sentence,
        "doing": told.doing,
        "why": told.why,
        "following": told.following,
        "latest": told.latest,
    }
    if asked := telling.hooks(view, d.id):
        row["hooks"] = asked
    if told.latest_at is not None:
        row["latestAt"] = round(told.latest_at)
    if not d.finished:
        row["measured"] = len(view.list(tables.WINDOWS, d.id))
    return row


def _clusters(view: View) -> dict[str, Cluster]:
    """Every egress cluster of the virtual nodes."""
    found: dict[str, Cluster] = {}
    for document in view.list(tables.VIRTUAL_NODES):
        mesh, node = document.body["meshName"], document.body["name"]
        for listener in document.body["spec"].get("listeners", []):
            port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
            found[egress_cluster(mesh, node, protocol, port)] = (mesh, node, protocol)
    return found


def _beside(view: View) -> dict[str, Row]:
    """What is kept of services beside their sides, deployments and locks, by service."""
    found: dict[str, Row] = {}
    for removed in view.list(tables.REMOVALS):
        found.setdefault(unquote(removed.key), {})["removing"] = True
    for kept in view.list(tables.KEPT):
        found.setdefault(kept.body["service"], {})["kept"] = control.kept_side(kept.body)
    for group in view.list(tables.GROUPS):
        for service in group.body["services"]:
            found.setdefault(service, {})["group"] = group.body["name"]
    return found


def _traffic(member: Member, by_cluster: Mapping[str, Rate]) -> Mapping[str, object]:
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


def _tasks(fleet: Fleet, health: Mapping[str, bool | None]) -> Items:
    rows: dict[str, object] = {}
    for identity, task in fleet.tasks.items():
        usable = health.get(identity)
        rows[identity] = task if usable is None else {**task, "usable": usable}
    return rows


def edges(
    by_pair: Mapping[tuple[str, str], Rate],
    clusters: Mapping[str, Cluster],
    resources: Mapping[str, str],
) -> dict[str, wire.EdgeRate]:
    """How often who calls whom, by MESH FROM TO. ``resources``: what each Envoy stands for."""
    several: dict[str, list[Rate]] = {}
    for (envoy, name), rate in by_pair.items():
        mesh, node, _ = clusters[name]
        parts = resources.get(envoy, envoy).split("/")
        if len(parts) == 4 and parts[0] == "mesh":
            caller = f"{parts[2]}/{parts[3]}"
            several.setdefault(f"{mesh} {caller} virtualNode/{node}", []).append(rate)
    return {key: _edge(found) for key, found in several.items()}


def _edge(several: Sequence[Rate]) -> wire.EdgeRate:
    errors = sum(rate.failures / rate.seconds for rate in several if rate.seconds)
    answer: wire.EdgeRate = {
        "perSecond": round(per_second(several), 2),
        "errorsPerSecond": round(errors, 2),
    }
    timed = [rate.p99 for rate in several if rate.p99 is not None]
    if timed:
        answer["p99"] = round(max(timed), 2)
    return answer
