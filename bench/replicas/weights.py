"""A write, and weights → first request routed by them.

A write is a call of UpdateRoute, at one of the replicas. Envoys' connections go to either of them,
so that half of the Envoys hear of a change through the database.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.replicas import replicas
from tests.support.planes.serving import ServePlane, serve_plane
from tests.support.programs.postgres import running

from bench.database import DURABLE
from bench.measurement import Measurement, quantile
from bench.replicas.places import ALONE, cloud_in
from bench.weights import changes, scaled, system

ENVOYS = 4
WARM_UP, CHANGES = 10, 150
SHORT = 40

Times = tuple[list[float], list[float]]
"""Seconds of each call, and from each change to each Envoy's first request by it."""


def measure() -> list[Measurement]:
    """p50 and p99 of both."""
    with tempfile.TemporaryDirectory() as directory:
        alone = _alone(Path(directory))
    with tempfile.TemporaryDirectory() as directory, running(DURABLE) as server:
        two = _two(Path(directory), server.url)
    made = []
    for what, index in (
        ("a write (UpdateRoute)", 0),
        (f"weights set → first request routed by them, {ENVOYS} Envoys", 1),
    ):
        for name, q in (("p50", 0.5), ("p99", 0.99)):
            before, after = (quantile(times[index], q) * 1000 for times in (alone, two))
            title = f"{what}, two replicas on PostgreSQL, {name}"
            made.append(Measurement(title, after, "ms", before, ALONE))
    return made


def _alone(directory: Path) -> Times:
    with cloud_in(directory) as cloud, serve_plane(directory / "serve", cloud) as plane:
        return _measured(cloud, plane, plane.xds_port)


def _two(directory: Path, database: str) -> Times:
    with cloud_in(directory) as cloud, replicas(directory, cloud, database) as both:
        return _measured(cloud, both.planes[0], both.front.port)


def _measured(cloud: ControlPlane, plane: ServePlane, xds: int) -> Times:
    """Both sides and a gateway with several Envoys; their weights changed again and again."""
    article = Article(
        plane.client("appmesh"),
        cloud.client("ecs"),
        cloud.client("servicediscovery"),
        iam=cloud.client("iam"),
        xds=f"127.0.0.1:{xds}",
    )
    port = system(article)
    addresses = [(address, port) for address in scaled(article, ENVOYS)]
    times = SHORT if "TEAL_BENCH_SHORT" in os.environ else CHANGES
    return asyncio.run(changes(plane, article, addresses, warm_up=WARM_UP, times=times))
