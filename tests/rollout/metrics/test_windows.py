"""What callers saw: totals over restarts, windows, and a real Envoy that tells."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.envoy.names import egress_cluster
from tealmesh.model.clock import system_clock
from tealmesh.model.rollout import Traffic
from tealmesh.rollout.metrics.windows import Metrics, MetricsServicer, proto, quantile
from tests.support.machine import free_port
from tests.support.programs.backend import Backend, Seen, backend
from tests.support.programs.envoy import ENVOY

CLUSTER = "cds_egress_demo_web-blue_http_8080"
TOKEN = "a-token-of-this-test"


class Told:
    """A clock that stands, and an Envoy's counters."""

    def __init__(self) -> None:
        self.now = 100.0
        self.metrics = Metrics(lambda: self.now)

    def tell(self, envoy: str = "task/1", *, first: bool = False, **counters: float) -> None:
        """One report a second later; ``completed``, ``failed`` and ``total`` are counters."""
        self.now += 1
        names = {"completed": "upstream_rq_completed", "failed": "upstream_rq_5xx"}
        message = proto.StreamMetricsMessage()
        for name, value in {"completed": 0.0, **counters}.items():
            statistic = names.get(name, f"upstream_rq_{name}")
            family = message.envoy_metrics.add(name=f"cluster.{CLUSTER}.{statistic}")
            family.metric.add().counter.value = value
        self.metrics.report(envoy, message.envoy_metrics, first)

    def traffic(self, since: float = 0.0) -> Traffic:
        return self.metrics.traffic("demo", "web-blue", since, 8080, "http")


def test_the_first_report_is_the_zero_and_a_window_begins_with_a_report() -> None:
    told = Told()
    told.tell(first=True, completed=1000, failed=10)
    told.tell(completed=1100, failed=12)
    told.tell(completed=1150, failed=12)
    assert (told.traffic().requests, told.traffic().failures) == (150, 2)
    assert told.traffic(since=101.5).requests == 50
    assert told.traffic(since=103.0).requests == 0
    assert told.traffic(since=103.5).requests == 0


def test_a_cluster_that_a_known_envoy_has_not_told_of_before_counts_from_zero() -> None:
    told = Told()
    told.now = 50.0
    told.metrics.report("task/1", proto.StreamMetricsMessage().envoy_metrics, True)
    told.tell(completed=30, failed=30)
    assert (told.traffic().requests, told.traffic().failures) == (30, 30)


def test_an_envoy_that_begins_anew_goes_on_counting() -> None:
    told = Told()
    told.tell(first=True, completed=100)
    told.tell(completed=150, failed=9)
    told.tell(first=True, completed=20)
    told.tell(completed=170, failed=9)
    assert (told.traffic().requests, told.traffic().failures) == (50 + 170, 18)


def test_a_stream_that_is_opened_again_counts_what_went_on_meanwhile() -> None:
    told = Told()
    told.tell(first=True, completed=100)
    told.tell(first=True, completed=180)
    assert told.traffic().requests == 80


def test_envoys_are_added_up_and_the_ones_that_are_gone_do_not_hold_a_window_open() -> None:
    told = Told()
    for envoy in ("task/1", "task/2"):
        told.metrics.connected(envoy)
        told.tell(envoy, first=True)
        told.tell(envoy, completed=10)
    assert told.traffic().requests == 20
    assert (told.traffic().reporters, told.traffic().seen_until) == (2, 102.0)
    told.metrics.disconnected("task/1")
    assert told.traffic().requests == 20
    assert (told.traffic().reporters, told.traffic().seen_until) == (1, 104.0)


@given(
    growth=st.lists(st.integers(0, 50), min_size=1, max_size=2000),
    since=st.integers(0, 2000),
)
def test_a_window_never_counts_too_much_however_long_ago_it_began(
    growth: list[int], since: int
) -> None:
    told = Told()
    total, at = 0, {}
    told.tell(first=True)
    for more in growth:
        total += more
        told.tell(completed=total)
        at[told.now] = total
    start = 101.0 + since
    after = [value for when, value in at.items() if when >= start]
    allowed = total - (after[0] if after else total) if since else total
    assert 0 <= told.traffic(start).requests <= allowed
    if since == 0:
        assert told.traffic(start).requests == total


def test_quantiles() -> None:
    assert quantile([], [], 0, 0.5) is None
    assert quantile([10, 20], [1.0, 5.0], 20, 0.5) == 1.0
    assert quantile([10, 20], [1.0, 5.0], 20, 0.75) == 3.0
    assert quantile([0, 10], [1.0, 5.0], 20, 0.99) == 5.0


