"""The metrics service: a real Envoy reports to it; streams are authorised and end in order."""

from __future__ import annotations

import asyncio
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

from tealmesh.envoy.names import egress_cluster
from tealmesh.model.clock import system_clock
from tealmesh.model.rollout import Traffic
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.servicer import MetricsServicer
from tealmesh.rollout.metrics.windows import Metrics
from tests.support.machine import free_port
from tests.support.planes.admitting import Shared
from tests.support.programs import metered
from tests.support.programs.backend import Backend, Seen, backend

TOKEN = "a-token-of-this-test"


NAME = egress_cluster("demo", "web-blue", "http", 8080)


@contextmanager
def envoy(
    directory: Path, xds_port: int, port: int, upstream: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A real Envoy that sends all to one virtual node, with one retry."""
    retries = {
        "retry_on": "retriable-status-codes,reset",
        "retriable_status_codes": [503],
        "num_retries": 1,
    }
    route = {"cluster": NAME, "timeout": "0.4s", "retry_policy": retries}
    check = {
        "timeout": "1s",
        "interval": "0.1s",
        "healthy_threshold": 1,
        "unhealthy_threshold": 1,
        "http_health_check": {"path": "/health"},
    }
    clusters = [metered.cluster(NAME, upstream, health_checks=[check])]
    listeners = [metered.http_listener(port, [{"match": {"prefix": "/"}, "route": route}])]
    with metered.metered_envoy(directory, xds_port, clusters, listeners, TOKEN) as process:
        yield process


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
    MetricsServicer(metrics, Shared(token)).add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


def test_a_real_envoy_reports_what_its_caller_saw(tmp_path: Path) -> None:
    """Retries that succeed are no failures, timeouts are; each request counts once."""

    async def scenario(upstream: Backend) -> None:
        metrics = Metrics(system_clock)
        port = free_port()

        def seen() -> Traffic:
            return metrics.traffic("demo", "web-blue", 0.0, 8080, "http")

        async with served(metrics, TOKEN) as xds_port:
            with envoy(tmp_path, xds_port, port, upstream.port):
                await until(lambda: seen().members_healthy == 1)
                assert (seen().members, seen().requests) == (1, 0)
                statuses = [await asyncio.to_thread(get, port, path) for path in PATHS]
                assert statuses == [200] * 12 + [500, 500, 200, 200, 504]
                await until(lambda: seen().requests == 17)
                assert (seen().failures, seen().started, seen().reporters) == (3, 19, 1)
                p50, p99 = seen().p50 or 0.0, seen().p99 or 0.0
                assert 0 < p50 < 100 < p99
            await until(lambda: seen().reporters == 0)
            with envoy(tmp_path, xds_port, port, upstream.port):
                # The task's Envoy has restarted: its counters start at zero, ours go on.
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

        server, servicer = grpc.aio.server(), MetricsServicer(Watched(system_clock), Shared(TOKEN))
        servicer.add_to(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        method = grpc.insecure_channel(f"127.0.0.1:{port}").stream_unary(
            proto.METHOD,
            request_serializer=proto.StreamMetricsMessage.SerializeToString,
            response_deserializer=proto.StreamMetricsResponse.FromString,
        )
        bearer = (("authorization", f"Bearer {TOKEN}"),)
        calls.append(method.future(iter(sent.get, None), metadata=bearer))
        await began.wait()
        servicer.close()
        await server.stop(0.2)

    asyncio.run(scenario())
    assert calls[0].code() is grpc.StatusCode.UNAVAILABLE
    sent.put(None)
    assert not caplog.records
