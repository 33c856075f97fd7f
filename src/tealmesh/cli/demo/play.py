"""Runs the demo: under load, a canary to version 2 and a blue/green deployment to version 1."""

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
from typing import TYPE_CHECKING, NoReturn

import click

from tealmesh.cli.demo.ledger import Ledger, complaints, steps_of
from tealmesh.cli.demo.system import LoadProcess, Plane, System
from tealmesh.cli.demo.view import Scene, Stage, report
from tealmesh.cli.following.follow import FINAL_STATUSES
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.model import wire

MESH_SHARE = 0.2
"""The part of the load that goes through the mesh, where each request causes another."""
BASELINE_SECONDS = 3.0
"""How long the rate is measured before the deployments."""
STEP_MARGIN = 1.1
"""A step is this much longer than its requests need at the measured rate."""
LEAST_STEP_SECONDS = 1.0
BAKE_SECONDS = 2.0
SLOW_MACHINE = 0.9
"""The load is reduced if a machine answers less than this part of it."""
REDUCED_LOAD = 0.8
"""The reduced load, as a part of what the machine answered."""
LEAST_RATE = 100.0
"""Requests per second."""
DEPLOYMENT_TIMEOUT_SECONDS = 300.0
IMAGES = {"example/sample:0.0.1": "1", "example/sample:0.0.2": "2"}
"""The version that each image answers."""


@dataclass(frozen=True)
class Size:
    """The number of requests required at each step and in the whole run."""

    per_step: int
    total: int


FULL = Size(10_000, 50_000)
QUICK = Size(1_000, 5_000)


def run_demo(*, keep: bool, rate: int, quick: bool) -> None:
    """Run the demo. Raises TealError if a request failed or anything else went wrong."""
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
                _clean_up(demo, directory)
            else:
                _print_addresses(demo)


