"""Every way in which a request can end, through a real Envoy: what is counted as a failure.

Each way has a cluster of its own in one Envoy. The rows are the table of design note 022.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tealmesh.envoy.extensions import tasks
from tealmesh.envoy.extensions.parts import LABEL, METADATA
from tealmesh.envoy.names import egress_cluster
from tealmesh.model.clock import system_clock
from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Traffic
from tealmesh.model.traffic.parts import Part, PartTraffic
from tealmesh.rollout.adopted import MeshService, MeshSide
from tealmesh.rollout.metrics.windows import Metrics
from tests.rollout.metrics.test_servicer import TOKEN, served, until
from tests.support.machine import free_port
from tests.support.programs import metered
from tests.support.programs.faults import Relay, call, faulty_grpc, faulty_http, get, relay

GIVES_UP = 3.0
"""Seconds after which a caller that does not wait gives up: by then all requests must have arrived
on a busy machine too. What ends earlier, or never, is far from it.
"""

ONE_CONNECTION = {"max_connections": 1}


def retries(number: int, **members: Any) -> dict[str, Any]:
    events = "connect-failure,refused-stream,reset,unavailable,retriable-status-codes"
    policy = {
        "retry_on": events,
        "retriable_status_codes": [503],
        "num_retries": number,
        "retry_back_off": {"base_interval": "0.01s"},
        **members,
    }
    return {"retry_policy": policy}


@dataclass(frozen=True)
class Way:
    """Three requests for ``path`` at a time, and what callers are counted to have seen."""

    path: str
    kinds: dict[str, int]
    answered: int = 0
    patient: bool = True
    """Whether the callers wait for the answer."""
    route: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    protocol: str = "http"
    at: str = "served"
    """``served``, ``refused`` or ``nowhere``; ``cut`` breaks the connection meanwhile."""


TRIES_OF_A_TENTH = retries(2, per_try_timeout="0.1s")
WAYS = {
    "answered": Way("/ok", {}, 3),
    "not-found": Way("/404", {}, 3),
    "server-error": Way("/500", {"5xx": 3}),
    "retried": Way("/503", {"5xx": 3}, route=retries(2)),
    "left": Way("/hang", {"gone": 3}, patient=False),
    "left-between-tries": Way(
        "/hang", {"gone": 3}, patient=False, route=retries(60, per_try_timeout="0.2s")
    ),
    "left-in-the-queue": Way("/hang", {"gone": 3}, patient=False, limits=ONE_CONNECTION),
    "route-timeout": Way("/hang", {"timed out": 3}, route={"timeout": "0.2s"}),
    "try-timeout": Way("/hang", {"timed out": 3}, route={"timeout": "2s", **TRIES_OF_A_TENTH}),
    "timeout-in-the-queue": Way(
        "/hang", {"timed out": 3}, route={"timeout": "0.2s"}, limits=ONE_CONNECTION
    ),
    "refused": Way("/ok", {"refused": 3}, at="refused"),
    "refused-retried": Way("/ok", {"refused": 3}, route=retries(2), at="refused"),
    "nowhere": Way("/ok", {"no healthy endpoint": 3}, at="nowhere"),
    "reset": Way("/reset", {"reset": 3}),
    "reset-retried": Way("/reset", {"reset": 3}, route=retries(2)),
    "queue-full": Way(
        "/slow", {"overflow": 2}, 1, limits={"max_connections": 1, "max_pending_requests": 1}
    ),
    "requests-full": Way("/slow", {"overflow": 2}, 1, limits={"max_requests": 1}),
    "cut-off": Way("/cut", {"cut off": 3}),
    "left-while-answered": Way("/endless", {}, 3, patient=False),
    "web-socket": Way("/socket", {}, 3),
    "h2-answered": Way("/t/ok", {}, 3, protocol="http2"),
    "h2-left": Way("/t/hang", {"gone": 3}, patient=False, protocol="http2"),
    "h2-broken": Way("/t/hang", {"reset": 3}, protocol="http2", at="cut"),
    "h2-refused": Way("/t/ok", {"refused": 3}, protocol="http2", at="refused"),
    "grpc-answered": Way("/t/ok", {}, 3, protocol="grpc"),
    "grpc-not-found": Way("/t/NOT_FOUND", {}, 3, protocol="grpc"),
    "grpc-internal": Way("/t/INTERNAL", {"INTERNAL": 3}, protocol="grpc"),
    "grpc-retried": Way("/t/UNAVAILABLE", {"UNAVAILABLE": 3}, route=retries(2), protocol="grpc"),
    "grpc-left": Way("/t/hang", {"gone": 3}, patient=False, protocol="grpc"),
    "grpc-timeout": Way(
        "/t/hang", {"timed out": 3}, route={"timeout": "0.2s"}, protocol="grpc"
    ),
    "grpc-stream-left": Way("/t/stream", {}, 3, patient=False, protocol="grpc"),
    "tcp-made": Way("/ok", {}, 3, protocol="tcp"),
    "tcp-refused": Way("/ok", {"refused": 3}, protocol="tcp", at="refused"),
}  # fmt: skip


@dataclass
class Ports:
    """Where the ways' requests go to and come from."""

    http: int
    grpc: int
    refused: int
    relay: Relay
    listener: int = field(default_factory=free_port)
    tcp: dict[str, int] = field(default_factory=dict)

    def upstream(self, way: Way) -> Sequence[int]:
        served_at = self.http if way.protocol in ("http", "tcp") else self.grpc
        return {
            "served": (served_at,),
            "refused": (self.refused,),
            "nowhere": (),
            "cut": (self.relay.port,),
        }[way.at]


