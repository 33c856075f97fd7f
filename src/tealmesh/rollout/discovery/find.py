"""Finds the services that others made in the state of App Mesh, ECS and Cloud Map. Pure.

A service is a virtual service whose router has weighted targets; its sides are their virtual nodes.
What cannot be found out is said in `MeshService.problem`, and can be told by `teal adopt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tealmesh.model.absent import means, unrouted
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import stored_gates, stored_strategy
from tealmesh.rollout.adopted import CleanUp, MeshService
from tealmesh.rollout.discovery.routes import choose, route_member, route_targets, told_routes
from tealmesh.rollout.discovery.sides import Sides, with_applications
from tealmesh.rollout.ecs_sides import EcsServices
from tealmesh.rollout.naming import short_names
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import (
        RouteSpec,
        VirtualServiceSpec,
    )
    from tealmesh.model.teal import AdoptionBody


def discover(view: Reader) -> list[MeshService]:
    """The services that are not of teal.toml, by mesh and virtual service."""
    systems = [document.body for document in view.list(tables.SYSTEMS)]
    ours = {(body["mesh"], body["config"]["hostname"]) for body in systems}
    routed = [
        (body["meshName"], body["name"], router)
        for body in (document.body for document in view.list(tables.VIRTUAL_SERVICES))
        if (router := _router(body["spec"]))
        and (body["meshName"], body["name"]) not in ours
        and view.list(tables.ROUTES, body["meshName"], router)
    ]
    earlier = {
        (body["mesh"], body["hostname"]): body["name"]
        for body in (document.body for document in view.list(tables.ADOPTED))
    }
    taken = [body["config"]["name"] for body in systems] + list(earlier.values())
    unnamed = [(mesh, host) for mesh, host, _ in routed if (mesh, host) not in earlier]
    names = earlier | dict(zip(unnamed, short_names(unnamed, taken), strict=True))
    ecs = EcsServices(view)
    return [
        _service(view, ecs, names[mesh, host], mesh, host, router) for mesh, host, router in routed
    ]


def _router(spec: VirtualServiceSpec) -> str:
    """The router that provides a virtual service; empty if none does."""
    provider = spec.get("provider", {})
    return provider["virtualRouter"]["virtualRouterName"] if "virtualRouter" in provider else ""


def find(view: Reader, name: str) -> MeshService | None:
    """The service of this name, or with this virtual service (``HOSTNAME``, ``MESH/HOSTNAME``);
    None if there is none, or if several meshes have one.
    """
    services = discover(view)
    for matching in (
        [s for s in services if s.name == name],
        [s for s in services if name in (s.hostname, f"{s.mesh}/{s.hostname}")],
    ):
        if len(matching) == 1:
            return matching[0]
    return None


def without_targets(view: Reader, name: str) -> str:
    """Why the virtual service that ``name`` may stand for is not deployed; empty if there is none
    without weighted targets.
    """
    for body in (document.body for document in view.list(tables.VIRTUAL_SERVICES)):
        mesh, hostname, provider = body["meshName"], body["name"], body["spec"].get("provider", {})
        if not means(name, hostname, mesh):
            continue
        router = _router(body["spec"])
        if router and not view.list(tables.ROUTES, mesh, router):
            return unrouted(hostname, f"virtualRouter/{router}")
        if "virtualNode" in provider:
            node = provider["virtualNode"]["virtualNodeName"]
            return unrouted(hostname, f"virtualNode/{node}")
        if not provider:
            return unrouted(hostname, "")
    return ""


def _service(
    view: Reader, ecs: EcsServices, name: str, mesh: str, hostname: str, router: str
) -> MeshService:
    document = view.get(tables.ADOPTIONS, name)
    told: AdoptionBody = document.body if document else {}
    routes = {d.body["name"]: d.body for d in view.list(tables.ROUTES, mesh, router)}
    sides = Sides(view, ecs, mesh, name, told)
    chosen = choose(name, router, routes.values(), told_routes(told), sides.known().values())
    shown = [routes[route]["spec"] for route in chosen.shown]
    found, unnamed = sides.of(list(dict.fromkeys(n for spec in shown for n in route_targets(spec))))
    found, several = with_applications(ecs, found, told.get("container", ""))
    live = next((side for side in found if side.exists and side.ecs_service), None)
    listeners = list(dict.fromkeys(_listener(view, mesh, spec) for spec in shown))
    return MeshService(
        name=name,
        mesh=mesh,
        hostname=hostname,
        router=router,
        routes=chosen.routes,
        port=listeners[0][0],
        protocol=listeners[0][1],
        further=tuple(listeners[1:]),
        found=found,
        container=live.container if live else "",
        clean_up=cast("CleanUp", told.get("cleanUp", "")),
        strategy=stored_strategy(told["strategy"]) if "strategy" in told else Strategy(),
        gates=stored_gates(told["gates"]) if "gates" in told else Gates(),
        problem=chosen.problem or unnamed or several or ecs.obstacle(found),
    )


def _listener(view: Reader, mesh: str, spec: RouteSpec) -> tuple[int, str]:
    """The port and protocol of the listener to which a route leads; of the first one where the
    route names no port.
    """
    for target in spec[route_member(spec)]["action"]["weightedTargets"]:
        node = view.get(tables.VIRTUAL_NODES, mesh, target["virtualNode"])
        listeners = node.body["spec"].get("listeners", []) if node else []
        mappings = [listener["portMapping"] for listener in listeners]
        for mapping in mappings:
            if target.get("port", mapping["port"]) == mapping["port"]:
                return mapping["port"], mapping["protocol"]
    return 0, "http"
