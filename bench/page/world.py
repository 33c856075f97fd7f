"""A control plane with a large mesh, whose Envoys are streams of a program, and beside it a small
mesh with real Envoys and a deployment that waits.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished, weights
from tests.support.waiting import until

MESH = "large"
PAIRS = 100
"""Virtual services with a router and two virtual nodes; as many have one of those nodes alone."""
BACKENDS = 2
"""That each virtual node has."""
_PORT = [{"portMapping": {"port": 8080, "protocol": "http"}}]


class _Waiting(Sample):
    """Its deployment has a first step that only people end."""

    def text(self) -> str:
        return super().text().replace("steps = [100]", "steps = [10, 100]")


@dataclass
class World:
    """What runs while it is measured."""

    plane: ControlPlane
    envoys: subprocess.Popen[str]
    deployment: str
    """The id of the one that waits."""

    def opened(self) -> str:
        """An address that opens the page once."""
        told = self.plane.teal("open", "--print").stdout
        found = re.search(r"http\S+", told)
        assert found, told
        return found.group()

    def pages(self) -> list[tuple[str, str, str]]:
        """Each page's name, its address, and a selector of the first thing that it is for."""
        return [
            ("overview", "#/", "main tbody tr"),
            ("services", "#/services", "main tbody tr"),
            ("service", "#/services/web", "main tbody tr"),
            ("deployment", f"#/deployments/web/{self.deployment}", "main li[aria-current=step]"),
            ("map of the large mesh", f"#/mesh/{MESH}", "main svg g.node"),
            ("map of the small mesh", "#/mesh/sample", "main svg g.node"),
            ("history", "#/history/web", "main tbody tr"),
            ("events", "#/events", "main tbody tr"),
        ]

    def report(self, traffic: bool) -> None:
        """Have the large mesh's Envoys count requests, or none."""
        assert self.envoys.stdin is not None
        self.envoys.stdin.write(f"{int(traffic)}\n")
        self.envoys.stdin.flush()

    def change_a_weight(self) -> None:
        """Of one route of the large mesh."""
        targets = [
            {"virtualNode": f"s0-{side}", "weight": weight}
            for side, weight in (("blue", 50), ("green", 50))
        ]
        route = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}
        self.plane.client("appmesh").update_route(
            meshName=MESH, virtualRouterName="s0", routeName="all", spec={"httpRoute": route}
        )

    def give_up(self) -> None:
        """End the deployment that waits, so that nothing happens any more."""
        self.plane.teal("abort", "web", "--give-up")
        finished(self.plane)

    @property
    def pid(self) -> int:
        """Of the control plane."""
        assert self.plane.process is not None
        return self.plane.process.pid


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """Make it, and take it away at the end."""
    sample = _Waiting(directory, step_timeout="2h", min_requests=10**6)
    with control_plane(directory) as plane:
        sample.apply(plane)
        write(plane.client("appmesh"))
        plane.teal("deploy", "web", "example/sample:0.0.2", "--no-follow")
        until(lambda: weights(plane) == {"blue": 90, "green": 10})
        with envoys(plane) as streams:
            yield World(plane, streams, api(plane).get_deployment("web")["deploymentId"])


def names() -> list[str]:
    """Of the large mesh's virtual nodes."""
    return [f"s{index}-{side}" for index in range(PAIRS) for side in ("blue", "green")]


@contextmanager
def envoys(plane: ControlPlane) -> Iterator[subprocess.Popen[str]]:
    """One Envoy for each virtual node of the large mesh."""
    token = plane.directory / "data" / "xds-token"
    program = Path(__file__).with_name("envoys.py")
    command = [sys.executable, str(program), str(plane.xds_port), str(token)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=program.parents[2]
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "connected\n":
            raise SystemExit("bench: the Envoys of the large mesh could not connect")
        yield process
    finally:
        process.kill()
        process.wait()


def write(appmesh: Any) -> None:
    """The large mesh's documents."""
    appmesh.create_mesh(meshName=MESH)
    for index in range(PAIRS):
        backends = [
            {"virtualService": {"virtualServiceName": f"s{(index + 1 + n) % PAIRS}.local"}}
            for n in range(BACKENDS)
        ]
        _pair(appmesh, f"s{index}", backends)


def _pair(appmesh: Any, name: str, backends: list[Any]) -> None:
    for side in ("blue", "green"):
        host = {"dns": {"hostname": f"{name}-{side}.invalid"}}
        appmesh.create_virtual_node(
            meshName=MESH,
            virtualNodeName=f"{name}-{side}",
            spec={"listeners": _PORT, "serviceDiscovery": host, "backends": backends},
        )
    appmesh.create_virtual_router(meshName=MESH, virtualRouterName=name, spec={"listeners": _PORT})
    targets = [
        {"virtualNode": f"{name}-{side}", "weight": weight}
        for side, weight in (("blue", 90), ("green", 10))
    ]
    route = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}
    appmesh.create_route(
        meshName=MESH, virtualRouterName=name, routeName="all", spec={"httpRoute": route}
    )
    provided = {
        f"{name}.local": {"virtualRouter": {"virtualRouterName": name}},
        f"{name}-green.local": {"virtualNode": {"virtualNodeName": f"{name}-green"}},
    }
    for service, provider in provided.items():
        appmesh.create_virtual_service(
            meshName=MESH, virtualServiceName=service, spec={"provider": provider}
        )
