"""From the API call that changes weights to the first request routed by them, with one, ten and
thirty Envoys. ``python -m bench.weights`` runs a former commit's control plane beside it, and
says how evenly the machine works.

Envoys are asked again and again until an answer comes from the other side. A question passes two
Envoys and an application, all on the machine that is measured, so at each change only some of them
are asked, drawn anew: thirty that are all asked, each every 8 ms, would keep two cores busy with
nothing but the questions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample

from bench.measurement import Measurement, quantile
from bench.swarm.former import COMMIT, former

ENVOYS = {1: 10.0, 10: 25.0, 30: 60.0}
"""How many, and the milliseconds that are promised for 99 of 100."""
WARM_UP = 20
CHANGES = 200
_ASKED = 5
"""Envoys of one change that are asked, at most."""
_POLL = 0.008
"""Seconds between two requests to one Envoy, which the measured times include; half of it where
there is one."""
_PIECE, _PIECES = 30_000, 2_000
"""A piece of work takes some 0.4 ms."""

Times = tuple[list[float], list[float]]
"""Seconds of each API call, and from each change until the first request to the other side through
each Envoy that was asked."""


def measure() -> list[Measurement]:
    """p50 and p99 over every change and Envoy asked, against the API call's own duration."""
    measurements = []
    for envoys, (calls, waits) in _times().items():
        for name, q, limit in (("p50", 0.5, None), ("p99", 0.99, ENVOYS[envoys])):
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


def main() -> None:
    """Prints both commits' figures beside the targets."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--former", default=COMMIT, metavar="REVISION", help="as long ago as that")
    given = parser.parse_args()
    with former(given.former) as tree:
        if tree is None:
            parser.error(f"--former {given.former}: this repository has no such commit")
        then = _times(tree)
    print(_table(then, _times(), given.former))
    work = _work()
    print(
        f"\nThe same piece of work again and again on this machine, at rest: {work[0.5]:.2f} ms at "
        f"p50, {work[0.99]:.2f} at p99, {work[1.0]:.2f} at most."
    )


def _table(then: Mapping[int, Times], now: Mapping[int, Times], commit: str) -> str:
    """Both beside each other, in Markdown; milliseconds."""
    rows = [f"| Envoys | | {commit} | now | now / {commit} | target |", "|---|---|---|---|---|---|"]
    for envoys, target in ENVOYS.items():
        for what, index in (("the call", 0), ("first request", 1)):
            for name, q in (("p50", 0.5), ("p99", 0.99)):
                before, after = (quantile(one[envoys][index], q) * 1000 for one in (then, now))
                asked = f"{target:g}" if (index, q) == (1, 0.99) else ""
                rows.append(
                    f"| {envoys} | {what}, {name} | {before:.0f} | {after:.0f} "
                    f"| {after / before:.2f} | {asked} |"
                )
    return "\n".join(rows)


def _work() -> dict[float, float]:
    """Milliseconds that one piece of work takes, by quantile. Nothing of ours is in it: what is
    longer at p99 than at p50 is the host's, and each step of what is measured above has it too.
    """
    taken = []
    for _ in range(_PIECES):
        start = time.perf_counter()
        sum(range(_PIECE))
        taken.append((time.perf_counter() - start) * 1000)
        time.sleep(_POLL / 2)
    return {q: quantile(taken, q) for q in (0.5, 0.99, 1.0)}


def _times(tree: Path | None = None) -> dict[int, Times]:
    """By the number of Envoys, measured after a warm-up, when moto has been imported for the log
    group. ``tree``: the files of another commit.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        sample = Sample(directory)
        with control_plane(directory, sample.config, tree=tree) as plane:
            return _changed(plane)


def _changed(plane: ControlPlane) -> dict[int, Times]:
    """By the number of Envoys."""
    article = Article(
        plane.client("appmesh"), plane.client("ecs"), plane.client("servicediscovery")
    )
    port = system(article)
    times = {}
    for envoys in ENVOYS:
        addresses = [(one, port) for one in scaled(article, envoys)]
        times[envoys] = asyncio.run(changes(plane, article, addresses))
    return times


def _poll(envoys: int) -> float:
    """Seconds between two requests to one Envoy."""
    return _POLL / 2 if envoys == 1 else _POLL


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
) -> Times:
    """So many changes, after those that warm up, each with some Envoys that are asked."""
    streams = [await asyncio.open_connection(*address) for address in addresses]
    api = await asyncio.open_connection("127.0.0.1", plane.port)
    calls: list[float] = []
    waits: list[float] = []
    drawn = random.Random(0)
    count = min(_ASKED, len(streams))
    poll = _poll(len(streams))
    for change in range(warm_up + times):
        blue = change % 2
        version = "1" if blue else "2"
        start = time.perf_counter()
        call = asyncio.create_task(_change(api, article, blue))
        seen = [
            _first(stream, version, poll, poll * index / count)
            for index, stream in enumerate(drawn.sample(streams, count))
        ]
        waits += [moment - start for moment in await asyncio.gather(*seen)]
        calls.append(await call)
        await asyncio.sleep(0.05)
    for _, writer in [*streams, api]:
        writer.close()
    return calls[warm_up:], waits[warm_up * count :]


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


if __name__ == "__main__":
    main()
