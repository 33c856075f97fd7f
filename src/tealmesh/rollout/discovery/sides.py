"""The sides of a service that others made: virtual nodes, and the ECS services behind them. Pure.

What cannot be found out is said with the command that tells it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.rollout.adopted import MeshSide, counterpart
from tealmesh.rollout.discovery.routes import route_targets
from tealmesh.rollout.ecs_sides import EcsServices, ecs_attribute
from tealmesh.rollout.naming import differ_in_one_word, partner, renamed, side_names
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import VirtualNodeSpec
    from tealmesh.model.teal import AdoptionBody


class Sides:
    """Finds the sides of one service from the virtual nodes of its routes."""

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
        named = self.known()
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

    def known(self) -> dict[str, str]:
        """The virtual nodes of the sides as they were told, or as the latest deployment knew them;
        empty if neither is so.
        """
        return self._told_nodes() or self._earlier()

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


def with_applications(
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
