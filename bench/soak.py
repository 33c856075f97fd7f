"""Full blue/green cycles at full load under two replicas of `teal serve`, one of which is killed
every minute: not one request may be lost, nor one write. ``make soak``.

python -m bench.soak --seconds 3600     ends once 3,000,000 requests and 100 cycles are reached

A `teal up` is the cloud, PostgreSQL of this machine the database, durable. The service was made as
Terraform makes it, and is adopted: a cycle starts the idle side, moves all requests to it and stops
the other one. Meanwhile something writes through both replicas, and every write that was answered
must be there in the end. A line tells each cycle and each kill, a table the whole; the last line is
the verdict. Ends with 1 if requests were lost or a deployment did not succeed, which ends it at
once, if a write was lost, or if the time was too short for the counts. Then its directory stays,
with all logs and, in `loss-…`, with what stood when the first requests were lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError
from rich.console import Console
from rich.table import Table
from tests.support.planes.control_plane import control_plane
from tests.support.planes.replicas import Replicas, edge, replicas
from tests.support.planes.sample import IMAGES
from tests.support.programs.postgres import running as postgres
from tests.support.waiting import until

from bench.database import DURABLE
from bench.deployment import load_of
from bench.soak_evidence import collect
from tealmesh.cli.client import Client
from tealmesh.cli.demo.ledger import Ledger
from tealmesh.cli.demo.load import NOT_SENT
from tealmesh.cli.demo.tally import Tally
from tealmesh.cli.following.follow import FINAL_STATUSES
from tealmesh.model.errors import NoControlPlane, TealError

SERVICE = "sample"
SETTINGS = f"""[adopted.{SERVICE}.strategy]
type = "bluegreen"
step_time = "1s"
bake_time = "1s"

