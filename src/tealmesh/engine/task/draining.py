"""How long a task may take for its last requests. Pure.

A request in flight may be answered until its timeout: the shorter one of the route that it came by
and of the listener that it came to. So a task drains for the longest of these, and for App Mesh's
default at least, unless TEAL_DRAIN_TIME in its Envoy's environment says how long. Streams and
WebSockets have no timeout but this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.sidecar import told_drain_seconds
from tealmesh.model.mesh import Kind
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        DurationTypeDef,
        HttpTimeoutTypeDef,
        ListenerOutputTypeDef,
        WeightedTargetTypeDef,
    )

    from tealmesh.model.appmesh import RouteSpec
    from tealmesh.model.ecs.bodies import TaskEnvoy

_TIMED: tuple[Literal["httpRoute", "http2Route", "grpcRoute"], ...] = (
    "httpRoute",
    "http2Route",
    "grpcRoute",
)
_PROTOCOLS: tuple[Literal["http", "http2", "grpc"], ...] = ("http", "http2", "grpc")
_PER_SECOND = {"ms": 1000, "s": 1}


def limit(
    reader: Reader, envoy: TaskEnvoy, containers: Sequence[Container], default: float
) -> float:
    """Seconds that a task may drain. ``default`` is the timeout of what has none of its own, and
    the least, unless TEAL_DRAIN_TIME is less.

    A request without a timeout (0) may take as long as the application, or a gateway's Envoy, may
    take to stop.
    """
    sidecar = next((c for c in containers if c.role is Role.ENVOY), None)
    told = told_drain_seconds(sidecar.environment if sidecar else {})
    if told is not None:
        return told
    longest = max([default, *_timeouts(reader, envoy, default)])
    if longest < math.inf:
        return longest
    applications = [c for c in containers if c.role is Role.APPLICATION]
    return max([default, *(c.stop_timeout for c in applications or containers)])


def _timeouts(reader: Reader, envoy: TaskEnvoy, default: float) -> Iterator[float]:
    """How long each kind of request to the task may take, in seconds; infinite without a limit."""
    mesh, name = envoy["mesh"], envoy["name"]
    routes = [document.body["spec"] for document in reader.list(tables.ROUTES, mesh)]
    if envoy["kind"] == Kind.VIRTUAL_GATEWAY:
        # A gateway passes on requests of any service.
        yield from (_of_route(spec, default) for spec in routes)
        return
    node = reader.get(tables.VIRTUAL_NODES, mesh, name)
    listeners = node.body["spec"].get("listeners", []) if node is not None else []
    at_listener = max((_of_listener(one, default) for one in listeners), default=default)
    ways = [_of_route(spec, default) for spec in routes if name in _targets(spec)]
    yield min(at_listener, max(ways)) if ways else at_listener


def _of_listener(listener: ListenerOutputTypeDef, default: float) -> float:
    timeout = listener.get("timeout", {})
    for protocol in _PROTOCOLS:
        if protocol in timeout:
            return _per_request(timeout[protocol], default)
    return default


def _of_route(spec: RouteSpec, default: float) -> float:
    for member in _TIMED:
        if member in spec:
            return _per_request(spec[member].get("timeout", {}), default)
    return default


def _per_request(timeout: HttpTimeoutTypeDef, default: float) -> float:
    return _seconds(timeout["perRequest"]) if "perRequest" in timeout else default


def _seconds(duration: DurationTypeDef) -> float:
    """Infinite for 0, which means no limit."""
    return duration.get("value", 0) / _PER_SECOND[duration.get("unit", "s")] or math.inf


def _targets(spec: RouteSpec) -> set[str]:
    """The virtual nodes that a route leads to."""
    targets: list[WeightedTargetTypeDef] = []
    for member in _TIMED:
        if member in spec:
            targets += spec[member]["action"]["weightedTargets"]
    if "tcpRoute" in spec:
        targets += spec["tcpRoute"]["action"]["weightedTargets"]
    return {target["virtualNode"] for target in targets}
