"""The sections of the stream that the state makes, and the deployments that run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import unquote

from tealmesh.apis.tealmesh import answers, control, telling
from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.flows import Flows, edges
from tealmesh.app.dashboard.kept import Kept, Made, Still
from tealmesh.app.dashboard.sources import Sources
from tealmesh.model import wire
from tealmesh.model.rollout import Deployment
from tealmesh.rollout.explaining import explain
from tealmesh.rollout.inventory import fleet as fleets
from tealmesh.rollout.inventory import graph as graphs
from tealmesh.rollout.inventory.fleet import Fleet, Member
from tealmesh.rollout.running.stored import locked
from tealmesh.store import View, tables

Row = dict[str, object]
"""An item as docs/stream.md describes it."""


class Sections:
    """Reads them, again and again; what has not changed is not made anew."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self.flows = Flows(sources)
        self._fleet: Kept[Fleet] = Kept(fleets.COLLECTIONS)
        self._graphs: Kept[dict[str, wire.MeshGraph]] = Kept(graphs.COLLECTIONS)
        self._deployed: Kept[frozenset[str]] = Kept((tables.DEPLOYMENTS,))
        self._ended: dict[str, tuple[object, Row]] = {}
        self._beside: Kept[dict[str, Row]] = Kept((tables.REMOVALS, tables.KEPT, tables.GROUPS))
        self._services: dict[str, tuple[tuple[object, ...], Row]] = {}
        self._health: Still[Mapping[str, bool | None]] = Still()
        self._tasks: Made[Items] = Made()

    async def read(self, now: float) -> dict[str, Items]:
        """All but events, groups and what `Flows` reads, of one view of the state. ``now``: epoch
        seconds. Others may do something between two parts, each of which may take a tenth of a
        second in a large fleet.
        """
        view = self._from.store.view
        health = self._health.of({one.task: one.usable for one in self._from.health()})
        fleet = self.fleet(view, health)
        await asyncio.sleep(0)
        deployed = self._deployed.of(view, lambda: _deployed(view))
        deployments = {
            name: self._deployment(view, name, now) if name in deployed else None
            for name in (member.service.name for member in fleet.members)
        }
        await asyncio.sleep(0)
        meshes = [document.body["meshName"] for document in view.list(tables.MESHES)]
        drawn = self._graphs.of(
            view,
            lambda: {mesh: graphs.graph(view, mesh, fleet.sides) for mesh in meshes},
            fleet.sides,
        )
        await asyncio.sleep(0)
        return {
            "control": {"control": self._control(view)},
            "services": self._rows(view, fleet, deployments),
            "deployments": {str(row["deploymentId"]): row for row in deployments.values() if row},
            "tasks": self._tasks.of((fleet, health), lambda: _tasks(fleet, health)),
            "mesh": drawn,
        }

    def fleet(self, view: View, health: Mapping[str, bool | None]) -> Fleet:
        """The fleet as it is. ``health``: whether callers can use each task."""
        unusable = frozenset(task for task, usable in health.items() if usable is False)
        return self._fleet.of(view, lambda: fleets.fleet(view, unusable), unusable)

    def graph(self, mesh: str, steady: float) -> wire.GetMeshGraphOutput:
        """One mesh as a graph, with its Envoys counted, and its rates."""
        view = self._from.store.view
        found = fleets.fleet(view, frozenset())
        _, by_pair, clusters = self.flows.rates(view, steady)
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


def _deployed(view: View) -> frozenset[str]:
    """The services that have deployments: of most of a large fleet there are none to ask for."""
    return frozenset(document.body["service"] for document in view.list(tables.DEPLOYMENTS))


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


def _tasks(fleet: Fleet, health: Mapping[str, bool | None]) -> Items:
    rows: dict[str, object] = {}
    for identity, task in fleet.tasks.items():
        usable = health.get(identity)
        rows[identity] = task if usable is None else {**task, "usable": usable}
    return rows
