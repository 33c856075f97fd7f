"""What it costs to verify who an Envoy is and what its role may: from the beginning of a stream to
its first response, compared with a server that believes a token that all have in common.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import grpc
from tests.security.world import NODES, WEB, World, opened
from tests.support.machine import free_port
from tests.support.planes.admitting import Shared

from bench.measurement import Measurement, quantile
from tealmesh.app.envoys.server import EnvoyServer
from tealmesh.model.identity.envoys import Admit
from tealmesh.supervision.supervisor import Supervisor

_CONNECTS = 400
_ROLE = "arn:aws:iam::123456789012:role/task"


def measure() -> list[Measurement]:
    """The median of streams on one connection, taken in turns."""
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory)) as world:
        verified, believed = asyncio.run(_measure(world))
    value, baseline = quantile(verified, 0.5) * 1000, quantile(believed, 0.5) * 1000
    name = "ADS connect, token and role's policy verified"
    compared = "the same, one token believed"
    return [Measurement(name, value, "ms", baseline, compared, round(baseline * 1.3, 3))]


async def _measure(world: World) -> tuple[list[float], list[float]]:
    allow = {"Effect": "Allow", "Action": "appmesh:*", "Resource": "*"}
    world.roles[_ROLE] = [{"Statement": [allow]}]  # type: ignore[list-item]
    await world.put(WEB, role=_ROLE)
    taken: tuple[list[float], list[float]] = ([], [])
    admits: tuple[Admit, Admit] = (world.admission, Shared("shared"))
    ports = (world.port, free_port())
    servers = [
        EnvoyServer(world.cache, world.metrics, admit, Supervisor(), port, None)
        for admit, port in zip(admits, ports, strict=True)
    ]
    for server in servers:
        await server.start()
    tokens = (world.token_of(WEB), "shared")
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[0]}") as one,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[1]}") as other,
        ):
            for number in range(2 * _CONNECTS):
                which = number % 2
                start = time.perf_counter()
                call = await world.connect((one, other)[which], tokens[which], NODES[WEB])
                await call.read()
                taken[which].append(time.perf_counter() - start)
                call.cancel()
    finally:
        for server in servers:
            await server.close()
    return taken
