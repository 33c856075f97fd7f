"""The sample web application: a system of one service behind a gateway."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tealmesh.cli.client import Client
from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane

APP = str(REPOSITORY / "examples" / "sample" / "app.py")
IMAGES = {
    "example/sample:0.0.1": [sys.executable, APP, "--version", "1"],
    "example/sample:0.0.2": [sys.executable, APP, "--version", "2"],
    "example/sample:faulty": [sys.executable, APP, "--version", "2", "--fail", "0.2"],
    "example/sample:base": [sys.executable, APP, "--version", "1", "--fail", "0.005"],
    "example/sample:alike": [sys.executable, APP, "--version", "2", "--fail", "0.005"],
    "example/sample:worse": [sys.executable, APP, "--version", "2", "--fail", "0.05"],
    "example/sample:broken": ["/no/such/program"],
    "example/sample:hanging": [
        sys.executable,
        str(REPOSITORY / "tests" / "support" / "applications" / "hanging.py"),
    ],
    "example/sample:posting": [
        sys.executable,
        str(REPOSITORY / "tests" / "support" / "applications" / "posting.py"),
    ],
    "example/sample:dead": [
        sys.executable,
        "-c",
        "print('cannot read config.yml'); raise SystemExit(3)",
    ],
}
FINISHED = {"SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED"}


@dataclass
class Sample:
    """``web`` in blue and green behind the gateway ``edge``, with short times."""

    directory: Path
    desired_count: int = 1
    step_time: str = "500ms"
    step_timeout: str = "30s"
    bake_time: str = "300ms"
    min_requests: int = 50
    approval: bool = False
    image: str = "example/sample:0.0.1"
    success_rate: float = 0.99
    gates: str = ""
    """Further lines of its gates."""

    def __post_init__(self) -> None:
        self.gateway_port = free_port()
        self.config = self.directory / "teal.toml"
        self.config.write_text(self.text())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}/"

    def text(self) -> str:
        images = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in IMAGES.items())
        return f"""
[mesh]
name = "sample"

[images]
{images}

[services.web]
port = 8080
image = "{self.image}"
health_path = "/health"
desired_count = {self.desired_count}

[services.web.strategy]
steps = [100]
step_time = "{self.step_time}"
bake_time = "{self.bake_time}"
step_timeout = "{self.step_timeout}"

[services.web.gates]
success_rate = {self.success_rate}
min_requests = {self.min_requests}
approval = {json.dumps(self.approval)}
{self.gates}

[gateways.edge]
port = {self.gateway_port}
routes = {{ "/" = "web" }}
"""

    def apply(self, plane: ControlPlane) -> None:
        """``teal apply``, which waits until every task runs."""
        plane.teal("apply", "--config", str(self.config))


def api(plane: ControlPlane) -> Client:
    """Our own API, through the client of the command line."""
    return Client(plane.endpoint)


def finished(plane: ControlPlane, service: str = "web", timeout: float = 60.0) -> Any:
    """Wait until the service's newest deployment has ended; return it."""
    deadline = time.monotonic() + timeout
    while True:
        deployment = api(plane).get_deployment(service)
        if deployment["status"] in FINISHED:
            return deployment
        assert time.monotonic() < deadline, deployment
        time.sleep(0.2)


def weights(plane: ControlPlane) -> dict[str, int]:
    sides = api(plane).get_status()["services"][0]["sides"]
    return {side["side"]: side["weight"] for side in sides}
