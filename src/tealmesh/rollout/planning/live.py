"""What is live of a service, as `model.linting` looks at it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.model.config.common import DEFAULT_TIMES
from tealmesh.model.ecs.names import family_and_revision, revision_key
from tealmesh.model.ecs.processor import share
from tealmesh.model.linting.facts import DEFAULT_RETRIES, Linted, of_service
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.planning.present import rate
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import RouteSpec, VirtualNodeSpec
    from tealmesh.rollout.adopted import MeshSide


def linted(service: Service, view: Reader, tasks: SideTasks, traffic: Traffic) -> Linted:
    """``tasks`` and ``traffic`` of the side that serves."""
    found = (
        _adopted(service, view, tasks)
        if isinstance(service, MeshService)
        else of_service(service.config)
    )
    return replace(found, requests_per_second=rate(traffic), callers=traffic.reporters)


def with_live(told: Iterable[Linted], live: Mapping[str, Linted]) -> Iterator[Linted]:
    """What a teal.toml says, with what is live of the same services (by table) where it does not.
    ``live`` may be of an earlier teal.toml.
    """
    for one in told:
        there = live.get(one.key)
        if there is None:
            yield one
        elif one.key.startswith("adopted."):
            yield replace(there, strategy=one.strategy, gates=one.gates)
        else:
            yield replace(one, requests_per_second=there.requests_per_second, callers=there.callers)


def _adopted(service: MeshService, view: Reader, tasks: SideTasks) -> Linted:
    path, checked, processor = None, None, None
    for side in service.found:
        node = view.get(tables.VIRTUAL_NODES, service.mesh, side.virtual_node)
        if node is not None and side.exists:
            checked, path = _health_check(node.body["spec"], service.port)
            processor = _processor(view, service, side)
            break
    routes = [
        document.body["spec"]
        for name in service.routes
        if (document := view.get(tables.ROUTES, service.mesh, service.router, name)) is not None
    ]
    return Linted(
        key=f"adopted.{service.name}",
        strategy=service.strategy,
        gates=service.gates,
        image=tasks.image,
        health_path=path,
        health_check=checked,
        processor=processor,
        desired=tasks.desired,
        request_timeout=max(map(_request_timeout, routes), default=None),
        retries=min(map(_retries, routes), default=None),
    )


def _processor(view: Reader, service: MeshService, side: MeshSide) -> float | None:
    """The part of the processor time that the application of a side's tasks is sure of."""
    found = view.get(tables.ECS_SERVICES, side.cluster, side.ecs_service)
    if found is None:
        return None
    family, revision = family_and_revision(found.body["taskDefinition"])
    definition = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    if definition is None:
        return None
    return share(side.container or service.container, definition.body["containerDefinitions"])


def _health_check(node: VirtualNodeSpec, port: int) -> tuple[bool, str | None]:
    """Whether the node's listener has a health check, and its path. A node that nobody sends to has
    no listener.
    """
    for listener in node.get("listeners", []):
        if listener["portMapping"]["port"] == port:
            check = listener.get("healthCheck")
            return check is not None, check.get("path") if check else None
    return True, None


def _request_timeout(route: RouteSpec) -> float:
    """Seconds that a request may take by a route; 0 without a limit."""
    spec = route.get("httpRoute") or route.get("http2Route") or route.get("grpcRoute")
    if spec is None:
        return 0.0
    limit = spec.get("timeout", {}).get("perRequest")
    if limit is None:
        return DEFAULT_TIMES["request_timeout"]
    return float(limit.get("value", 0)) / (1000 if limit.get("unit") == "ms" else 1)


def _retries(route: RouteSpec) -> int:
    """How often a request is tried again by a route. A TCP connection is never made again."""
    spec = route.get("httpRoute") or route.get("http2Route") or route.get("grpcRoute")
    policy = spec.get("retryPolicy") if spec else None
    return policy["maxRetries"] if policy else DEFAULT_RETRIES
