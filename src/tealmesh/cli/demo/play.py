"""The demo: version 1 to version 2 by canary and back by blue/green, under load."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from tealmesh.cli.demo.ledger import Ledger, complaints, steps_of
from tealmesh.cli.demo.system import LoadProcess, Plane, System
from tealmesh.cli.demo.view import Scene, Stage, report
from tealmesh.cli.follow import FINAL
from tealmesh.model.errors import TealError

MESH_SHARE = 0.2
"""Part of the load that goes through the mesh: each such request is two."""
BASELINE = 3.0
"""Seconds of load before a deployment, in which the rate is measured."""
MARGIN = 1.1
"""Steps last so much longer than the measured rate needs for their requests."""
SETTLE = 1.0
"""Seconds of each step before the control plane begins to measure; the load counts them too."""
LEAST_STEP = 1.0
BAKE = 2.0
SLOW = 0.9
"""A machine that finishes less than this part of the load is sent less."""
SPARE = 0.8
"""What it is sent then, as a part of what it finished."""
LEAST_RATE = 100.0
DEPLOYMENT_TIMEOUT = 300.0
IMAGES = {"example/sample:0.0.1": "1", "example/sample:0.0.2": "2"}


@dataclass(frozen=True)
class Size:
    """Least numbers of requests, for a step and for the run."""

    per_step: int
    total: int


FULL = Size(10_000, 50_000)
QUICK = Size(1_000, 5_000)


def run_demo(*, keep: bool, rate: int, quick: bool) -> None:
    """Run it; raises TealError when a request failed or anything else was not as it must be."""
    directory = Path(tempfile.mkdtemp(prefix="teal-demo-"))
    plane = Plane(directory)
    demo = Demo(plane, rate, QUICK if quick else FULL)
    kept = False
    with _sigterm_as_interrupt():
        try:
            demo.run()
            kept = keep
            demo.stop_load()
            demo.conclude()
        finally:
            if not kept:
                _take_down(demo, directory)
            else:
                _tell_addresses(demo)


class Demo:
    """One run, act by act."""

    def __init__(self, plane: Plane, rate: int, size: Size) -> None:
        self.plane = plane
        self.rate = float(rate)
        self.size = size
        self.ledger = Ledger()
        self.stage = Stage(Scene(self.ledger, versions=IMAGES))
        self.system: System | None = None
        self.deployments: list[tuple[str, str, dict[str, Any]]] = []
        self.up_seconds = 0.0
        self._load: LoadProcess | None = None

    def run(self) -> None:
        """From nothing to the last request."""
        with self.stage.live():
            system = self._set_up()
            measured = self._find_rate(system)
            step_time = self.size.per_step / measured * MARGIN - SETTLE
            system.apply(step_time=max(step_time, LEAST_STEP), bake_time=BAKE)
            self._deploy("canary to version 2", "example/sample:0.0.2", "canary")
            self._deploy("blue/green to version 1", "example/sample:0.0.1", "bluegreen")
            self._finish()

    def conclude(self) -> None:
        """Print the report. Raises TealError for the first of its complaints."""
        everything = self.ledger.everything()
        steps = [
            step
            for title, version, deployment in self.deployments
            for step in steps_of(title, deployment, version, self.ledger)
        ]
        finished = [deployment for _, _, deployment in self.deployments]
        out = self.stage.out
        out.print(report(steps, everything, finished, self.up_seconds, out.width))
        found = complaints(steps, everything, self.size.per_step, self.size.total)
        for title, _, deployment in self.deployments:
            if deployment["status"] != "SUCCESSFUL":
                found.append(f"{title}: {deployment['status']}: {deployment.get('reason', '')}")
        if found:
            raise TealError("the demo failed: " + "; ".join(found))
        click.echo(f"\n{everything.failed} of {everything.requests:,} requests failed")

    def stop_load(self) -> None:
        """Wait for the answers that are due."""
        if self._load is not None:
            load, self._load = self._load, None
            load.stop()

    def kill_load(self) -> None:
        if self._load is not None:
            self._load.kill()

    def _set_up(self) -> System:
        self.stage.say("starting a control plane")
        self.up_seconds = self.plane.start()
        self.stage.say(f"control plane ready after {self.up_seconds:.2f} s; applying the sample")
        self.system = system = System(self.plane)
        system.apply(step_time=1.0, bake_time=BAKE)
        took = system.wait_answering()
        self.stage.say(f"version 1 answers at {system.gateway} after {took:.1f} s")
        return system

    def _find_rate(self, system: System) -> float:
        """Start the load and measure what this machine sustains, in requests a second."""
        while True:
            targets = [
                (f"{system.gateway}/", self.rate * (1 - MESH_SHARE)),
                (f"{system.gateway}/front", self.rate * MESH_SHARE),
            ]
            self.stage.say(f"load: {self.rate:,.0f} requests/s, through the gateway and the mesh")
            self._load = LoadProcess(targets, self.ledger.add)
            began = time.time()
            self._wait(BASELINE)
            end = began + BASELINE - 0.5
            measured = self.ledger.between(began + 1.0, end).requests / (end - began - 1.0)
            if measured >= SLOW * self.rate or self.rate <= LEAST_RATE:
                return max(min(measured, self.rate), 1.0)
            self.stage.say(f"this machine finishes {measured:,.0f} of them: less load")
            self.stop_load()
            self.rate = max(min(measured, self.rate) * SPARE, LEAST_RATE)

    def _deploy(self, title: str, image: str, strategy: str) -> None:
        self.stage.say(title)
        client = self.plane.client
        deployment = client.call(
            "Deploy",
            service="web",
            image=image,
            strategy=strategy,
            clientToken=uuid.uuid4().hex,
        )["deployment"]
        which = {"service": "web", "deploymentId": deployment["deploymentId"]}
        deadline = time.monotonic() + DEPLOYMENT_TIMEOUT
        seen = 0
        while deployment["status"] not in FINAL:
            self._look(deployment)
            entries = client.call("ListJournal", wait=1, after=seen, waitSeconds=1, **which)
            for entry in entries["entries"]:
                seen = entry["sequence"]
                self.stage.journal(entry)
            deployment = client.call("GetDeployment", **which)["deployment"]
            if time.monotonic() > deadline:
                raise TealError(
                    f"{title} did not end within {DEPLOYMENT_TIMEOUT:.0f} s: it waits for "
                    f"{deployment.get('waitingFor')}"
                )
        self.deployments.append((title, IMAGES[image], deployment))
        self._look(deployment)
        if deployment["status"] != "SUCCESSFUL":
            raise TealError(f"{title}: {deployment['status']}: {deployment.get('reason', '')}")

    def _finish(self) -> None:
        """Go on until there are enough requests."""
        self._wait(1.0)
        while self.ledger.total < self.size.total:
            self._wait(0.5)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._check_load()
            self.stage.tick()
            time.sleep(0.1)

    def _look(self, deployment: dict[str, Any]) -> None:
        self._check_load()
        status = self.plane.client.call("GetStatus", windowSeconds=2)
        for service in status["services"]:
            if service["name"] == "web":
                self.stage.scene.sides = service["sides"]
        self.stage.scene.deployment = deployment
        self.stage.tick()

    def _check_load(self) -> None:
        if self._load is not None and not self._load.running:
            raise TealError("the load generator has ended early")


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: in order."""

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _take_down(demo: Demo, directory: Path) -> None:
    """Stop all and remove the directory. A further Ctrl-C would leave tasks: it is not heard."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        demo.kill_load()
        click.echo("taking the demo down…", err=True)
        demo.plane.stop()
        shutil.rmtree(directory)
    finally:
        signal.signal(signal.SIGINT, before)


def _tell_addresses(demo: Demo) -> None:
    endpoint = demo.plane.client.endpoint
    gateway = demo.system.gateway if demo.system else ""
    click.echo(
        f"""
It is left running. Try:
  curl {gateway}/
  curl {gateway}/front

  export TEAL_ENDPOINT={endpoint} AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
  teal status -w
  while curl -s {gateway}/; do sleep 0.01; done   # a deployment is judged by requests
  teal deploy web --image example/sample:0.0.2    # so send some from another terminal
  aws appmesh list-virtual-nodes --mesh-name sample
  aws ecs list-tasks --cluster sample
  python3 -c 'import boto3; print(boto3.client("appmesh").describe_mesh(meshName="sample"))'

Stop it with
  teal down --endpoint {endpoint} && rm -r {demo.plane.directory}"""
    )
