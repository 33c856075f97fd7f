"""The memory of a control plane over half an hour of changes, connects and disconnects: it must
not grow. ``make soak-memory``.

python -m bench.soak_memory --seconds 1800

A mesh of 200 virtual nodes whose Envoys (streams of another program) count 4,000 requests a second
and are all cut off twice a minute; meanwhile routes change, and nodes and services come and go. A
line tells each minute; the last one is the verdict, by the slope of the second half, when all that
is kept for some time is full. Ends with 1 if the memory grows.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.planes.control_plane import ControlPlane, control_plane

from bench.page.world import MESH, PAIRS, envoys, names, write

CUT_EVERY_SECONDS = 30.0
LOOK_EVERY_SECONDS = 5.0
CHANGE_EVERY_SECONDS = 0.1
ALLOWED_PERCENT = 5.0
"""By how much the memory may grow in half an hour, by the slope of the second half: pages that are
not given back at once are no growth."""
HALF_AN_HOUR = 1800.0

_PASSING = "passing"

Held = tuple[float, float]
"""Seconds, and bytes of the control plane."""


@dataclass
class Done:
    """What happened so far."""

    changes: int = 0
    connects: int = 0


def growth(held: Sequence[Held]) -> float:
    """Percent in half an hour, by a straight line through the second half of what was held; 0 for
    less than two looks.
    """
    half = held[len(held) // 2 :]
    if len(half) < 2:
        return 0.0
    times, sizes = [at for at, _ in half], [size for _, size in half]
    middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
    spread = sum((at - middle) ** 2 for at in times)
    slope = sum((at - middle) * (size - mean) for at, size in half) / spread
    return 100 * slope * HALF_AN_HOUR / mean


def soak(seconds: float) -> bool:
    """Change, connect and disconnect for so long; whether the memory stays as it is."""
    held: list[Held] = []
    with tempfile.TemporaryDirectory() as directory, control_plane(Path(directory)) as plane:
        assert plane.process is not None
        write(plane.client("appmesh"))
        done, over = Done(), threading.Event()
        began = time.monotonic()
        with ThreadPoolExecutor(1) as beside:
            changing = beside.submit(_change, plane, done, over)
            try:
                while not changing.done() and (now := time.monotonic() - began) < seconds:
                    _connected(plane, done, min(CUT_EVERY_SECONDS, seconds - now), began, held)
            finally:
                over.set()
            changing.result()
    grown = growth(held)
    good = len(held) > 1 and grown <= ALLOWED_PERCENT
    print(
        f"{'PASS' if good else 'FAIL'}: {grown:+.1f} % in half an hour by the second half, at most "
        f"{ALLOWED_PERCENT:g} % allowed; {done.changes:,} changes, {done.connects:,} connects"
    )
    return good


def _connected(
    plane: ControlPlane, done: Done, seconds: float, began: float, held: list[Held]
) -> None:
    """Have all Envoys connected for a while, with traffic."""
    with envoys(plane) as streams:
        done.connects += len(names())
        assert streams.stdin is not None
        streams.stdin.write("1\n")
        streams.stdin.flush()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY_SECONDS))
            _look(plane, done, time.monotonic() - began, held)


def _look(plane: ControlPlane, done: Done, at: float, held: list[Held]) -> None:
    assert plane.process is not None
    pages = int(Path(f"/proc/{plane.process.pid}/statm").read_text().split()[1])
    minute = not held or at // 60 > held[-1][0] // 60
    held.append((at, pages * os.sysconf("SC_PAGE_SIZE")))
    if minute:
        print(
            f"{at / 60:5.1f} min  {held[-1][1] / 1e6:6.1f} MB  {done.changes:,} changes, "
            f"{done.connects:,} connects",
            flush=True,
        )


def _change(plane: ControlPlane, done: Done, over: threading.Event) -> None:
    """Change routes, and let nodes and services of another mesh come and go."""
    appmesh = plane.client("appmesh")
    appmesh.create_mesh(meshName=_PASSING)
    while not over.wait(CHANGE_EVERY_SECONDS):
        number = done.changes // 2
        if done.changes % 2:
            _come_and_go(appmesh, f"passing-{number}")
        else:
            _weigh(appmesh, f"s{number % PAIRS}", number % 100)
        done.changes += 1


# Any: boto3's clients have no types of their own.
def _weigh(appmesh: Any, name: str, weight: int) -> None:
    weights = (("blue", 100 - weight), ("green", weight))
    targets = [{"virtualNode": f"{name}-{side}", "weight": share} for side, share in weights]
    route = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}
    appmesh.update_route(
        meshName=MESH, virtualRouterName=name, routeName="all", spec={"httpRoute": route}
    )


def _come_and_go(appmesh: Any, name: str) -> None:
    spec = {
        "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
        "serviceDiscovery": {"dns": {"hostname": f"{name}.invalid"}},
    }
    appmesh.create_virtual_node(meshName=_PASSING, virtualNodeName=name, spec=spec)
    provider = {"virtualNode": {"virtualNodeName": name}}
    service = {"meshName": _PASSING, "virtualServiceName": f"{name}.local"}
    appmesh.create_virtual_service(**service, spec={"provider": provider})
    appmesh.delete_virtual_service(**service)
    appmesh.delete_virtual_node(meshName=_PASSING, virtualNodeName=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=HALF_AN_HOUR)
    given = parser.parse_args()
    raise SystemExit(0 if soak(given.seconds) else 1)


if __name__ == "__main__":
    main()