def configured(ports: Ports) -> tuple[list[Any], list[Any]]:
    """The clusters and listeners of all ways."""
    clusters, routes, listeners = [], [], []
    for name, way in WAYS.items():
        cluster = egress_cluster("demo", name, way.protocol, 8080)
        limits = {"max_retries": 1000, **way.limits}
        made = metered.cluster(
            cluster,
            *ports.upstream(way),
            http2=way.protocol in ("http2", "grpc"),
            circuit_breakers={"thresholds": [limits]},
        )
        if way.protocol == "tcp":
            del made["typed_extension_protocol_options"]
            ports.tcp[name] = free_port()
            listeners.append(metered.tcp_listener(ports.tcp[name], cluster))
        match = {"prefix": "/", "headers": [{"name": "way", "string_match": {"exact": name}}]}
        upgrades = [{"upgrade_type": "websocket"}]
        route = {"cluster": cluster, "upgrade_configs": upgrades, **way.route}
        labels = {LABEL: Part(prefix="/").key, tasks.LABEL: "1"}
        labelled = {"filter_metadata": {METADATA: labels}}
        routes.append({"match": match, "route": route, "metadata": labelled})
        clusters.append(made)
    return clusters, [metered.http_listener(ports.listener, routes), *listeners]


async def requests(name: str, way: Way, ports: Ports) -> None:
    """Three requests at a time, until they have ended."""
    patience = 60.0 if way.patient else GIVES_UP
    if way.protocol in ("http2", "grpc"):
        calls = [call(ports.listener, way.path, name, patience) for _ in range(3)]
    else:
        port = ports.tcp.get(name, ports.listener)
        calls = [get(port, way.path, name, patience) for _ in range(3)]
    ended = asyncio.gather(*calls)
    if way.at == "cut":
        await ports.relay.carried()
        ports.relay.cut()
    await ended


@contextlib.asynccontextmanager
async def upstreams() -> AsyncIterator[Ports]:
    refused = free_port()
    async with faulty_http() as http, faulty_grpc() as over_grpc, relay(over_grpc) as broken:
        yield Ports(http, over_grpc, refused, broken)


def service(name: str) -> MeshService:
    """That of a way, with a part to which all its requests belong."""
    protocol, sides = WAYS[name].protocol, (MeshSide("blue", name),)
    gates = Gates(watch=(Part(prefix="/"),))
    return MeshService(name, "demo", name, name, "", 8080, protocol, sides, gates=gates)


def of_part(metrics: Metrics, name: str) -> PartTraffic:
    """What the access log's counters say of the part."""
    return metrics.callers_saw(service(name), "blue", 0.0).parts.get("/", PartTraffic())


