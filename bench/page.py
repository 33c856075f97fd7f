"""What an open page costs the control plane: a mesh with 200 virtual nodes."""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.planes.control_plane import ControlPlane

from bench.measurement import Measurement

SERVICES = 100
"""Each with two sides."""
SECONDS = 30.0


def measure() -> list[Measurement]:
    """The share of a core that the control plane uses with a page open and without, and the time
    until a page has everything.
    """
    with tempfile.TemporaryDirectory() as directory:
        plane = ControlPlane(Path(directory))
        plane.start()
        try:
            _make(plane.client("appmesh"))
            token = plane.teal("token", "create", "--read-only").stdout.strip()
            assert plane.process is not None
            alone = _share(plane.process.pid)
            with _page(plane.port, token) as first:
                time.sleep(2.0)
                opened = _share(plane.process.pid)
        finally:
            plane.down()
    cost = (opened - alone) * 100
    return [
        Measurement("open page, 200 nodes", cost, "% of a core", alone * 100, "without a page", 1),
        Measurement("page has everything", first * 1000, "ms", first * 1000, "itself", 200),
    ]


def _make(appmesh: Any) -> None:
    appmesh.create_mesh(meshName="m")
    port = [{"portMapping": {"port": 8080, "protocol": "http"}}]
    for name in (f"s{index}" for index in range(SERVICES)):
        for side in ("blue", "green"):
            host = {"dns": {"hostname": f"{name}-{side}.local"}}
            appmesh.create_virtual_node(
                meshName="m",
                virtualNodeName=f"{name}-{side}",
                spec={"listeners": port, "serviceDiscovery": host},
            )
        appmesh.create_virtual_router(
            meshName="m", virtualRouterName=name, spec={"listeners": port}
        )
        targets = [
            {"virtualNode": f"{name}-{side}", "weight": weight}
            for side, weight in (("blue", 100), ("green", 0))
        ]
        route = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}
        appmesh.create_route(
            meshName="m", virtualRouterName=name, routeName="all", spec={"httpRoute": route}
        )
        provider = {"virtualRouter": {"virtualRouterName": name}}
        appmesh.create_virtual_service(
            meshName="m", virtualServiceName=f"{name}.local", spec={"provider": provider}
        )


@contextmanager
def _page(port: int, token: str) -> Iterator[float]:
    """A page that reads; yields the seconds until it had everything."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.perf_counter()
    connection.request("GET", "/_teal/stream", headers={"authorization": f"Teal {token}"})
    response = connection.getresponse()
    while response.readline() != b"\n":
        pass
    first = time.perf_counter() - begun
    reading = threading.Thread(target=lambda: list(iter(response.readline, b"")), daemon=True)
    reading.start()
    try:
        yield first
    finally:
        # The stream ends with the control plane.
        connection.sock = None


def _share(pid: int) -> float:
    """The share of a core that a process uses for some seconds."""
    before = _cpu_seconds(pid)
    time.sleep(SECONDS)
    return (_cpu_seconds(pid) - before) / SECONDS


def _cpu_seconds(pid: int) -> float:
    """https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
