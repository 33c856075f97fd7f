"""Terraform systems in the style of public ones, applied as they are: see tests/terraform/systems.

The only thing that is added to a system is what `teal env --terraform 3` prints.
"""

from __future__ import annotations

import json
import shutil
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.machine import REPOSITORY
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.terraform import Terraform
from tests.support.programs.traffic import traffic

SYSTEMS = REPOSITORY / "tests" / "terraform" / "systems"
IMAGES = SYSTEMS / "teal.toml"
RATE = 50.0
TIMEOUT_SECONDS = 120.0


class System:
    """A system in a working directory of its own."""

    def __init__(self, plane: ControlPlane, name: str, directory: Path, provider: str) -> None:
        shutil.copytree(SYSTEMS / name, directory)
        added = plane.teal("env", "--terraform", "3").stdout
        (directory / "tealmesh_override.tf").write_text(added)
        self.plane = plane
        self.terraform = Terraform(directory, {}, provider).init()

    def balancer(self) -> dict[str, Any]:
        """The load balancer as `teal status` shows it."""
        (shown,) = json.loads(self.plane.teal("status", "--json").stdout)["loadBalancers"]
        return dict(shown)

    def url(self, protocol: str) -> str:
        """Where the listener of this protocol is on this machine."""
        balancer = self.balancer()
        local = next(
            one["localPort"] for one in balancer["listeners"] if one["protocol"] == protocol
        )
        scheme = "https" if protocol == "HTTPS" else "http"
        return f"{scheme}://{balancer['address']}:{local}"

    def ask(self, url: str, path: str = "/") -> httpx.Response:
        """A request in the name of the load balancer."""
        host = self.terraform.outputs()["dns_name"]
        with client() as asking:
            return asking.get(url + path, headers={"host": host})

    def serves(self, url: str) -> None:
        """Wait until each of the system's paths is answered with 200."""
        for path in self.terraform.outputs().get("paths", ["/"]):
            until(lambda path=path: self.ask(url, path).status_code == 200, self.plane.log)

    def steady(self) -> None:
        """Wait until every service runs what it wants, and no older deployment is left."""
        ecs = self.plane.client("ecs", self.region)

        def done() -> bool:
            services = [
                service
                for cluster in ecs.list_clusters()["clusterArns"]
                for service in described(ecs, cluster)
            ]
            return bool(services) and all(
                service["runningCount"] == service["desiredCount"]
                and len(service["deployments"]) == 1
                for service in services
            )

        until(done, self.plane.log)

    @property
    def region(self) -> str:
        return str(self.terraform.outputs()["dns_name"].split(".")[1])


def described(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    names = ecs.list_services(cluster=cluster)["serviceArns"]
    if not names:
        return []
    return list(ecs.describe_services(cluster=cluster, services=names)["services"])


def client() -> httpx.Client:
    """A client that believes any certificate, as those of a test are issued by nobody."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return httpx.Client(verify=context, timeout=20, trust_env=False)


def until(done: Callable[[], bool], log: Callable[[], str]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            if done():
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        assert time.monotonic() < deadline, log()[-3000:]
        time.sleep(0.2)


class Seen:
    """What was answered so far: requests by version, failures by reason."""

    def __init__(self) -> None:
        self.versions: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()


@contextmanager
def steady_requests(url: str, host: str) -> Iterator[Seen]:
    """Steady requests at ``url`` until the end of the block; the outcomes are complete then."""
    seen = Seen()
    if url.startswith("http://"):
        with traffic((url + "/", RATE)) as load:
            yield seen
            total = load.stop()
            seen.versions, seen.failures = total.versions, total.failures
        return
    ended = threading.Event()

    def ask() -> None:
        with client() as asking:
            while not ended.wait(1 / RATE):
                try:
                    answer = asking.get(url + "/", headers={"host": host})
                except httpx.HTTPError as error:
                    seen.failures[repr(error)] += 1
                    continue
                if answer.status_code == 200:
                    seen.versions[answer.json()["version"]] += 1
                else:
                    seen.failures[str(answer.status_code)] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
