"""Where the seconds of a deployment go: a canary of three steps and a blue/green deployment of the
sample under the load of ``teal demo``, with steps and bake time of one second.

Prints every transition with the time that its state took, and what the tasks did meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from tests.support.waiting import until

from bench.measurement import Measurement
from tealmesh.app.lost_state import DATABASE
from tealmesh.cli.demo.ledger import Ledger
from tealmesh.cli.demo.play import LEAST_RATE, REDUCED_LOAD, SLOW_MACHINE
from tealmesh.cli.demo.system import LoadProcess, Plane, System
from tealmesh.cli.following.follow import FINAL_STATUSES
from tealmesh.store import tables

if TYPE_CHECKING:
    from tealmesh.model import wire

RATE = 2000.0
"""Requests per second, as ``teal demo`` begins with."""
STEP, BAKE = 1.0, 1.0
ORDERED: Mapping[str, float] = {"canary": 3 * STEP + BAKE, "bluegreen": STEP + BAKE}
"""The seconds that are ordered: a blue/green deployment has one step."""
PROMISED: Mapping[str, float] = {"canary": 10.0, "bluegreen": 5.0}
DEADLINE_SECONDS = 120.0
POLL_SECONDS = 0.1
BEFORE_SECONDS = 5.0


@dataclass(frozen=True)
class Event:
    """Something that happened, at a wall time."""

    at: float
    what: str
    of_task: bool = False


def measure() -> list[Measurement]:
    """The seconds of both deployments, against those that were ordered."""
    measured: list[Measurement] = []
    with running() as (plane, ledger):
        lost, sent = ledger.failed, ledger.total
        for strategy, image in (("canary", "0.0.2"), ("bluegreen", "0.0.1")):
            deployment, events = deploy(plane, strategy, f"example/sample:{image}")
            took = events[-1].at - events[0].at
            _show(strategy, deployment, events, took)
            if deployment["status"] != "SUCCESSFUL":
                raise SystemExit(f"bench: {deployment['status']}: {deployment.get('reason', '')}")
            measured.append(
                Measurement(
                    f"{strategy} with steps and bake time of 1 s",
                    took,
                    "s",
                    ORDERED[strategy],
                    "steps and bake time",
                    PROMISED[strategy],
                )
            )
    lost, sent = ledger.failed - lost, ledger.total - sent
    for reason, count in ledger.everything().failures.items():
        print(f"{count} requests: {reason}", file=sys.stderr)
    measured.append(
        Measurement(
            "requests lost in both", float(lost), "requests", float(sent), "requests sent", 1
        )
    )
    return measured


@contextlib.contextmanager
def running() -> Iterator[tuple[Plane, Ledger]]:
    """The sample under load."""
    with tempfile.TemporaryDirectory() as directory:
        plane, ledger = Plane(Path(directory)), Ledger()
        plane.start()
        try:
            system = System(plane)
            system.apply(step_time=STEP, bake_time=BAKE)
            system.wait_answering()
            targets = [(f"{system.gateway}/", 0.8), (f"{system.gateway}/front", 0.2)]
            load = load_of(targets, RATE, ledger)
            try:
                yield plane, ledger
            except BaseException:
                load.kill()
                raise
            load.stop()
        finally:
            plane.stop()


def load_of(targets: Sequence[tuple[str, float]], rate: float, ledger: Ledger) -> LoadProcess:
    """Send ``rate`` requests a second to URLs, each its share, or what this machine can answer, for
    some seconds before anything is deployed: what is compared needs a before.
    """
    while True:
        answered_before = ledger.total
        load = LoadProcess([(url, rate * share) for url, share in targets], ledger.add)
        # On a busy machine its program takes long to start.
        until(partial(_answered, ledger, answered_before))
        began = time.time()
        time.sleep(BEFORE_SECONDS)
        end = began + BEFORE_SECONDS - 0.5
        answered = ledger.between(began + 1.0, end).requests / (end - began - 1.0)
        print(f"{answered:,.0f} of {rate:,.0f} requests a second", file=sys.stderr)
        if answered >= SLOW_MACHINE * rate or rate < LEAST_RATE:
            return load
        load.stop()
        rate = min(answered, rate) * REDUCED_LOAD


def _answered(ledger: Ledger, before: int) -> bool:
    return ledger.total > before


def deploy(plane: Plane, strategy: str, image: str) -> tuple[wire.Deployment, list[Event]]:
    """Deploy an image of ``web`` and wait until it has ended; the deployment, and what happened."""
    began = plane.client.deploy("web", image, strategy, client_token=uuid.uuid4().hex)["deployment"]
    identity, deadline = began["deploymentId"], time.monotonic() + DEADLINE_SECONDS
    entries: list[wire.JournalEntry] = []
    waits: list[Event] = []
    while (deployment := plane.client.get_deployment("web", identity))[
        "status"
    ] not in FINAL_STATUSES:
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: the deployment waits for {deployment.get('waitingFor')}")
        after = entries[-1]["sequence"] if entries else 0
        if (why := deployment.get("waitingFor", "")) and (not waits or why != waits[-1].what):
            waits.append(Event(time.time(), why, of_task=True))
        entries += plane.client.list_journal("web", identity, after=after)
        time.sleep(POLL_SECONDS)
    after = entries[-1]["sequence"] if entries else 0
    entries += plane.client.list_journal("web", identity, after=after)
    events = [Event(entry["at"], entry["transition"]) for entry in entries]
    events += waits
    events += _of_tasks(plane, events[0].at)
    return deployment, sorted(events, key=lambda event: event.at)


def _of_tasks(plane: Plane, since: float) -> list[Event]:
    """What the tasks of the service did since a time, by the audit: each phase of their lives."""
    with contextlib.closing(sqlite3.connect(plane.directory / "data" / DATABASE)) as state:
        rows = state.execute(
            "SELECT at, operation, changes FROM audit WHERE at >= ? AND operation LIKE 'Task%'",
            (since,),
        ).fetchall()
    return [
        Event(at, f"task {key[-4:]} {operation.removeprefix('Task').lower()}", of_task=True)
        for at, operation, changes in rows
        for collection, key, _ in json.loads(changes)
        if collection == tables.TASKS
    ]


def _show(strategy: str, deployment: wire.Deployment, events: list[Event], took: float) -> None:
    ordered = ORDERED[strategy]
    table = Table("at", "took", "transition or task", box=None, title=f"{strategy}: {took:.2f} s")
    transitions = [event for event in events if not event.of_task]
    for event in events:
        following = next((e.at for e in transitions if e.at > event.at), None)
        took_state = "" if event.of_task or following is None else f"{following - event.at:.2f}"
        what = f"    {event.what}" if event.of_task else event.what
        table.add_row(f"{event.at - events[0].at:6.2f}", took_state, what)
    out = Console(file=sys.stderr, width=100)
    out.print(table)
    out.print(f"{deployment['status']}; {took / ordered:.2f} times the {ordered:g} s ordered\n")
