"""A mesh of services in containers: ``web``, and ``front``, which calls it by name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import api
from tests.support.programs.podman import Podman


def fetch(url: str) -> str:
    """The answer of a URL, even an error, once something listens there."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with urlopen(url, timeout=10) as answer:
                return bytes(answer.read()).decode()
        except HTTPError as error:
            return error.read().decode()
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


IMAGE = "localhost/team/web"


@dataclass
class Boxes:
    """The system in ``directory``; its gateway is at 127.0.0.1:``port``."""

    directory: Path
    desired_count: int = 2

    def __post_init__(self) -> None:
        self.port = free_port()
        self.config = self.directory / "teal.toml"
        self.config.write_text(f"""
[mesh]
name = "boxes"

[services.web]
port = 8080
image = "{IMAGE}:1"
desired_count = {self.desired_count}

[services.web.strategy]
type = "canary"
steps = [50, 100]
step_time = "500ms"
bake_time = "500ms"
step_timeout = "30s"

[services.front]
port = 8080
health_path = "/health"
image = "{IMAGE}:1"
backends = ["web"]
environment = {{ BACKEND = "http://web.boxes.local:8080/" }}

[gateways.edge]
port = {self.port}
routes = {{ "/" = "web", "/front" = "front" }}
""")

    def make_images(self, engine: Podman) -> None:
        for version in ("1", "2"):
            engine.make_app(f"{IMAGE}:{version}", VERSION=version)

    def apply(self, plane: ControlPlane) -> None:
        """``teal apply``, then wait until every task runs and the ECS services are steady."""
        plane.teal("apply", "--config", str(self.config))
        names = ["web-blue", "front-blue", "edge"]
        waiter = plane.client("ecs").get_waiter("services_stable")
        waiter.wait(cluster="boxes", services=names, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def ask(self, path: str) -> str:
        """The answer of a path of the gateway."""
        return fetch(f"http://127.0.0.1:{self.port}{path}")

    def answering(self, plane: ControlPlane) -> int:
        """The number of healthy tasks of ``web``."""
        status = api(plane).get_status()
        web = next(s for s in status["services"] if s["name"] == "web")
        return sum(side["healthy"] for side in web["sides"])