class Demo:
    """One run of the demo."""

    def __init__(self, plane: Plane, rate: int, size: Size) -> None:
        self.plane = plane
        self.rate = float(rate)
        self.size = size
        self.ledger = Ledger()
        self.stage = Stage(Scene(self.ledger, versions=IMAGES))
        self.system: System | None = None
        self.deployments: list[tuple[str, str, wire.Deployment]] = []
        """Title, the version deployed, and the finished deployment."""
        self.up_seconds = 0.0
        self._load: LoadProcess | None = None

    def run(self) -> None:
        """Start everything, run both deployments, and send enough requests."""
        with self.stage.live():
            system = self._set_up()
            measured = self._find_rate(system)
            step_time = self.size.per_step / measured * STEP_MARGIN
            system.apply(step_time=max(step_time, LEAST_STEP_SECONDS), bake_time=BAKE_SECONDS)
            self._deploy("canary to version 2", "example/sample:0.0.2", "canary")
            self._deploy("blue/green to version 1", "example/sample:0.0.1", "bluegreen")
            self._finish()

    def conclude(self) -> None:
        """Print the report. Raises TealError with its complaints, if there are any."""
        everything = self.ledger.everything()
        steps = [
            step
            for title, version, deployment in self.deployments
            for step in steps_of(title, deployment, version, self.ledger)
        ]
        finished = [deployment for _, _, deployment in self.deployments]
        out = self.stage.out
        out.print(report(steps, everything, finished, self.up_seconds, out.width))
        failures = complaints(steps, everything, self.size.per_step, self.size.total)
        for title, _, deployment in self.deployments:
            if deployment["status"] != "SUCCESSFUL":
                failures.append(f"{title}: {deployment['status']}: {deployment.get('reason', '')}")
        if failures:
            raise TealError("the demo failed: " + "; ".join(failures))
        click.echo(f"\n{everything.failed} of {everything.requests:,} requests failed")

    def stop_load(self) -> None:
        """Stop sending requests and wait for outstanding answers."""
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
        system.apply(step_time=1.0, bake_time=BAKE_SECONDS)
        # The code in the address works once, within a minute; `teal open` makes another.
        self.stage.say(
            f"watch it at {self.plane.client.endpoint}{self.plane.client.get_page_code()['path']}"
        )
        took = system.wait_answering()
        self.stage.say(f"version 1 answers at {system.gateway} after {took:.1f} s")
        return system

    def _find_rate(self, system: System) -> float:
        """Start the load; returns the rate that this machine sustains, in requests per second."""
        while True:
            targets = [
                (f"{system.gateway}/", self.rate * (1 - MESH_SHARE)),
                (f"{system.gateway}/front", self.rate * MESH_SHARE),
            ]
            self.stage.say(f"load: {self.rate:,.0f} requests/s, through the gateway and the mesh")
            self._load = LoadProcess(targets, self.ledger.add)
            began = time.time()
            self._wait(BASELINE_SECONDS)
            end = began + BASELINE_SECONDS - 0.5
            measured = self.ledger.between(began + 1.0, end).requests / (end - began - 1.0)
            if measured >= SLOW_MACHINE * self.rate or self.rate <= LEAST_RATE:
                return max(min(measured, self.rate), 1.0)
            self.stage.say(f"this machine answers {measured:,.0f} of them: reducing the load")
            self.stop_load()
            # One bad moment of a busy machine says little: steps last as long as the rate is low.
            reduced = max(min(measured, self.rate) * REDUCED_LOAD, self.rate / 4)
            self.rate = max(reduced, LEAST_RATE)

    def _deploy(self, title: str, image: str, strategy: str) -> None:
        self.stage.say(title)
        client = self.plane.client
        deployment = client.deploy("web", image, strategy, client_token=uuid.uuid4().hex)[
            "deployment"
        ]
        identity = deployment["deploymentId"]
        deadline = time.monotonic() + DEPLOYMENT_TIMEOUT_SECONDS
        last = 0
        while deployment["status"] not in FINAL_STATUSES:
            self._show(deployment)
            for entry in client.list_journal("web", identity, after=last, wait_seconds=1):
                last = entry["sequence"]
                self.stage.journal(entry)
            deployment = client.get_deployment("web", identity)
            if time.monotonic() > deadline:
                raise TealError(
                    f"{title} did not finish within {DEPLOYMENT_TIMEOUT_SECONDS:.0f} s: it is "
                    f"waiting for {deployment.get('waitingFor')}"
                )
        self.deployments.append((title, IMAGES[image], deployment))
        self._show(deployment)
        if deployment["status"] != "SUCCESSFUL":
            raise TealError(f"{title}: {deployment['status']}: {deployment.get('reason', '')}")

    def _finish(self) -> None:
        """Wait until enough requests have been sent."""
        self._wait(1.0)
        while self.ledger.total < self.size.total:
            self._wait(0.5)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._check_load()
            self.stage.tick()
            time.sleep(0.1)

    def _show(self, deployment: wire.Deployment) -> None:
        self._check_load()
        status = self.plane.client.get_status(window_seconds=2)
        for service in status["services"]:
            if service["name"] == "web":
                self.stage.scene.sides = service["sides"]
        self.stage.scene.deployment = deployment
        self.stage.tick()

    def _check_load(self) -> None:
        if self._load is not None and not self._load.running:
            raise TealError("the load generator ended early")


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the demo in order, as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _clean_up(demo: Demo, directory: Path) -> None:
    """Stop everything and remove the directory. Ctrl-C is ignored: it would leave tasks behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        demo.kill_load()
        click.echo("stopping the demo…", err=True)
        demo.plane.stop()
        shutil.rmtree(directory)
    finally:
        signal.signal(signal.SIGINT, before)


def _print_addresses(demo: Demo) -> None:
    endpoint = demo.plane.client.endpoint
    gateway = demo.system.gateway if demo.system else ""
    click.echo(
        f"""
The system is still running. Try:
  curl {gateway}/
  curl {gateway}/front

  export TEAL_ENDPOINT={endpoint} AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
  teal status -w
  while curl -s {gateway}/; do sleep 0.01; done   # in another terminal: requests for the gates
  teal deploy web --image example/sample:0.0.2
  aws appmesh list-virtual-nodes --mesh-name sample
  aws ecs list-tasks --cluster sample
  python3 -c 'import boto3; print(boto3.client("appmesh").describe_mesh(meshName="sample"))'

Stop it with
  teal down --endpoint {endpoint} && rm -r {demo.plane.directory}"""
    )