def listener(port: int, node: str) -> dict[str, Any]:
    """An egress listener that sends all to one virtual node, with one retry."""
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "egress",
        "http_filters": [
            {
                "name": "router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {
                                "cluster": node,
                                "timeout": "0.4s",
                                "retry_policy": {"retry_on": "retriable-status-codes,reset",
                                                 "retriable_status_codes": [503],
                                                 "num_retries": 1},
                            },
                        }
                    ],
                }
            ]
        },
    }  # fmt: skip
    return {
        "name": "egress",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def cluster(name: str, port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    check = {"path": "/health"}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "health_checks": [
            {
                "timeout": "1s",
                "interval": "0.1s",
                "healthy_threshold": 1,
                "unhealthy_threshold": 1,
                "http_health_check": check,
            }
        ],
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


@contextmanager
def envoy(
    directory: Path, xds_port: int, port: int, upstream: int, token: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A real Envoy with our bootstrap's metrics sink, and a listener in place of ADS."""
    made = bootstrap(
        {"APPMESH_RESOURCE_ARN": "mesh/demo/virtualNode/caller"},
        xds_address=("127.0.0.1", xds_port),
        token=token,
        task="task/1",
        stats_flush_seconds=0.1,
    )
    del made["dynamic_resources"], made["admin"]
    name = egress_cluster("demo", "web-blue", "http", 8080)
    made["static_resources"]["clusters"].append(cluster(name, upstream))
    made["static_resources"]["listeners"] = [listener(port, name)]
    file = directory / "envoy.json"
    file.write_text(json.dumps(made))
    command = [ENVOY, "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]
    with (directory / "envoy.log").open("wb") as log:
        process = subprocess.Popen([*command, "-l", "warning"], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def get(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


# Envoy times only part of the requests, so several are late.
PATHS = (*["/"] * 8, *["/late"] * 4, "/500", "/500", "/once", "/once", "/slow")


def answers(made: Backend) -> Any:
    """By path: 500; 503 to every other try; an answer after the route's timeout; else 200."""

    def answer(seen: Seen) -> tuple[int, float]:
        if seen.path == "/once":
            return (503 if made.paths().count("/once") % 2 else 200), 0.0
        return {"/500": (500, 0.0), "/late": (200, 0.2), "/slow": (200, 0.6)}.get(
            seen.path, (200, 0.0)
        )

    return answer


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it watches a server in this loop
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(metrics: Metrics, token: str) -> AsyncIterator[int]:
    """The metrics service on a free port."""
    server = grpc.aio.server()
    MetricsServicer(metrics, token).add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


def test_a_real_envoy_tells_what_its_callers_saw(tmp_path: Path) -> None:
    """Retries that helped are no failures, timeouts are; each request counts once."""

    async def scenario(upstream: Backend) -> None:
        metrics = Metrics(system_clock)
        port = free_port()

        def seen() -> Traffic:
            return metrics.traffic("demo", "web-blue", 0.0, 8080, "http")

        async with served(metrics, TOKEN) as xds_port:
            with envoy(tmp_path, xds_port, port, upstream.port, TOKEN):
                await until(lambda: seen().members_healthy == 1)
                assert (seen().members, seen().requests) == (1, 0)
                statuses = [await asyncio.to_thread(get, port, path) for path in PATHS]
                assert statuses == [200] * 12 + [500, 500, 200, 200, 504]
                await until(lambda: seen().requests == 17)
                assert (seen().failures, seen().started, seen().reporters) == (3, 19, 1)
                p50, p99 = seen().p50 or 0.0, seen().p99 or 0.0
                assert 0 < p50 < 100 < p99
            await until(lambda: seen().reporters == 0)
            with envoy(tmp_path, xds_port, port, upstream.port, TOKEN):
                # The task's Envoy has started anew: its counters begin at zero, ours go on.
                await until(lambda: seen().reporters == 1)
                assert await asyncio.to_thread(get, port, "/500") == 500
                await until(lambda: seen().requests == 18)
                assert seen().failures == 4

    with backend("web") as upstream:
        upstream.answer = answers(upstream)
        asyncio.run(scenario(upstream))


@pytest.mark.parametrize("token", ["", "wrong"])
def test_an_envoy_without_the_token_is_not_listened_to(token: str) -> None:
    async def scenario() -> None:
        metrics = Metrics(system_clock)
        async with (
            served(metrics, TOKEN) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            call = channel.stream_unary(
                proto.METHOD,
                request_serializer=proto.StreamMetricsMessage.SerializeToString,
                response_deserializer=proto.StreamMetricsResponse.FromString,
            )
            message = proto.StreamMetricsMessage()
            message.identifier.node.id = "mesh/demo/virtualNode/caller"
            metadata = (("authorization", f"Bearer {token}"),) if token else ()
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(iter([message]), metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED

    asyncio.run(scenario())


def test_streams_end_in_order_with_the_control_plane(caplog: pytest.LogCaptureFixture) -> None:
    """The caller lives on, as Envoys do: nothing may be left for the event loop to cancel."""
    sent: SimpleQueue[Any] = SimpleQueue()
    message = proto.StreamMetricsMessage()
    message.identifier.node.id = "mesh/demo/virtualNode/caller"
    sent.put(message)
    calls: list[Any] = []

    async def scenario() -> None:
        began = asyncio.Event()

        class Watched(Metrics):
            def connected(self, identity: str) -> None:
                super().connected(identity)
                began.set()

        server, servicer = grpc.aio.server(), MetricsServicer(Watched(system_clock), "")
        servicer.add_to(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        method = grpc.insecure_channel(f"127.0.0.1:{port}").stream_unary(
            proto.METHOD,
            request_serializer=proto.StreamMetricsMessage.SerializeToString,
            response_deserializer=proto.StreamMetricsResponse.FromString,
        )
        calls.append(method.future(iter(sent.get, None)))
        await began.wait()
        servicer.close()
        await server.stop(0.2)

    asyncio.run(scenario())
    assert calls[0].code() is grpc.StatusCode.UNAVAILABLE
    sent.put(None)
    assert not caplog.records
