"""Many streams: all connect at once, to either replica, then weights change at one of them."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.replicas import replicas
from tests.support.planes.sample import api
from tests.support.planes.serving import ServePlane
from tests.support.programs.postgres import running

from bench.database import DURABLE
from bench.measurement import Measurement, quantile
from bench.replicas.places import ALONE, cloud_in
from bench.swarm import world
from bench.swarm.owned import owned
from bench.swarm.processes import Process
from tealmesh.store import Store, Transaction

ENVOYS = 10_000
SHORT = 500
PUSHES = 3
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Cost:
    """What so many streams cost. CPU is that of all replicas together, in seconds."""

    storm: float
    """Seconds until each Envoy has its configuration."""
    storm_cpu: float
    refused: int
    """Streams that were not served at once."""
    pushes: Sequence[Sequence[float]]
    """Of each change of weights, the seconds until each Envoy had the routes."""
    known: Sequence[float]
    """The seconds until the control plane that was called knew that all run with them."""
    push_cpu: float
    """Of one change."""
    megabytes: float
    """That the streams take."""

    def push(self, q: float) -> float:
        """A quantile of all pushes, in milliseconds; 1 for the last Envoy."""
        return quantile([one for push in self.pushes for one in push], q) * 1000


def measure(envoys: int, *, delta: bool = True, pushes: int = PUSHES) -> list[Measurement]:
    """Of so many, in the order in which it happens."""
    with tempfile.TemporaryDirectory() as directory:
        alone = _alone(Path(directory), envoys, delta=delta, pushes=pushes)
    with tempfile.TemporaryDirectory() as directory, running(DURABLE) as server:
        two = _two(Path(directory), server.url, envoys, delta=delta, pushes=pushes)
    rows: tuple[tuple[str, str, Callable[[Cost], float]], ...] = (
        ("storm", "s", lambda cost: cost.storm),
        ("storm, CPU", "s", lambda cost: cost.storm_cpu),
        ("storm, refused", "streams", lambda cost: cost.refused),
        ("weights set → routes at an Envoy, p50", "ms", lambda cost: cost.push(0.5)),
        ("weights set → routes at an Envoy, p99", "ms", lambda cost: cost.push(0.99)),
        ("weights set → routes at the last Envoy", "ms", lambda cost: cost.push(1)),
        ("weights set → known to run with all", "ms", lambda cost: quantile(cost.known, 0.5) * 1e3),
        ("a change of weights, CPU", "s", lambda cost: cost.push_cpu),
        ("memory", "MB", lambda cost: cost.megabytes),
    )
    title = f"{envoys} streams over two replicas on PostgreSQL"
    return [
        Measurement(f"{title}: {what}", of(two), unit, of(alone), ALONE) for what, unit, of in rows
    ]


def _alone(directory: Path, envoys: int, *, delta: bool, pushes: int) -> Cost:
    (directory / "serve").mkdir()
    database = directory / "serve" / "state.db"
    _prepare(str(database))
    with cloud_in(directory) as cloud:
        plane = ServePlane(directory / "serve", cloud, str(database))
        try:
            plane.start()
            return _measured([plane], envoys, delta=delta, pushes=pushes)
        finally:
            plane.down()


def _two(directory: Path, database: str, envoys: int, *, delta: bool, pushes: int) -> Cost:
    _prepare(database)
    with cloud_in(directory) as cloud, replicas(directory, cloud, database) as both:
        return _measured(both.planes, envoys, delta=delta, pushes=pushes)


def _prepare(database: str) -> None:
    """Write the mesh of the swarm, before any control plane runs."""

    def change(tx: Transaction) -> None:
        world.put_mesh(tx, world.MESH)

    store = Store.open(database)
    asyncio.run(store.write("bench", "Prepare", change))
    store.close()


def _measured(planes: Sequence[ServePlane], envoys: int, *, delta: bool, pushes: int) -> Cost:
    ports = [plane.xds_port for plane in planes]
    nodes = [f"mesh/{world.MESH}/virtualNode/n{number}" for number in range(world.NODES)]
    with owned(envoys, ports, planes[0].keys, nodes, delta=delta) as swarm:
        _converged(planes[0])
        before, empty = _cpu(planes), _megabytes(planes)
        storm = swarm.ask("storm")
        _converged(planes[0])
        stormed = _cpu(planes)
        seen, known = [], []
        for number in range(pushes):
            at, knew = _pushed(planes[0], swarm, number)
            seen.append(at)
            known.append(knew)
        return Cost(
            storm["seconds"],
            stormed - before,
            sum(storm["refused"].values()),
            seen,
            known,
            (_cpu(planes) - stormed) / pushes,
            _megabytes(planes) - empty,
        )


def _pushed(plane: ServePlane, swarm: Process, number: int) -> tuple[list[float], float]:
    """Change the weights of the service that all call: when each Envoy had them, and when it was
    known that all run with them, in seconds.
    """
    client = plane.client("appmesh")
    name = {"meshName": world.MESH, "virtualRouterName": "r0", "routeName": "t0"}
    spec: Any = client.describe_route(**name)["route"]["spec"]
    for target in spec["httpRoute"]["action"]["weightedTargets"]:
        target["weight"] = number + 1 if target["virtualNode"] == "n1" else 99 - number
    swarm.ask("await")
    # Read at once: what ten thousand Envoys have to tell is more than a pipe holds, and while the
    # swarm waits to be heard it acknowledges nothing.
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(swarm.hear)
        began = time.monotonic()
        client.update_route(**name, spec=spec)
        _converged(plane)
        known = time.monotonic() - began
        return [at - began for at in heard.result()["at"]], known


def _converged(plane: ControlPlane) -> None:
    if not api(plane).get_convergence(world.MESH, None, _PATIENCE_SECONDS)["converged"]:
        raise SystemExit(f"bench: {world.MESH} has not converged within {_PATIENCE_SECONDS} s")


def _cpu(planes: Sequence[ServePlane]) -> float:
    """Seconds of all processes together."""
    ticks = 0
    for pid in _pids(planes):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _megabytes(planes: Sequence[ServePlane]) -> float:
    """In memory."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _pids(planes)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _pids(planes: Sequence[ServePlane]) -> list[int]:
    return [plane.process.pid for plane in planes if plane.process is not None]