[adopted.{SERVICE}.gates]
min_requests = 100
"""
WRITTEN = "soak-writes"
"""The mesh whose virtual services are the writes."""
WRITE_EVERY_SECONDS = 0.5
KEPT = 100
"""So many of the newest writes: a mesh has a quota. Older ones are deleted, and must be there."""
RESTART_SECONDS = 3.0
"""From a kill to the next start: what an orchestrator takes."""
DEADLINE_SECONDS = 180.0
POLL_SECONDS = 0.2
LOSSES_SEEN = 20
"""So many requests lost, and it ends."""
UNREACHED = (EndpointConnectionError, HTTPClientError)


@dataclass(frozen=True)
class Goal:
    """When the soak is over, whichever comes first: both counts, or so many seconds."""

    requests: int = 3_000_000
    cycles: int = 100
    seconds: float = 3600.0
    rate: float = 1300.0
    """Requests a second. Those that a machine cannot answer count as lost: two thirds of what two
    idle cores do leave room for replicas that start."""
    kill_every: float = 60.0


@dataclass
class Seen:
    """What happened."""

    cycles: list[float] = field(default_factory=list)
    """The seconds of each."""
    failed: list[str] = field(default_factory=list)
    """Deployments that did not succeed."""
    kills: int = 0
    leaders: int = 0
    """Kills of the one that worked on deployments."""
    leaderless: float = 0.0
    """The longest time from such a kill until another one worked on them."""
    writes: int = 0
    unanswered: int = 0
    """Writes that no replica has answered, though they were asked again."""
    missing: set[str] = field(default_factory=set)
    """Writes that were answered, and are not there."""
    requests: int = 0
    lost: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class _Counts(Ledger):
    """Without latencies: there are millions."""

    def add(self, tally: Tally) -> None:
        super().add(replace(tally, latencies=[]))


class Soak:
    """One run."""

    def __init__(self, goal: Goal, system: Replicas) -> None:
        self.goal, self.system = goal, system
        self.seen = Seen()
        self._over = threading.Event()
        self._client = Client(system.api.endpoint)
        self._began = time.monotonic()

    def run(self, url: str, directory: Path) -> Seen:
        """Deploy, kill and write until the goal is reached."""
        settings = directory / "adopted.toml"
        settings.write_text(SETTINGS)
        self.system.planes[0].teal("apply", "--config", str(settings))
        ledger = _Counts()
        load = load_of([(url, 1.0)], self.goal.rate, ledger)
        before, lost_before = ledger.total, ledger.failed
        self._began = time.monotonic()
        try:
            with ThreadPoolExecutor(3) as beside:
                watch = partial(self._watch, ledger, lost_before, directory)
                others = [beside.submit(each) for each in (self._kill, self._write, watch)]
                try:
                    self._deploy(ledger, before, others)
                finally:
                    self._over.set()
                for other in others:
                    other.result()
        except BaseException:
            load.kill()
            raise
        load.stop()
        seen = self.seen
        seen.seconds = time.monotonic() - self._began
        seen.requests, seen.lost = ledger.total - before, ledger.failed - lost_before
        seen.reasons = dict(ledger.everything().failures)
        return seen

    def _deploy(self, ledger: Ledger, before: int, others: Sequence[Any]) -> None:
        """Both versions in turn."""
        number = 0
        while not self._reached(ledger.total - before) and not any(o.done() for o in others):
            image = f"example/sample:0.0.{2 - number % 2}"
            began, sent, lost = time.monotonic(), ledger.total, ledger.failed
            status, reason = self._deployed(image)
            took = time.monotonic() - began
            number += 1
            self._say(
                f"cycle {number:3}  {status.lower():11} {took:5.1f} s  "
                f"{ledger.total - sent:,} requests, {ledger.failed - lost} lost"
            )
            if status != "SUCCESSFUL":
                self.seen.failed.append(f"{status}: {reason}")
                return
            self.seen.cycles.append(took)

    def _watch(self, ledger: Ledger, lost_before: int, directory: Path) -> None:
        """Write down what stands when requests are lost, and end."""
        while not self._over.wait(POLL_SECONDS):
            if ledger.failed - lost_before >= LOSSES_SEEN:
                self._say(f"requests are lost: what stands is in {collect(self.system, directory)}")
                return

    def _reached(self, requests: int) -> bool:
        goal = self.goal
        if time.monotonic() - self._began >= goal.seconds:
            return True
        return requests >= goal.requests and len(self.seen.cycles) >= goal.cycles

    def _deployed(self, image: str) -> tuple[str, str]:
        """Deploy, and wait until it has ended; whichever replica answers. Its status, and why."""
        token, deadline = uuid.uuid4().hex, time.monotonic() + DEADLINE_SECONDS
        identity = ""
        while True:
            try:
                if not identity:
                    asked = self._client.deploy(SERVICE, image, client_token=token)
                    identity = asked["deployment"]["deploymentId"]
                deployment = self._client.get_deployment(SERVICE, identity)
                if deployment["status"] in FINAL_STATUSES:
                    return deployment["status"], deployment.get("reason", "")
                if time.monotonic() > deadline:
                    return deployment["status"], f"waits for {deployment.get('waitingFor')}"
            except NoControlPlane:
                pass  # the other one is asked
            except TealError as error:
                return "REFUSED", str(error)
            if time.monotonic() > deadline:
                return "UNKNOWN", f"no replica answers, at {self.system.api.endpoint}"
            time.sleep(POLL_SECONDS)

    def _kill(self) -> None:
        """Kill one of the two every minute, the leader and the other one in turn, and start it
        again.
        """
        while not self._over.wait(self.goal.kill_every):
            leader = until(self.system.leader)
            assert leader is not None
            number = self.system.lease()[1]
            leads = self.seen.kills % 2 == 0
            plane = leader if leads else self.system.other(leader)
            plane.kill9()
            killed = time.monotonic()
            self.seen.kills += 1
            self.seen.leaders += leads
            self._say(f"killed {'the leader' if leads else 'the other one'}")
            if leads:
                # The other one alone may take it over.
                until(partial(self._taken, number), pause=0.05)
                self.seen.leaderless = max(self.seen.leaderless, time.monotonic() - killed)
            left = killed + RESTART_SECONDS - time.monotonic()
            time.sleep(max(0.0, left))
            plane.start()

    def _taken(self, number: int) -> bool:
        """Whether the lease of deployments was taken since it had this number."""
        return self.system.lease()[1] > number

    def _write(self) -> None:
        """Write through both, and in the end look for each write that was answered."""
        clients = [plane.client("appmesh") for plane in self.system.planes]
        create_mesh = partial(clients[0].create_mesh, meshName=WRITTEN, clientToken="soak")
        until(partial(_made, create_mesh))
        made: list[str] = []
        while not self._over.wait(WRITE_EVERY_SECONDS):
            name = f"write-{self.seen.writes:06}.soak"
            if self._written(clients, partial(_create, name=name, token=uuid.uuid4().hex)):
                self.seen.writes += 1
                made.append(name)
            if len(made) > KEPT:
                self._written(clients, _Deletion(made.pop(0), self._gone))
        for client in clients:
            # One of them may be starting still.
            there = until(partial(_there, client)) if made else set()
            for name in set(made) - there:
                self._gone(name)

    def _gone(self, name: str) -> None:
        self.seen.missing.add(name)

    def _written(self, clients: Sequence[Any], write: Callable[[Any], None]) -> bool:
        """Write, asking again where no answer came, as SDKs do."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for client in random.sample(clients, len(clients)):
                if _made(partial(write, client)):
                    return True
            time.sleep(0.1)
        self.seen.unanswered += 1
        return False

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", flush=True)


