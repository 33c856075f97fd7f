"""The four steps of a release that operators make by hand, followed. Pure.

1. The new side starts, without requests. 2. Both get requests. 3. The old side gets none.
4. The old side is removed, and its place is free for the next release. `follow` says at which step
a service is, and whether the next one would lose requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import GateResult, SideTasks, Traffic, Verdict
from tealmesh.rollout.gates import assess


class Step(IntEnum):
    """What has been done."""

    ONE_SIDE = 0
    """Nothing yet, or all four: one side exists and gets all requests."""
    STARTED = 1
    """The new side has started and gets no request."""
    SHARED = 2
    """Both sides get requests."""
    MOVED = 3
    """The old side gets no request any more, but is still there."""


@dataclass(frozen=True)
class SideNow:
    """One side as it stands."""

    name: str
    exists: bool
    """Whether it has a virtual node or tasks."""
    weight: int
    tasks: SideTasks
    traffic: Traffic
    """What callers saw of it in the window."""
    targeted: bool = True
    """Whether the route names it. If it does not, no caller sends to it or reports on it; once it
    is given weight, callers get to know its endpoints before the route (`xds.protocol.barrier`).
    """
    since: float = 0.0
    """When it was started (epoch seconds); the newer side is the one being released."""


@dataclass(frozen=True)
class Followed:
    """At which step a service is, and what the next would do."""

    step: Step
    summary: str
    """For people, such as "green has started and gets no requests"."""
    following: str
    """What the next step is, for people."""
    safe: bool
    """Whether the next step loses no request."""
    gates: tuple[GateResult, ...]
    """What that was judged by."""


def follow(
    sides: Sequence[SideNow], gates: Gates, *, converged: bool, window_end: float
) -> Followed | None:
    """None where the service is not between these steps: without weight, or with more than two
    sides that exist.

    ``converged``: whether every Envoy of the mesh runs with the present weights. ``window_end``:
    the time up to which reports of the callers are asked for (epoch seconds).
    """
    present = [side for side in sides if side.exists]
    weighted = [side for side in present if side.weight]
    if not weighted or len(present) > 2:
        return None
    acknowledged = assess.convergence(converged, (), ())
    if len(present) == 1:
        return _one_side(present[0], sides)
    if len(weighted) == 2:
        old, new = sorted(present, key=lambda side: side.since)
        return _shared(old, new, gates, acknowledged)
    (live,) = weighted
    idle = next(side for side in present if side is not live)
    if idle.since > live.since:
        return _started(live, idle, acknowledged)
    return _moved(idle, live, acknowledged, window_end)


def _one_side(live: SideNow, sides: Sequence[SideNow]) -> Followed:
    other = next((side.name for side in sides if side is not live), "the other side")
    return _followed(
        Step.ONE_SIDE,
        f"{live.name} gets all requests",
        f"start {other} without weight",
        (assess.tasks(live.tasks, live.tasks.desired),),
    )


def _started(live: SideNow, new: SideNow, acknowledged: GateResult) -> Followed:
    wanted = max(1, live.tasks.desired)
    gates = [acknowledged, assess.tasks(new.tasks, wanted)]
    if new.targeted:
        gates.append(assess.endpoints(new.traffic, wanted))
    return _followed(
        Step.STARTED,
        f"{new.name} has started and gets no requests",
        f"give weight to {new.name}",
        tuple(gates),
    )


def _shared(old: SideNow, new: SideNow, gates: Gates, acknowledged: GateResult) -> Followed:
    expected = new.weight / (old.weight + new.weight)
    return _followed(
        Step.SHARED,
        f"{new.name} gets {expected:.0%} by weight, {old.name} the rest",
        f"take all weight from {old.name}",
        (
            acknowledged,
            assess.tasks(new.tasks, max(1, new.tasks.desired)),
            assess.share(old.traffic, new.traffic, expected, gates.min_requests),
            assess.success_rate(new.traffic, gates.success_rate, gates.min_requests),
        ),
    )


def _moved(old: SideNow, new: SideNow, acknowledged: GateResult, window_end: float) -> Followed:
    gates = [acknowledged, assess.tasks(new.tasks, max(1, new.tasks.desired))]
    if old.targeted or old.traffic.reporters:
        gates.append(assess.silence(old.traffic, window_end))
    return _followed(
        Step.MOVED,
        f"{new.name} gets all requests, {old.name} none",
        f"remove {old.name}",
        tuple(gates),
    )


def _followed(step: Step, summary: str, following: str, gates: tuple[GateResult, ...]) -> Followed:
    safe = all(gate.verdict is Verdict.PASS for gate in gates)
    return Followed(step, summary, following, safe, gates)
