"""Waits until all tasks of applied services are healthy, and says why some are not."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.cli.screens.waiting import Waiting, waiting
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

_POLL_SECONDS = 0.1
OTHERS_SECONDS = 2.0
"""So long others that lack tasks may still fail, after the first has."""


@dataclass(frozen=True)
class Shortage:
    """A side, a gateway, a virtual service or an ECS service with fewer tasks than desired."""

    owner: str
    """``service NAME``, ``gateway NAME``, ``virtual service NAME``, ``ECS service NAME``."""
    count: str
    """How many tasks are there, in words."""
    why: str
    """The reason of the last task that stopped by itself, or else where to look."""
    gave_up: bool
    """ECS starts no more tasks."""

    def __str__(self) -> str:
        return f"{self.owner}: {self.count}: {self.why}"


def shortages(
    status: wire.GetStatusOutput, names: Collection[str] | None = None
) -> Iterator[Shortage]:
    """What lacks tasks: gateways, sides with weight, virtual services and ECS services, and sides
    without weight whose tasks fail.

    ``names``: only the gateways and the sides with weight of these services; None for all.
    """
    for service in status["services"]:
        if "removing" in service or (names is not None and service["name"] not in names):
            continue
        for side in service["sides"]:
            tasks = f"of {side['desired']} tasks of {side['side']}"
            pending = side.get("pending", 0)
            short = side["healthy"] < max(side["desired"], 1)
            failing = names is None and "reason" in side and side["healthy"] < side["desired"]
            if failing or (side["weight"] and (short or pending)):
                count = (
                    f"{side['healthy']} {tasks} are healthy"
                    if short
                    else f"{pending} {tasks} are still to be replaced"
                )
                yield _shortage(f"service {service['name']}", count, side)
    for gateway in status["gateways"]:
        desired = max(gateway.get("desired", 1), 1)
        wanted = "removing" not in gateway and (names is None or gateway["name"] in names)
        if wanted and gateway["running"] < desired:
            count = f"{gateway['running']} of {desired} tasks are running"
            yield _shortage(f"gateway {gateway['name']}", count, gateway)
    if names is None:
        yield from _other_shortages(status)


def _other_shortages(status: wire.GetStatusOutput) -> Iterator[Shortage]:
    for virtual in status.get("virtualServices", []):
        for node in virtual["nodes"]:
            if node["healthy"] < node["desired"]:
                count = f"{node['healthy']} of {node['desired']} tasks are healthy"
                yield _shortage(f"virtual service {virtual['name']}", count, node)
    for service in status.get("ecsServices", []):
        if service["running"] < service["desired"]:
            count = f"{service['running']} of {service['desired']} tasks are running"
            owner = f"ECS service {service['cluster']}/{service['name']}"
            yield _shortage(owner, count, service)


def wait_ready(client: Client, names: Collection[str], seconds: float) -> wire.GetStatusOutput:
    """Wait until the services and gateways of these names have all their tasks.

    Returns the last status. Raises TealError after ``seconds``, or as soon as ECS has given up on
    a service or gateway.
    """
    with waiting("waiting until every task is healthy") as told:
        return _ready(client, names, seconds, told)


def _ready(
    client: Client, names: Collection[str], seconds: float, told: Waiting
) -> wire.GetStatusOutput:
    started, gave_up, said = time.monotonic(), 0.0, False
    while True:
        status = client.get_status()
        missing = list(shortages(status, names))
        if not missing:
            return status
        now = time.monotonic()
        failures = [str(shortage) for shortage in missing if shortage.gave_up]
        gave_up = gave_up or (now if failures else 0.0)
        # Others may be about to fail: they are named too.
        if failures and (len(failures) == len(missing) or now > gave_up + OTHERS_SECONDS):
            break
        if not failures and now > started + seconds:
            failures = [f"{s.owner}: {s.count} after {seconds:g} s: {s.why}" for s in missing]
            break
        if not said and not failures and not told.drawn:
            told.say("waiting until every task is healthy…")
            said = True
        listed = "; ".join(f"{shortage.owner}: {shortage.count}" for shortage in missing)
        told.now(f"waiting: {listed}")
        time.sleep(_POLL_SECONDS)
    *others, last = failures
    for failure in others:
        told.say(f"teal: {failure}")
    raise TealError(last)


def _shortage(
    owner: str,
    count: str,
    part: wire.SideStatus | wire.GatewayStatus | wire.NodeStatus | wire.EcsServiceStatus,
) -> Shortage:
    # The reason can quote several lines of the application's log.
    reason = " ".join(part.get("reason", "").split())
    kind, _, name = owner.rpartition(" ")
    look = "see `teal envoys`" if kind == "gateway" else f"see `teal logs {name}`"
    return Shortage(owner, count, reason or look, part.get("gaveUp", False))
