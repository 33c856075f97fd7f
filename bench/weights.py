"""From the API call that changes weights to the first request routed by them, with one, ten and
thirty Envoys.

Each Envoy is asked again and again until its answer comes from the other side. Together they are
asked as often whatever their number, and spread over time: thirty that are each asked every 8 ms
would keep two cores busy with nothing but the questions, and what was measured would be that.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample

from bench.measurement import Measurement, quantile

ENVOYS = {1: 10.0, 10: 25.0, 30: 60.0}
"""How many, and the milliseconds that are promised for 99 of 100."""
WARM_UP = 20
CHANGES = 200
_POLLS = 1_250
"""Requests a second to all of them."""
_SHORTEST_POLL = 0.004
"""Seconds between two requests to one Envoy, at least; the measured times include it."""


def measure() -> list[Measurement]:
    """p50 and p99 over every change and Envoy, against the API call's own duration.

    Measured after a warm-up, when moto has been imported for the log group.
    """
    measurements = []
    with tempfile.TemporaryDirectory() as directory:
        sample = Sample(Path(directory))
        with control_plane(Path(directory), sample.config) as plane:
            article = Article(
                plane.client("appmesh"), plane.client("ecs"), plane.client("servicediscovery")
            )
            port = system(article)
            for envoys, promised in ENVOYS.items():
                addresses = [(one, port) for one in scaled(article, envoys)]
                calls, waits = asyncio.run(changes(plane, article, addresses))
                for name, q, limit in (("p50", 0.5, None), ("p99", 0.99, promised)):
                    measurements.append(
                        Measurement(
                            f"weights set → first request routed by them, {envoys} Envoys, {name}",
                            quantile(waits, q) * 1000,
                            "ms",
                            quantile(calls, q) * 1000,
                            f"the API call itself, {name}; asked each {_poll(envoys) * 1000:g} ms",
                            limit,
                        )
                    )
    return measurements


def _poll(envoys: int) -> float:
    """Seconds between two requests to one Envoy."""
    return max(_SHORTEST_POLL, envoys / _POLLS)


def system(article: Article) -> int:
    """Both sides running, and a gateway; its port."""
    port = free_port()
    article.foundation()
    for side in ("blue", "green"):
        article.start_side(side)
    article.create_route(blue=1, green=0)
    article.gateway(port, "")
    return port


def scaled(article: Article, envoys: int) -> list[str]:
    """Have so many Envoys of the gateway; their addresses."""
    article.ecs.update_service(cluster=article.cluster, service="edge", desiredCount=envoys)
    services = [article.ecs_service("blue"), article.ecs_service("green"), "edge"]
    article.ecs.get_waiter("services_stable").wait(
        cluster=article.cluster, services=services, WaiterConfig={"Delay": 1, "MaxAttempts": 90}
    )
    arns = article.ecs.list_tasks(cluster=article.cluster, serviceName="edge")["taskArns"]
    tasks = article.ecs.describe_tasks(cluster=article.cluster, tasks=arns)["tasks"]
    return [_address(task) for task in tasks]


def _address(task: dict[str, Any]) -> str:
    """The private address of a task's network interface."""
    details = task["attachments"][0]["details"]
    return str(next(d["value"] for d in details if d["name"] == "privateIPv4Address"))


async def changes(
    plane: ControlPlane,
    article: Article,
    addresses: list[tuple[str, int]],
    *,
    warm_up: int = WARM_UP,
    times: int = CHANGES,
) -> tuple[list[float], list[float]]:
    """(durations of the API calls, times until each Envoy's first request to the other side)."""
    streams = [await asyncio.open_connection(*address) for address in addresses]
    api = await asyncio.open_connection("127.0.0.1", plane.port)
    calls: list[float] = []
    waits: list[float] = []
    for change in range(warm_up + times):
        blue = change % 2
        version = "1" if blue else "2"
        start = time.perf_counter()
        call = asyncio.create_task(_change(api, article, blue))
        poll = _poll(len(streams))
        seen = [
            _first(stream, version, poll, poll * index / len(streams))
            for index, stream in enumerate(streams)
        ]
        waits += [moment - start for moment in await asyncio.gather(*seen)]
        calls.append(await call)
        await asyncio.sleep(0.05)
    for _, writer in [*streams, api]:
        writer.close()
    return calls[warm_up:], waits[warm_up * len(addresses) :]


async def _change(
    stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], article: Article, blue: int
) -> float:
    """Give all weight to blue (1) or green (0); return the seconds until the API answered.

    Sends UpdateRoute as any SDK does, without an SDK's own time in the measuring process.
    """
    reader, writer = stream
    path = f"/v20190125/meshes/{article.mesh}/virtualRouter/{article.app}/routes/{article.app}"
    body = json.dumps({"spec": article.route_spec(blue=blue, green=1 - blue)})
    head = f"PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
    start = time.perf_counter()
    writer.write(f"{head}content-type: application/json\r\n\r\n{body}".encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if " 200 " not in answer.splitlines()[0]:
        raise SystemExit(f"bench: UpdateRoute was answered {answer.splitlines()[0]}")
    fields = dict(line.split(": ", 1) for line in answer.splitlines()[1:] if ": " in line)
    await reader.readexactly(int(fields["content-length"]))
    return time.perf_counter() - start


async def _first(
    stream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    version: str,
    poll: float,
    later: float,
) -> float:
    """The time of the first answer by ``version``, asked every ``poll`` seconds from ``later``
    on.
    """
    reader, writer = stream
    await asyncio.sleep(later)
    while True:
        began = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        await reader.readexactly(int(fields["content-length"]))
        now = time.perf_counter()
        if fields.get("x-version") == version:
            return now
        await asyncio.sleep(max(0.0, poll - (now - began)))
