"""One run of the swarm: both processes, a storm, some pushes, and what they cost."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.machine import free_port

from bench.measurement import quantile
from bench.swarm import world
from bench.swarm.processes import Process, process
from tealmesh.model.identity.keys import Keys


@dataclass(frozen=True)
class Shape:
    """What is measured."""

    envoys: int
    delta: bool = True
    addressed: bool = True
    """Whether each task has an address of its own, as processes of one machine do."""
    flush: float = 0.0
    """Seconds between two reports of an Envoy; 0 for none."""
    pushes: int = 3
    profile: str = ""
    """Where to write profiles of storm and pushes; the figures are not comparable then."""
    tree: Path | None = None
    """Of a former commit, whose control plane it is; None for the present one."""
    idle: float = 0.0
    """Seconds for which nothing changes, to see what that costs."""


@dataclass(frozen=True)
class Result:
    """What it cost. Seconds of CPU are the control plane's."""

    storm: float
    storm_cpu: float
    refused: int
    pushes: Sequence[Sequence[float]]
    """Of each push, the seconds until each Envoy had the routes."""
    push_cpu: float
    translations: float
    stream_kb: float
    closing_cpu: float
    swarm_cpu: float
    """Of the Envoys' process, in the storm."""
    idle_cpu: float
    """Seconds of CPU a second."""

    def push_ms(self, q: float) -> float:
        """A quantile of all pushes, in milliseconds; 1 for the last Envoy."""
        return quantile([one for push in self.pushes for one in push], q) * 1000


def run(shape: Shape) -> Result:
    """Run a control plane and a swarm."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as directory,
        process(
            "bench.swarm.plane", directory, str(port), str(shape.envoys), tree=shape.tree
        ) as control_plane,
        process("bench.swarm.envoys") as swarm,
    ):
        control_plane.hear()
        swarm.say(_config(shape, port))
        return _measure(shape, control_plane, swarm)


def _config(shape: Shape, port: int) -> str:
    keys = Keys.of(world.MASTER, world.OWNER)
    made = world.envoys(shape.envoys, keys, addressed=shape.addressed)
    envoys = [(one.node_id, one.task, one.token, one.address) for one in made]
    config = {"ports": [port], "delta": shape.delta, "flush": shape.flush, "envoys": envoys}
    return json.dumps(config)


def _measure(shape: Shape, control_plane: Process, swarm: Process) -> Result:
    before = control_plane.ask("usage")
    if shape.profile:
        control_plane.ask("profile")
    storm = swarm.ask("storm")
    control_plane.ask("weigh 1")  # all have acknowledged what they have
    if shape.profile:
        control_plane.ask(f"profile {shape.profile}.storm")
    after = control_plane.ask("usage")
    if shape.profile:
        control_plane.ask("profile")
    pushes, cpu, translations = [], 0.0, 0
    for number in range(shape.pushes):
        swarm.ask("await")
        control_plane.say(f"weigh {number + 2}")
        seen = swarm.hear()
        pushed = control_plane.hear()
        pushes.append([at - pushed["began"] for at in seen["at"]])
        cpu += pushed["cpu"]
        translations += pushed["translations"]
    if shape.profile:
        control_plane.ask(f"profile {shape.profile}.push")
    idle = _idle(shape, control_plane)
    last = control_plane.ask("usage")
    swarm.ask("drop")
    # A former one has no such order, and what it costs to close was not measured well.
    closed = last if shape.tree else control_plane.ask("left")
    return Result(
        storm=storm["seconds"],
        storm_cpu=after["cpu"] - _after(before),
        refused=sum(storm["refused"].values()),
        pushes=pushes,
        push_cpu=cpu / shape.pushes,
        translations=translations / shape.pushes,
        stream_kb=(last["rss"] - before["rss"]) / 1024 / shape.envoys,
        closing_cpu=closed["cpu"] - last["cpu"] if shape.tree else closed["cpu"] - _after(last),
        swarm_cpu=storm["cpu"],
        idle_cpu=idle,
    )


def _after(usage: Mapping[str, Any]) -> float:
    """Seconds of CPU once it was looked at; a former commit does not tell."""
    used: float = usage.get("after", usage["cpu"])
    return used


def _idle(shape: Shape, control_plane: Process) -> float:
    if not shape.idle:
        return 0.0
    before, began = _after(control_plane.ask("usage")), time.monotonic()
    time.sleep(shape.idle)
    used: float = control_plane.ask("usage")["cpu"] - before
    return used / (time.monotonic() - began)
