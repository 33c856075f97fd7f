"""A report of an idle Envoy's metrics, beside one of Envoy's load reporting (LRS), whose interval a
control plane sets at run time: what each costs the Envoy and who hears it, and how long it is.

A real Envoy with ten clusters and no requests reports twenty times a second. What hears both is
gRPC's server; of metrics it makes what the control plane makes of them, of loads it reads all
members, the least that could be done. https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from envoy.service.load_stats.v3 import lrs_pb2
from tests.support.machine import free_port

from bench.measurement import Measurement
from tealmesh.engine.runtimes.sidecar import find_envoy
from tealmesh.envoy.bootstrap import statistics
from tealmesh.model.clock import steady_clock
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.windows import Metrics

if TYPE_CHECKING:
    from tealmesh.envoy.bootstrap.environment import Json

CLUSTERS = 10
INTERVAL_SECONDS = 0.05
WARM_SECONDS = 2.0
MEASURED_SECONDS = 8.0

_LRS = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"


@dataclass
class Heard:
    """What has come until now."""

    reports: int = 0
    size: int = 0
    """Bytes of their messages."""


@dataclass(frozen=True)
class Cost:
    """Of one report; seconds of CPU, and bytes."""

    envoy: float
    here: float
    size: float


def measure() -> list[Measurement]:
    loads, metrics = asyncio.run(_cost("loads")), asyncio.run(_cost("metrics"))
    rows = (
        ("CPU of who hears it", "here", 1e6, "µs"),
        ("CPU of the Envoy", "envoy", 1e6, "µs"),
        ("its length", "size", 1.0, "bytes"),
    )
    return [
        Measurement(
            f"LRS, a report of an idle Envoy with {CLUSTERS} clusters, {what}",
            getattr(loads, member) * factor,
            unit,
            getattr(metrics, member) * factor,
            "a report of its metrics",
        )
        for what, member, factor, unit in rows
    ]


async def _cost(kind: str) -> Cost:
    """Of one report more, beside the same Envoy that reports nothing."""
    still, _ = await _run("")
    busy, heard = await _run(kind)
    if heard.reports < MEASURED_SECONDS / INTERVAL_SECONDS / 4:
        raise SystemExit(f"bench: only {heard.reports} reports of {kind} came")
    envoy, here = ((b - s) / heard.reports for b, s in zip(busy, still, strict=True))
    return Cost(envoy, here, heard.size / heard.reports)


async def _run(kind: str) -> tuple[tuple[float, float], Heard]:
    """(CPU of the Envoy, CPU of this process) in `MEASURED_SECONDS`, and what was heard."""
    heard, port = Heard(), free_port()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(_handlers(heard)))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        with _envoy(_bootstrap(port, kind)) as pid:
            await asyncio.sleep(WARM_SECONDS)
            heard.reports = heard.size = 0
            began = _cpu(pid), time.process_time()
            await asyncio.sleep(MEASURED_SECONDS)
            return (_cpu(pid) - began[0], time.process_time() - began[1]), heard
    finally:
        await server.stop(None)


def _handlers(heard: Heard) -> Iterator[grpc.GenericRpcHandler]:
    metrics = Metrics(steady_clock)

    async def loads(messages: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        answer = lrs_pb2.LoadStatsResponse(send_all_clusters=True)
        answer.load_reporting_interval.FromMilliseconds(round(INTERVAL_SECONDS * 1000))
        yield answer.SerializeToString()
        async for message in messages:
            _count(heard, message)
            for cluster in lrs_pb2.LoadStatsRequest.FromString(message).cluster_stats:
                for place in cluster.upstream_locality_stats:
                    _ = place.total_successful_requests, place.total_error_requests

    async def families(messages: AsyncIterator[bytes], context: object) -> bytes:
        first = True
        async for message in messages:
            _count(heard, message)
            parsed = proto.StreamMetricsMessage.FromString(message)
            metrics.report("task/1", parsed.envoy_metrics, first)
            first = False
        return b""

    for path, handler in (
        (_LRS, grpc.stream_stream_rpc_method_handler(loads)),
        (proto.METHOD, grpc.stream_unary_rpc_method_handler(families)),
    ):
        service, method = path.strip("/").split("/")
        yield grpc.method_handlers_generic_handler(service, {method: handler})


def _count(heard: Heard, message: bytes) -> None:
    heard.reports += 1
    heard.size += len(message)


def _cpu(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _envoy(bootstrap: dict[str, Json]) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "envoy.json"
        file.write_text(json.dumps(bootstrap))
        command = [find_envoy(), "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]
        log = (Path(directory) / "log").open("wb")
        with log, subprocess.Popen([*command, "-l", "error"], stdout=log, stderr=log) as process:
            try:
                yield process.pid
                if process.poll() is not None:
                    raise SystemExit(f"bench: Envoy ended: {Path(log.name).read_text()}")
            finally:
                process.kill()


def _bootstrap(port: int, kind: str) -> dict[str, Json]:
    """With what reports to this port."""
    names = [f"cds_egress_demo_n{number}_http_8080" for number in range(CLUSTERS)]
    service: Json = {"envoy_grpc": {"cluster_name": "hears"}}
    result: dict[str, Json] = {
        "node": {"id": "n", "cluster": "n"},
        "static_resources": {
            "clusters": [_cluster("hears", port, http2=True), *(_cluster(n, 9) for n in names)]
        },
        "stats_config": statistics.stats_config("mesh/demo/virtualNode/n", tagged=False),
        "stats_flush_interval": f"{INTERVAL_SECONDS}s",
    }
    if kind == "loads":
        reporting: Json = {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [service],
        }
        result["cluster_manager"] = {"load_stats_config": reporting}
    if kind == "metrics":
        config: Json = {
            "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
            "transport_api_version": "V3",
            "grpc_service": service,
            "histogram_emit_mode": "HISTOGRAM",
        }
        result["stats_sinks"] = [
            {"name": "envoy.stat_sinks.metrics_service", "typed_config": config}
        ]
    return result


def _cluster(name: str, port: int, *, http2: bool = False) -> Json:
    address: Json = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    cluster: dict[str, Json] = {
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if http2:
        kind = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        options: Json = {"@type": kind, "explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    return cluster
