"""Runs the rehearsals of a service, one fault after the other, and tells what became of each."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.cli.demo.system import Plane
from tealmesh.cli.following.follow import FINAL_STATUSES
from tealmesh.cli.following.ready import wait_ready
from tealmesh.cli.rehearse.callers import Callers, Seen
from tealmesh.cli.rehearse.killing import kill_envoy
from tealmesh.model.errors import NoControlPlane, TealError

if TYPE_CHECKING:
    from tealmesh.cli.rehearse.faults import Fault
    from tealmesh.cli.rehearse.stage import Stage
    from tealmesh.model import wire

READY_SECONDS = 120.0
POLL_SECONDS = 0.2
WITH_WEIGHT = ("MEASURING", "BAKING")
"""The states in which something is killed: the new side gets requests."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Played:
    """What became of a rehearsal."""

    fault: Fault
    status: str
    reason: str
    seconds: float
    """From the start of the deployment to its end."""
    seen: Seen

    @property
    def as_it_should(self) -> bool:
        """Whether the deployment ended as it should, and the machinery lost nothing."""
        if self.fault.succeeds:
            return self.status == "SUCCESSFUL" and not self.seen.failed
        return self.status == "ROLLBACK_SUCCESSFUL"


def rehearse(
    stage: Stage, faults: Sequence[Fault], rate: float, limit: float, say: Say
) -> list[Played]:
    """Run the rehearsals on a control plane of their own, and remove it. ``limit``: the longest
    time for a deployment, in seconds. Raises TealError if the system does not start.
    """
    directory = Path(tempfile.mkdtemp(prefix="teal-rehearsal-"))
    plane = Plane(directory)
    callers = Callers(stage.url, rate)
    began = False
    try:
        say("starting a control plane and the system")
        plane.start()
        source = stage.directory
        plane.client.apply(stage.toml(tuple(faults)), str(stage.file), source)
        wait_ready(plane.client, {*stage.config.services, *stage.config.gateways}, READY_SECONDS)
        callers.start()
        began = True
        _first_answers(callers, stage, say)
        return [_play(plane, stage, fault, callers, limit, say) for fault in faults]
    finally:
        if began:
            callers.stop()
        say("stopping the system")
        plane.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _first_answers(callers: Callers, stage: Stage, say: Say) -> None:
    """Raises TealError unless the present version answers well."""
    began = time.time()
    say(f"requests to {stage.url}")
    time.sleep(1.0)
    seen = callers.since(began + 0.5)
    if seen.failed or not seen.requests:
        why = ", ".join(f"{count} {reason}" for reason, count in seen.failures.most_common(3))
        raise TealError(
            f"the present version does not answer well: {why or 'no request was answered'}: "
            "choose another path with --path"
        )


def _play(
    plane: Plane, stage: Stage, fault: Fault, callers: Callers, limit: float, say: Say
) -> Played:
    say(f"{fault.name}: {fault.words}")
    began, at = time.monotonic(), time.time()
    image, token = stage.faulty_image(fault), uuid.uuid4().hex
    started = plane.client.deploy(stage.service, image, client_token=token)["deployment"]
    ended = _until_ended(plane, stage, fault, started["deploymentId"], began + limit)
    seconds = time.monotonic() - began
    if ended["status"] not in FINAL_STATUSES:
        reason = f"not ended after {limit:.0f} s, waiting for {ended.get('waitingFor', '')}"
        raise TealError(f"{fault.name}: {reason}")
    return Played(fault, ended["status"], ended.get("reason", ""), seconds, callers.since(at))


def _until_ended(
    plane: Plane, stage: Stage, fault: Fault, identity: str, deadline: float
) -> wire.Deployment:
    due = fault.killed
    while True:
        try:
            deployment = plane.client.get_deployment(stage.service, identity)
        except NoControlPlane:
            plane.start()
            continue
        if deployment["status"] in FINAL_STATUSES or time.monotonic() > deadline:
            return deployment
        if due == "control-plane" and deployment["state"] in WITH_WEIGHT:
            plane.kill()
            due = None
        if due == "envoy" and deployment["state"] in WITH_WEIGHT:
            node = f"{stage.service}-{deployment['newSide']}"
            due = None if kill_envoy(plane.directory / "data", node) else due
        time.sleep(POLL_SECONDS)
