"""What a service consists of, in the mesh and in a Terraform state, and why a module of ours cannot
have it. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tealmesh.cli.terraform.moving.state import Instance, Json
from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.spelling import snake
from tealmesh.model import wire
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

COLOURS = ("blue", "green")
PROTOCOLS = ("http", "http2", "grpc")

_NO_PRIORITY = 1001
"""Behind all that have one (0 to 1000)."""


@dataclass(frozen=True)
class Side:
    """One side, as the module calls it: blue or green."""

    colour: str
    described: wire.SideDescription
    spec: Json
    """Its virtual node's; empty if that does not exist."""
    node: Instance | None
    """These are what the state has of it."""
    service: Instance | None
    task: Instance | None

    @property
    def exists(self) -> bool:
        return self.described["exists"]

    @property
    def containers(self) -> list[Any]:
        text = self.task.values.get("container_definitions") if self.task else None
        return list(json.loads(text or "[]"))


@dataclass(frozen=True)
class Role:
    """The role of the tasks, as far as the state has it."""

    role: Instance
    envoy_policy: Instance | None
    """The inline policy by which Envoys get their configuration."""
    other_policies: tuple[Instance, ...]
    attachments: tuple[Instance, ...]
    shared_by: tuple[str, ...]
    """Addresses of task definitions of others that have it too: it stays where it is then."""


@dataclass(frozen=True)
class Facts:
    """All that the blocks are made of."""

    service: wire.ServiceDescription
    router: Resource
    route: Resource
    further: tuple[Resource, ...]
    """Routes beside it that match the same: of them the module has none."""
    sides: tuple[Side, ...]
    cloud_map: Instance | None
    registry: str
    """The id of the Cloud Map service."""
    role: Role | None
    state: Sequence[Instance] = field(repr=False)

    @property
    def live(self) -> Side:
        """A side that the state has whole: the one with the most weight."""
        whole = [side for side in self.sides if side.service and side.task and side.exists]
        return max(whole, key=lambda side: side.described["weight"])


def gathered(service: wire.ServiceDescription, mesh: Found, state: Sequence[Instance]) -> Facts:
    """The facts about a service. ``mesh``: all of its mesh. Raises TealError that names what is
    missing, or cannot be one of the module's.
    """
    if problem := service.get("problem"):
        raise TealError(f"{service['name']}: {problem}")
    known = {one.name: one for one in mesh.resources}
    router = _router(service, known)
    route, further = _routes(service, router, known, state)
    sides = tuple(_sides(service, known, state))
    refuse(_missing(sides))
    registry = _registry(sides)
    cloud_map = _one(state, "aws_service_discovery_service", id=registry)
    role = _role(sides, state)
    return Facts(service, router, route, further, sides, cloud_map, registry, role, state)


def refuse(reasons: Iterable[str]) -> None:
    """Raise TealError with these lines, if there are any."""
    told = list(reasons)
    if told:
        raise TealError("\n".join(["the module cannot have it as it is:", *told]))


def _router(service: wire.ServiceDescription, known: dict[Name, Resource]) -> Resource:
    virtual = Name(Kind.VIRTUAL_SERVICE, service["mesh"], service["hostname"])
    spec = known[virtual].spec if virtual in known else {}
    name = spec.get("provider", {}).get("virtualRouter", {}).get("virtualRouterName", "")
    router = known.get(Name(Kind.VIRTUAL_ROUTER, service["mesh"], name))
    if router is None:
        raise TealError(f"{service['name']}: no router provides {service['hostname']}")
    return router


def _routes(
    service: wire.ServiceDescription,
    router: Resource,
    known: dict[Name, Resource],
    state: Sequence[Instance],
) -> tuple[Resource, tuple[Resource, ...]]:
    """The route that the module takes over, and the others: of those with the most sides, which the
    state has, the one that requests take.
    """
    routes = [
        one
        for one in known.values()
        if one.name.kind is Kind.ROUTE and one.name.parent == router.name.name
    ]
    others = [one for one in routes if not _is_plain(one)]
    mine = [one for one in routes if one not in others]
    refuse(
        f"  route {one.name.name} of router {router.name.name}: the module has one route, for all "
        "requests of http, http2 or grpc"
        for one in others
    )

    def rank(one: Resource) -> tuple[int, bool, int, str]:
        held = instance(state, one.name) is not None
        return -len(weighted(one)), not held, one.spec.get("priority", _NO_PRIORITY), one.name.name

    if not mine:
        raise TealError(f"{service['name']}: router {router.name.name} has no route")
    first = min(mine, key=rank)
    return first, tuple(one for one in mine if one is not first)


