"""Finds the services that others made in the state of App Mesh, ECS and Cloud Map. Pure.

A service is a virtual service whose router has weighted targets; its sides are their virtual nodes.
What cannot be found out is said in `MeshService.problem`, and can be told by `teal adopt`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from tealmesh.model.absent import means, unrouted
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import stored_gates, stored_strategy
from tealmesh.rollout.adopted import CleanUp, MeshService, MeshSide, counterpart
from tealmesh.rollout.ecs_sides import EcsServices, ecs_attribute
from tealmesh.rollout.naming import (
    differ_in_one_word,
    partner,
    renamed,
    short_names,
    side_names,
)
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import (
        ResourceBody,
        RouteSpec,
        VirtualNodeSpec,
        VirtualServiceSpec,
    )
    from tealmesh.model.teal import AdoptionBody

RouteMember = Literal["httpRoute", "http2Route", "grpcRoute", "tcpRoute"]
ROUTE_MEMBERS: tuple[RouteMember, ...] = ("httpRoute", "http2Route", "grpcRoute", "tcpRoute")


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


def route_targets(spec: RouteSpec) -> dict[str, int]:
    """The weight of each virtual node that a route leads to."""
    for member in ROUTE_MEMBERS:
        if member in spec:
            targets = spec[member]["action"]["weightedTargets"]
            return {target["virtualNode"]: target["weight"] for target in targets}
    return {}


def route_member(spec: RouteSpec) -> RouteMember:
    """The member of a route's specification that says which protocol it is for."""
    return next(member for member in ROUTE_MEMBERS if member in spec)


def _service(
    view: Reader, ecs: EcsServices, name: str, mesh: str, hostname: str, router: str
) -> MeshService:
    document = view.get(tables.ADOPTIONS, name)
    told: AdoptionBody = document.body if document else {}
    routes = [d.body for d in view.list(tables.ROUTES, mesh, router)]
    shown, unclear = _routes(name, router, routes, told)
    nodes = list(dict.fromkeys(node for route in shown for node in route_targets(route["spec"])))
    found, unnamed = _Sides(view, ecs, mesh, name, told).of(nodes)
    found, several = _with_applications(ecs, found, told.get("container", ""))
    live = next((side for side in found if side.exists and side.ecs_service), None)
    port, protocol = _listener(view, mesh, shown[0]["spec"])
    return MeshService(
        name=name,
        mesh=mesh,
        hostname=hostname,
        router=router,
        route="" if unclear else shown[0]["name"],
        port=port,
        protocol=protocol,
        found=found,
        container=live.container if live else "",
        clean_up=cast("CleanUp", told.get("cleanUp", "")),
        strategy=stored_strategy(told["strategy"]) if "strategy" in told else Strategy(),
        gates=stored_gates(told["gates"]) if "gates" in told else Gates(),
        problem=unclear or unnamed or several or ecs.obstacle(found),
    )


def _with_applications(
    ecs: EcsServices, found: tuple[MeshSide, ...], told: str
) -> tuple[tuple[MeshSide, ...], str]:
    """The sides with the container of the application in each, and what is unclear about it. What
    was ``told`` may be called in each side after the side. A side without tasks calls it as the
    other one would.
    """
    names = [side.name for side in found]
    with_tasks = [side for side in found if ecs.has(side)]
    containers: dict[str, str] = {}
    problems: dict[str, str] = {}
    for side in with_tasks:
        wanted = [told, *(renamed(told, name, side.name) for name in names)] if told else []
        containers[side.name], problems[side.name] = ecs.container(side, wanted)
    known = next((side for side in with_tasks if containers[side.name]), None)
    for side in with_tasks:
        if told and known and not containers[side.name]:
            # It was told of the other side.
            containers[side.name], problems[side.name] = ecs.container(side, [])
    for side in found:
        if known and side not in with_tasks:
            containers[side.name] = renamed(containers[known.name], known.name, side.name)
    sides = tuple(replace(side, container=containers.get(side.name, "")) for side in found)
    return sides, next(filter(None, problems.values()), "")