def timed(metrics: Metrics, name: str) -> tuple[int, int]:
    """How many answers the cluster's histogram has, and how many that of the part."""
    seen = metrics.callers_saw_after(service(name), "blue", 0.0)
    return seen.timed, sum(one[-1] for one in seen.latency_by_part.get("/", ()) if one)


def test_each_way_in_which_a_request_can_end_is_counted_as_what_it_is(tmp_path: Path) -> None:
    times: dict[str, tuple[int, int]] = {}

    async def scenario() -> tuple[dict[str, Traffic], dict[str, int], dict[str, PartTraffic]]:
        metrics = Metrics(system_clock)

        def seen(name: str) -> Traffic:
            return metrics.traffic("demo", name, 0.0, 8080, WAYS[name].protocol)

        def counted(name: str) -> bool:
            traffic, way = seen(name), WAYS[name]
            ended = 0 if way.protocol == "tcp" else traffic.requests
            return of_part(metrics, name).requests == ended and (
                dict(traffic.kinds), traffic.requests, traffic.waiting
            ) == (way.kinds, way.answered + sum(way.kinds.values()), 0)  # fmt: skip

        async with upstreams() as ports, served(metrics, TOKEN) as xds_port:
            clusters, listeners = configured(ports)
            with metered.metered_envoy(tmp_path, xds_port, clusters, listeners, TOKEN):
                await until(lambda: seen("answered").reporters == 1)
                await asyncio.gather(*[requests(n, w, ports) for n, w in WAYS.items()])
                with contextlib.suppress(TimeoutError):
                    await until(lambda: all(map(counted, WAYS)), 30.0)
                windows = {n: metrics.window("demo", n, 0.0, 8080, WAYS[n].protocol) for n in WAYS}
                blamed = {name: window.client_errors for name, window in windows.items()}
                parts = {name: of_part(metrics, name) for name in WAYS}
                times.update({name: timed(metrics, name) for name in WAYS})
                return {name: seen(name) for name in WAYS}, blamed, parts

    ended, blamed, parts = asyncio.run(scenario())
    got = {name: (dict(t.kinds), t.requests - t.failures) for name, t in ended.items()}
    assert got == {name: (way.kinds, way.answered) for name, way in WAYS.items()}
    assert {name: n for name, n in blamed.items() if n} == {"not-found": 3, "grpc-not-found": 3}
    of_parts = {name: (dict(p.kinds), p.requests - p.failures) for name, p in parts.items()}
    assert of_parts == got | {"tcp-made": ({}, 0), "tcp-refused": ({}, 0)}
    assert {name: p.client_errors for name, p in parts.items() if p.client_errors} == {
        "not-found": 3, "grpc-not-found": 3
    }  # fmt: skip
    # Answers after as many tries as there may be have a flag, and are failures.
    different = {name: both for name, both in times.items() if both[0] != both[1]}
    assert different == {"retried": (3, 0), "grpc-retried": (3, 0)}
    assert "error" not in (tmp_path / "envoy.log").read_text()


def test_requests_that_hang_now_are_seen_before_anybody_gives_up(tmp_path: Path) -> None:
    """Without a code and still in flight, they are neither answered nor gone."""

    async def scenario() -> None:
        metrics = Metrics(system_clock)
        name = egress_cluster("demo", "web", "http", 8080)
        port = free_port()
        route = {"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}

        def seen() -> Traffic:
            return metrics.traffic("demo", "web", 0.0, 8080, "http")

        async with faulty_http() as http, served(metrics, TOKEN) as xds_port:
            clusters = [metered.cluster(name, http)]
            listeners = [metered.http_listener(port, [route])]
            with metered.metered_envoy(tmp_path, xds_port, clusters, listeners, TOKEN):
                await until(lambda: seen().reporters == 1)
                for _ in range(3):
                    await get(port, "/ok", "", 5.0)
                hanging = [asyncio.create_task(get(port, "/hang", "", 60.0)) for _ in range(2)]
                await until(lambda: seen().waiting == 2)
                assert (seen().requests, seen().failures) == (3, 0)
                for task in hanging:
                    task.cancel()
                await until(lambda: seen().failures == 2)
                assert (seen().requests, dict(seen().kinds), seen().waiting) == (5, {"gone": 2}, 0)

    asyncio.run(scenario())