def _is_plain(route: Resource) -> bool:
    protocol, spec = route_spec(route)
    if protocol not in PROTOCOLS:
        return False
    match = spec.get("match") or {}
    return match in ({}, {"prefix": "/"})


def route_spec(route: Resource) -> tuple[str, Json]:
    """Its protocol, and what the route of that says."""
    for member, spec in route.spec.items():
        if member.endswith("Route"):
            return member.removesuffix("Route"), spec
    return "", {}


def weighted(route: Resource) -> list[Json]:
    return list(route_spec(route)[1].get("action", {}).get("weightedTargets") or ())


def _sides(
    service: wire.ServiceDescription, known: dict[Name, Resource], state: Sequence[Instance]
) -> Iterator[Side]:
    described = service["sides"]
    words = [side["side"] for side in described]
    colours = dict(zip(words, words if set(words) <= set(COLOURS) else COLOURS, strict=False))
    for one in described:
        name = Name(Kind.VIRTUAL_NODE, service["mesh"], one["virtualNode"])
        running = _one(state, "aws_ecs_service", name=one.get("ecsService", ""))
        task = None
        if running is not None:
            task = _task(state, one.get("taskDefinition", ""), running)
        yield Side(
            colours[one["side"]],
            one,
            known[name].spec if name in known else {},
            instance(state, name),
            running,
            task,
        )


def _task(state: Sequence[Instance], arn: str, running: Instance) -> Instance | None:
    for wanted in (arn, running.values.get("task_definition")):
        if found := _one(state, "aws_ecs_task_definition", arn=wanted):
            return found
    # A deployment has registered a newer revision of it.
    family = arn.rpartition("/")[2].rpartition(":")[0]
    return _one(state, "aws_ecs_task_definition", family=family)


def _missing(sides: Sequence[Side]) -> Iterator[str]:
    """The module's arguments are read from a side: one has to be whole."""
    if not any(side.exists for side in sides):
        yield "  no side of it exists"
    if not any(side.service and side.task and side.exists for side in sides):
        for side in sides:
            for what, there in (("ECS service", side.service), ("task definition", side.task)):
                name = side.described.get("ecsService", side.described["virtualNode"])
                if there is None and side.exists:
                    yield f"  side {side.described['side']}: the state has no {what} of {name}"


def _registry(sides: Sequence[Side]) -> str:
    for side in sides:
        for one in (side.service.values.get("service_registries") or ()) if side.service else ():
            return str(one.get("registry_arn") or "").rpartition("/")[2]
    return ""


def _role(sides: Sequence[Side], state: Sequence[Instance]) -> Role | None:
    arns = [side.task.values.get("task_role_arn") for side in sides if side.task]
    role = _one(state, "aws_iam_role", arn=next(iter(arns), None))
    if role is None:
        return None
    name = role.values.get("name")
    inline = [
        one for one in state if one.type == "aws_iam_role_policy" and one.values.get("role") == name
    ]
    envoys = [one for one in inline if "appmesh:" in str(one.values.get("policy"))]
    attached = tuple(
        one
        for one in state
        if one.type == "aws_iam_role_policy_attachment" and one.values.get("role") == name
    )
    own = {side.task.address for side in sides if side.task}
    shared = tuple(
        one.address
        for one in state
        if one.type == "aws_ecs_task_definition"
        and one.values.get("task_role_arn") == role.values.get("arn")
        and one.address not in own
    )
    rest = tuple(one for one in inline if one not in envoys[:1])
    return Role(role, envoys[0] if envoys else None, rest, attached, shared)


def instance(state: Sequence[Instance], name: Name) -> Instance | None:
    """What the state has of a resource of App Mesh."""
    wanted = {"name": name.name}
    if name.kind is not Kind.MESH:
        wanted["mesh_name"] = name.mesh
    if name.kind is Kind.ROUTE:
        wanted["virtual_router_name"] = name.parent
    return _one(state, f"aws_appmesh_{snake(name.kind.value)}", **wanted)


def _one(state: Sequence[Instance], kind: str, **values: Any) -> Instance | None:
    """The first instance of a type with these values, none of which may be empty."""
    if not all(values.values()):
        return None
    for one in state:
        if one.type == kind and all(one.values.get(name) == v for name, v in values.items()):
            return one
    return None
