"""Ten thousand streams without a token: who has one is served, and so is the API."""

from __future__ import annotations

import asyncio
import statistics
import time

import grpc
import pytest

from tests.security.world import ADS
from tests.support.planes.control_plane import ControlPlane

_CONNECTIONS, _STREAMS = 100, 100


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_the_api_answers_beside_them(
    plane: ControlPlane, record_property: pytest.RecordProperty
) -> None:
    ecs = plane.client("ecs")

    def latency(times: int) -> float:
        taken = []
        for _ in range(times):
            start = time.perf_counter()
            assert "clusterArns" in ecs.list_clusters()
            taken.append(time.perf_counter() - start)
        return statistics.median(taken)

    async def connection() -> list[grpc.StatusCode]:
        options = [("grpc.use_local_subchannel_pool", 1)]
        target = f"127.0.0.1:{plane.xds_port}"
        async with grpc.aio.insecure_channel(target, options) as channel:
            calls = [channel.stream_stream(ADS)() for _ in range(_STREAMS)]
            codes = await asyncio.gather(*(call.code() for call in calls))
            return [code for code in codes if code is not None]

    async def attack() -> tuple[float, list[grpc.StatusCode]]:
        streams = asyncio.gather(*(connection() for _ in range(_CONNECTIONS)))
        beside = await asyncio.to_thread(latency, 50)
        return beside, [code for codes in await streams for code in codes]

    before = latency(50)
    beside, codes = asyncio.run(attack())
    # What gRPC itself cannot take any more is cancelled before anyone of ours sees it.
    refused = {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.CANCELLED,
    }
    assert len(codes) == _CONNECTIONS * _STREAMS
    assert set(codes) <= refused
    record_property("median_ms_before", before * 1000)
    record_property("median_ms_beside", beside * 1000)
    print(f"ListClusters: {before * 1000:.1f} ms before, {beside * 1000:.1f} ms beside")