def _routes(
    name: str, router: str, routes: list[ResourceBody[RouteSpec]], told: AdoptionBody
) -> tuple[list[ResourceBody[RouteSpec]], str]:
    """The route that is told or the only one, else all; and what is unclear about them."""
    names = [route["name"] for route in routes]
    wanted = told.get("route", names[0] if len(names) == 1 else "")
    if wanted in names:
        return [route for route in routes if route["name"] == wanted], ""
    listed = ", ".join(names)
    if wanted:
        return routes, f"router {router} has no route {wanted} (there is: {listed})"
    return routes, (
        f"router {router} has {len(names)} routes ({listed}): say whose weights to shift by "
        f"`teal adopt {name} --route ROUTE`"
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


class _Sides:
    """Finds the sides of one service from the virtual nodes of its route."""

    def __init__(
        self, view: Reader, ecs: EcsServices, mesh: str, name: str, told: AdoptionBody
    ) -> None:
        self._view = view
        self._ecs = ecs
        self._mesh = mesh
        self._name = name
        self._told = told.get("sides", {})
        self._nodes = {
            d.body["name"]: d.body["spec"] for d in view.list(tables.VIRTUAL_NODES, mesh)
        }

    def of(self, targets: list[str]) -> tuple[tuple[MeshSide, ...], str]:
        """The sides, and what is unclear about them, for people."""
        named = self._told_nodes() or self._earlier()
        if not set(targets) <= set(named.values()):
            named = dict(zip(side_names(targets), targets, strict=True))
        if len(named) > 2:
            problem = (
                f"its route leads to {len(named)} virtual nodes ({', '.join(targets)}): a "
                "deployment shifts weight between two"
            )
            return tuple(self._side(side, node)[0] for side, node in named.items()), problem
        if len(named) == 1:
            return self._alone(targets[0])
        return self._pair(named)

    def _told_nodes(self) -> dict[str, str]:
        nodes = {side: told.get("virtualNode", "") for side, told in self._told.items()}
        return nodes if len(nodes) == 2 and all(nodes.values()) else {}

    def _earlier(self) -> dict[str, str]:
        """The virtual nodes of the sides as the latest deployment knew them."""
        document = self._view.get(tables.ADOPTED, self._name)
        sides = document.body["found"] if document else []
        return {side["name"]: side["virtual_node"] for side in sides}

    def _alone(self, node: str) -> tuple[tuple[MeshSide, ...], str]:
        """The sides of a route that leads to one virtual node: the other is named as operators
        name it, or stands ready beside it.
        """
        words = partner(node)
        if words:
            side, other = words
            return self._pair({side: node, other: renamed(node, side, other)})
        ready = self._standing_ready(node)
        if len(ready) == 1:
            nodes = [node, ready[0]]
            return self._pair(dict(zip(side_names(nodes), nodes, strict=True)))
        which = f"any of {', '.join(ready)} could be it" if ready else "none stands ready"
        live, problem = self._side(node, node)
        return (live,), problem or (
            f"its route leads to {node} alone, and what its idle side is called is not clear "
            f"({which}): say so by `teal adopt {self._name} --node SIDE={node} --node SIDE=NODE`"
        )

    def _standing_ready(self, node: str) -> list[str]:
        """The virtual nodes beside this one to which no route leads."""
        routes = self._view.list(tables.ROUTES, self._mesh)
        targeted = {target for route in routes for target in route_targets(route.body["spec"])}
        return [
            other
            for other, spec in self._nodes.items()
            if other not in targeted
            and differ_in_one_word(node, other)
            and _place(spec) == _place(self._nodes.get(node, {}))
        ]

    def _pair(self, named: dict[str, str]) -> tuple[tuple[MeshSide, ...], str]:
        present = {side: node for side, node in named.items() if node in self._nodes}
        found = {side: self._side(side, node) for side, node in present.items()}
        problem = next((problem for _, problem in found.values() if problem), "")
        sides = {side: one for side, (one, _) in found.items()}
        for side, node in named.items():
            if side not in sides and sides:
                live = next(iter(found.values()))[0]
                sides[side] = self._idle(live, side, node)
                problem = problem or self._not_apart(live, sides[side])
        return tuple(sides[side] for side in named if side in sides), problem

    def _idle(self, live: MeshSide, side: str, node: str) -> MeshSide:
        """The side that does not exist; its ECS service may have been told."""
        made = counterpart(live, live.name, side, node)
        cluster, _, name = self._told.get(side, {}).get("ecsService", "").rpartition("/")
        return replace(made, cluster=cluster or made.cluster, ecs_service=name) if name else made

    def _not_apart(self, live: MeshSide, idle: MeshSide) -> str:
        """Why the side that does not exist cannot be made from the other one; empty if it can."""
        if not live.ecs_service:
            return ""
        if idle.ecs_service == live.ecs_service:
            return (
                f"what the ECS service of side {idle.name} would be called is not clear: say so by "
                f"`teal adopt {self._name} --side {idle.name}=ECS_SERVICE`"
            )
        spec = self._nodes[live.virtual_node]
        before, after = _place(spec), renamed("/".join(_place(spec)), live.name, idle.name)
        if "/".join(before) == after:
            if ecs_attribute(spec) == live.ecs_service:
                return ""
            return (
                f"side {idle.name} would be discovered where {live.name} is, and nothing would "
                f"tell them apart: give virtual node {live.virtual_node} the Cloud Map attribute "
                "ECS_SERVICE_NAME"
            )
        if idle.registry and not self._ecs.registers(idle.namespace, idle.registry):
            return (
                f"side {idle.name} would register in Cloud Map service {idle.registry} of "
                f"{idle.namespace}, which does not exist"
            )
        return ""

    def _side(self, name: str, node: str) -> tuple[MeshSide, str]:
        """A side whose virtual node exists, and what is unclear about its ECS service."""
        told = self._told.get(name, {}).get("ecsService", "")
        spec = self._nodes.get(node, {})
        candidates = self._ecs.named(told) if told else self._ecs.of_node(self._mesh, node, spec)
        if len(candidates) == 1:
            return MeshSide(name, node, *candidates[0], *self._ecs.registry(candidates[0])), ""
        tell = f"say which by `teal adopt {self._name} --side {name}=[CLUSTER/]ECS_SERVICE`"
        listed = ", ".join("/".join(candidate) for candidate in candidates)
        if candidates:
            problem = f"the tasks of virtual node {node} can be any of {listed}: {tell}"
        else:
            problem = f"no ECS service runs virtual node {node}: {tell}"
            if told:
                problem = f"there is no ECS service {told}, which was told for side {name}"
        return MeshSide(name, node), problem


def _place(spec: VirtualNodeSpec) -> tuple[str, str]:
    """Where a virtual node's tasks are discovered: namespace and service, or empty and hostname."""
    discovery = spec.get("serviceDiscovery", {})
    if "awsCloudMap" in discovery:
        cloud_map = discovery["awsCloudMap"]
        return cloud_map["namespaceName"], cloud_map["serviceName"]
    return "", discovery["dns"]["hostname"] if "dns" in discovery else ""
