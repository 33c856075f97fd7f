"""The Envoys of the large mesh, as streams: ``python envoys.py XDS-PORT TOKEN-FILE``.

Each acknowledges what it is sent and reports what it has counted every two seconds. It writes
``connected`` when all have; a line ``1`` begins traffic, in which each Envoy sends 20 requests a
second to each of two services, ``0`` ends it. Of one service in ten one percent fails.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

sys.path.insert(0, str(Path(__file__).parents[2]))
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from bench.page.world import BACKENDS, MESH, PAIRS, names
from tealmesh.envoy.names import EGRESS_ROUTES, egress_cluster, ingress_routes
from tealmesh.envoy.resources import ResourceType
from tealmesh.rollout.metrics import proto

REPORT_SECONDS = 2.0
PER_SECOND = 20
ROUTES = (EGRESS_ROUTES, ingress_routes("http", 8080))
_BOUNDS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0)


class Traffic:
    """Whether there is any."""

    flows = False


async def main(port: int, token: str) -> None:
    metadata = (("authorization", f"Bearer {token}"),)
    traffic = Traffic()
    connected = [asyncio.Event() for _ in names()]
    async with asyncio.TaskGroup() as group:
        for ready, (index, name) in zip(connected, enumerate(names()), strict=True):
            group.create_task(_envoy(port, metadata, index, name, traffic, ready))
        for ready in connected:
            await ready.wait()
        print("connected", flush=True)
        async for line in _lines():
            traffic.flows = line == b"1\n"


async def _lines() -> AsyncIterator[bytes]:
    """What stdin says. A thread that waits for it would hold up the program's end, and with it the
    word of why.
    """
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line


async def _envoy(
    port: int, metadata: Any, index: int, name: str, traffic: Traffic, ready: asyncio.Event
) -> None:
    """Connects again when it is cut off, as Envoy does."""
    while True:
        try:
            await _connected(port, metadata, index, name, traffic, ready)
        except* grpc.aio.AioRpcError:
            await asyncio.sleep(random.uniform(0.5, 1.0))


async def _connected(
    port: int, metadata: Any, index: int, name: str, traffic: Traffic, ready: asyncio.Event
) -> None:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        stub: Any = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
        configuration = stub.StreamAggregatedResources(metadata=metadata)
        async with asyncio.TaskGroup() as group:
            group.create_task(_configured(configuration, name, ready))
            group.create_task(_reports(channel, metadata, index, name, traffic))


async def _configured(call: Any, name: str, ready: asyncio.Event) -> None:
    for kind in (ResourceType.CLUSTER, ResourceType.LISTENER):
        request = discovery_pb2.DiscoveryRequest(type_url=kind)
        request.node.id = f"mesh/{MESH}/virtualNode/{name}"
        request.node.metadata.update({"tealmesh": {"task": f"bench/{name}"}})
        await call.write(request)
    routes = discovery_pb2.DiscoveryRequest(type_url=ResourceType.ROUTE)
    routes.resource_names.extend(ROUTES)
    await call.write(routes)
    async for answer in call:
        asked = ROUTES if answer.type_url == ResourceType.ROUTE else ()
        await call.write(
            discovery_pb2.DiscoveryRequest(
                type_url=answer.type_url,
                version_info=answer.version_info,
                response_nonce=answer.nonce,
                resource_names=asked,
            )
        )
        ready.set()


async def _reports(
    channel: grpc.aio.Channel, metadata: Any, index: int, name: str, traffic: Traffic
) -> None:
    # Generated classes are no types for mypy: metrics.proto builds them at run time.
    kind: Any = proto.StreamMetricsMessage
    method = channel.stream_unary(
        proto.METHOD,
        request_serializer=kind.SerializeToString,
        response_deserializer=proto.StreamMetricsResponse.FromString,
    )
    call: Any = method(metadata=metadata)
    service = index // 2
    targets = [
        egress_cluster(MESH, f"s{(service + 1 + n) % PAIRS}-{side}", "http", 8080)
        for n in range(BACKENDS)
        for side in ("blue", "green")
    ]
    sent = dict.fromkeys(targets, 0)
    # They are not all at the same moment, as no real ones are.
    await asyncio.sleep(random.random() * REPORT_SECONDS)
    for number in itertools.count():
        message = kind()
        if number == 0:
            message.identifier.node.id = f"mesh/{MESH}/virtualNode/{name}"
            message.identifier.node.metadata.update({"tealmesh": {"task": f"bench/{name}"}})
        for target in targets:
            more = round(PER_SECOND * REPORT_SECONDS) if traffic.flows else 0
            more = round(more * (0.9 if target.endswith("blue_http_8080") else 0.1))
            sent[target] += more
            _add(message, target, sent[target], more, failing=service % 10 == 0)
        await call.write(message)
        await asyncio.sleep(REPORT_SECONDS)


def _add(message: Any, cluster: str, total: int, more: int, failing: bool) -> None:
    failed = total // 100 if failing else 0
    counted = {"total": total, "completed": total, "5xx": failed, "active": 0}
    for statistic, value in counted.items():
        family = message.envoy_metrics.add(name=f"cluster.{cluster}.upstream_rq_{statistic}")
        metric = family.metric.add()
        (metric.gauge if statistic == "active" else metric.counter).value = value
    if more:
        family = message.envoy_metrics.add(name=f"cluster.{cluster}.upstream_rq_time")
        family.type = proto.HISTOGRAM
        histogram = family.metric.add().histogram
        histogram.sample_count = more
        for bound in _BOUNDS:
            share = min(1.0, bound / 50.0)
            histogram.bucket.add(cumulative_count=round(more * share), upper_bound=bound)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_text().strip()))