# Any: boto3's clients have no types of their own.
def _create(client: Any, name: str, token: str) -> None:
    client.create_virtual_service(
        meshName=WRITTEN, virtualServiceName=name, spec={}, clientToken=token
    )


class _Deletion:
    """Deletes a write. If it is not there at the first attempt, it was lost."""

    def __init__(self, name: str, lost: Callable[[str], None]) -> None:
        self._name, self._lost = name, lost
        self._tried = False

    def __call__(self, client: Any) -> None:
        tried, self._tried = self._tried, True
        try:
            client.delete_virtual_service(meshName=WRITTEN, virtualServiceName=self._name)
        except client.exceptions.NotFoundException:
            if not tried:
                self._lost(self._name)


def _made(call: Callable[[], Any]) -> bool:
    """Whether a write was answered; False where no replica, or no database, did."""
    try:
        call()
    except UNREACHED:
        return False
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return False
        raise
    return True


def _there(client: Any) -> set[str]:
    """The writes that a replica knows; empty while it does not answer."""
    pages = client.get_paginator("list_virtual_services").paginate(meshName=WRITTEN)
    with contextlib.suppress(*UNREACHED):
        return {one["virtualServiceName"] for page in pages for one in page["virtualServices"]}
    return set()


def soak(goal: Goal) -> bool:
    """Run until the goal is reached, and print what happened; whether all went well."""
    place = Path(tempfile.mkdtemp(prefix="teal-soak-"))
    config = place / "teal.toml"
    images = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in IMAGES.items())
    config.write_text(f"[images]\n{images}\n")
    with (
        postgres(DURABLE) as server,
        control_plane(place, config) as cloud,
        replicas(place, cloud, server.url) as system,
    ):
        seen = Soak(goal, system).run(edge(system.article()), place)
    against = verdict(goal, seen)
    _show(seen)
    if against:
        print(f"what is left of it is in {place}")
    else:
        shutil.rmtree(place)
    print(f"FAIL: {'; '.join(against)}" if against else "PASS: nothing was lost")
    return not against


def verdict(goal: Goal, seen: Seen) -> list[str]:
    """What speaks against it; nothing if all went well."""
    against = []
    if seen.lost or not seen.requests:
        against.append(f"{seen.lost:,} of {seen.requests:,} requests lost")
    if slow := seen.reasons.get(NOT_SENT):
        against.append(
            f"this machine was too slow for {goal.rate:,.0f} requests a second: {slow:,} waited "
            "for a connection until they were too old; end what runs beside, or lower --rate"
        )
    if seen.missing or seen.unanswered or not seen.writes:
        lost = f"{len(seen.missing)} of {seen.writes:,} writes lost"
        against.append(f"{lost}, {seen.unanswered} without an answer")
    if seen.failed:
        against.append(f"{len(seen.failed)} deployments did not succeed")
    if seen.requests < goal.requests or len(seen.cycles) < goal.cycles:
        against.append(
            f"{goal.seconds:,.0f} s were too short for {goal.requests:,} requests and "
            f"{goal.cycles} cycles"
        )
    return against


def _show(seen: Seen) -> None:
    for line in seen.failed:
        print(line)
    for reason, many in seen.reasons.items():
        print(f"{many} requests: {reason}")
    table = Table("what", "", box=None)
    longest = max(seen.cycles, default=0.0)
    mean = sum(seen.cycles) / len(seen.cycles) if seen.cycles else 0.0
    for what, value in (
        ("seconds", f"{seen.seconds:,.0f}"),
        ("full blue/green cycles", f"{len(seen.cycles)}"),
        ("a cycle, mean and longest", f"{mean:.1f} s, {longest:.1f} s"),
        ("deployments that did not succeed", f"{len(seen.failed)}"),
        ("requests", f"{seen.requests:,}"),
        ("lost", f"{seen.lost:,}"),
        ("replicas killed, of which leaders", f"{seen.kills}, {seen.leaders}"),
        ("longest time without a leader", f"{seen.leaderless:.1f} s"),
        ("writes", f"{seen.writes:,}"),
        ("lost", f"{len(seen.missing):,}"),
    ):
        table.add_row(what, value)
    Console(width=100).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    goal = Goal()
    parser.add_argument("--seconds", type=float, default=goal.seconds)
    parser.add_argument("--requests", type=int, default=goal.requests)
    parser.add_argument("--cycles", type=int, default=goal.cycles)
    parser.add_argument("--rate", type=float, default=goal.rate, help="requests a second")
    parser.add_argument("--kill-every", type=float, default=goal.kill_every, help="seconds")
    raise SystemExit(0 if soak(Goal(**vars(parser.parse_args()))) else 1)


if __name__ == "__main__":
    main()
