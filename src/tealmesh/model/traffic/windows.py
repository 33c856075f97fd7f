"""Windows of measurement: what callers saw of both sides of a service between two looks, as frozen
data and as the store keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypedDict, cast

from tealmesh.model.teal import known_members

ACTOR = "measurement"
"""Who writes windows into the store."""

REPORT_SECONDS = 0.25
"""How often an Envoy reports, at most (`envoy.reporting`), unless ENVOY_STATS_FLUSH_INTERVAL says
otherwise."""


class CountsBody(TypedDict):
    """A `Counts`."""

    requests: int
    failures: int
    client_errors: int


class TaskWindowBody(TypedDict):
    """A `TaskWindow`."""

    requests: int
    failures: int
    client_errors: int
    timed: int
    buckets: Sequence[int]


class SideWindowBody(TypedDict):
    """A `SideWindow`."""

    requests: int
    failures: int
    client_errors: int
    open: int
    active: int
    started: int
    timed: int
    bounds: Sequence[float]
    buckets: Sequence[int]
    kinds: Mapping[str, int]
    by_caller: Mapping[str, CountsBody]
    by_second: Sequence[CountsBody]
    latency_by_second: Sequence[Sequence[int]]
    by_part: Mapping[str, Sequence[CountsBody]]
    part_bounds: Sequence[float]
    latency_by_part: Mapping[str, Sequence[Sequence[int]]]
    by_task: Mapping[str, TaskWindowBody]
    task_bounds: Sequence[float]


class JudgedBody(TypedDict):
    """A `Judged`."""

    verdict: str
    log_e_worse: float
    fail_at: float
    log_e_alike: float
    log_e_below: float | None
    pass_at: float
    phi: float


class UsualBody(TypedDict):
    """A `model.rollout.comparison.Usual`."""

    requests: float
    bad: float


class SinceBody(TypedDict):
    """A `model.rollout.comparison.Since`."""

    usual: UsualBody
    limit: float
    logs: Sequence[float]
    requests: int
    bad: int


class WindowBody(TypedDict):
    """A `Window`."""

    index: int
    step: int
    started_at: float
    seconds: float
    weights: Mapping[str, int]
    old: SideWindowBody
    new: SideWindowBody
    compared: bool
    note: str
    judged: Mapping[str, JudgedBody]


@dataclass(frozen=True)
class Counts:
    """How many requests ended, and how."""

    requests: int = 0
    """Requests that were answered or failed."""
    failures: int = 0
    """Those of them that failed, as docs/gates.md says."""
    client_errors: int = 0
    """Those of them that were answered with a 4xx, or with gRPC's equivalents; never failures."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.requests + other.requests,
            self.failures + other.failures,
            self.client_errors + other.client_errors,
        )


@dataclass(frozen=True)
class TaskWindow:
    """What callers saw of one task. Requests count when they have ended."""

    requests: int = 0
    failures: int = 0
    client_errors: int = 0
    timed: int = 0
    """Those whose duration was measured, from the caller's request to the end of the answer."""
    buckets: tuple[int, ...] = ()
    """For each of `SideWindow.task_bounds`, those of them up to it."""

    def __add__(self, other: TaskWindow) -> TaskWindow:
        return self._with(other, 1)

    def __sub__(self, other: TaskWindow) -> TaskWindow:
        return self._with(other, -1)

    def _with(self, other: TaskWindow, sign: int) -> TaskWindow:
        buckets = self.buckets or (0,) * len(other.buckets)
        if other.buckets and len(other.buckets) == len(buckets):
            buckets = tuple(a + sign * b for a, b in zip(buckets, other.buckets, strict=True))
        return TaskWindow(
            self.requests + sign * other.requests,
            self.failures + sign * other.failures,
            self.client_errors + sign * other.client_errors,
            self.timed + sign * other.timed,
            buckets,
        )


@dataclass(frozen=True)
class SideWindow:
    """What callers saw of one side in a window."""

    requests: int = 0
    """Requests that were answered or failed."""
    failures: int = 0
    """Those of them that failed, as docs/gates.md says."""
    client_errors: int = 0
    """Those of them that were answered with a 4xx, or with gRPC's equivalents; never failures."""
    open: int = 0
    """Requests in flight without an answer at the end of the window, at least."""
    active: int = 0
    """Requests in flight at its end, among them answers and streams on their way."""
    started: int = 0
    """Attempts that began in the window, including retries."""
    timed: int = 0
    """Answers whose latency was measured; Envoy times only part of them."""
    bounds: tuple[float, ...] = ()
    """Upper bounds of the latency's buckets, rising, in milliseconds."""
    buckets: tuple[int, ...] = ()
    """For each bound, the timed answers up to it; those above the last are in ``timed`` only."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures by kind, such as ``timed out``; they add up to ``failures``."""
    by_caller: Mapping[str, Counts] = field(default_factory=dict)
    """By the caller's task, or node id. Those beyond the busiest are together in "others"."""
    by_second: tuple[Counts, ...] = ()
    """Second by second from the first report of the window on, all callers together: the same
    seconds on both sides, quiet ones included. Empty if it is not known so finely."""
    latency_by_second: tuple[tuple[int, ...], ...] = ()
    """For the same seconds, ``buckets`` and ``timed`` of each; nothing for a second without timed
    answers."""
    by_part: Mapping[str, tuple[Counts, ...]] = field(default_factory=dict)
    """Second by second, the same on both sides, by the name of each part that is watched."""
    part_bounds: tuple[float, ...] = ()
    """Upper bounds of the parts' latency, rising, in milliseconds; empty if it is unknown."""
    latency_by_part: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """By the name of each part, second by second, its answers up to each of `part_bounds`, and all
    that were timed; nothing for a second without any."""
    by_task: Mapping[str, TaskWindow] = field(default_factory=dict)
    """By the task's id, or by its address and port where it is not known. Those beyond the busiest
    are together in "others". Empty where callers' Envoys cannot tell, as with TCP."""
    task_bounds: tuple[float, ...] = ()
    """Upper bounds of their durations' buckets, rising, in milliseconds."""

    @property
    def counts(self) -> Counts:
        return Counts(self.requests, self.failures, self.client_errors)

    @classmethod
    def from_json(cls, body: SideWindowBody) -> SideWindow:
        """The side that the store keeps. Members of later versions are ignored."""
        known = known_members(cls, body)
        callers = body.get("by_caller", {}).items()
        known["bounds"] = tuple(body.get("bounds", ()))
        known["buckets"] = tuple(body.get("buckets", ()))
        known["by_caller"] = {caller: _counts(counts) for caller, counts in callers}
        parts = body.get("by_part", {}).items()
        known["by_part"] = {part: tuple(map(_counts, seconds)) for part, seconds in parts}
        known["part_bounds"] = tuple(body.get("part_bounds", ()))
        timed = body.get("latency_by_part", {}).items()
        known["latency_by_part"] = {part: tuple(map(tuple, seconds)) for part, seconds in timed}
        tasks = body.get("by_task", {}).items()
        known["by_task"] = {task: _task(one) for task, one in tasks}
        known["task_bounds"] = tuple(body.get("task_bounds", ()))
        known["by_second"] = tuple(_counts(counts) for counts in body.get("by_second", ()))
        known["latency_by_second"] = tuple(map(tuple, body.get("latency_by_second", ())))
        return cls(**known)


@dataclass(frozen=True)
class Judged:
    """What the comparison of a metric came to at the end of a window, with all windows before.
    Logarithms are natural; what they mean is in docs/design/024."""

    verdict: str
    """PASS, FAIL or NEED_DATA."""
    log_e_worse: float
    """How strong the evidence is that the new side is worse."""
    fail_at: float
    """FAIL when ``log_e_worse`` reaches this."""
    log_e_alike: float
    """How strong it is that the new side is not twice as bad."""
    log_e_below: float | None
    """How strong it is that the new side is as good as the objective says; None without one."""
    pass_at: float
    """PASS when one of the two reaches this."""
    phi: float
    """How much the old side's bad requests come in bursts: 1 for one by one."""


@dataclass(frozen=True)
class Window:
    """What callers saw of both sides between two looks."""

    index: int
    """Counts a deployment's windows, from 0."""
    step: int
    """Index of the step in the strategy's steps."""
    started_at: float
    """Seconds since the epoch."""
    seconds: float
    """How long it lasted."""
    weights: Mapping[str, int]
    """By side, the weights that every Envoy ran meanwhile."""
    old: SideWindow
    new: SideWindow
    compared: bool = True
    """Whether the sides were compared by it."""
    note: str = ""
    """Why they were not, for people."""
    judged: Mapping[str, Judged] = field(default_factory=dict)
    """By metric, what the comparison came to."""

    def to_json(self) -> WindowBody:
        """The body that the store keeps."""
        return cast("WindowBody", asdict(self))

    @classmethod
    def from_json(cls, body: WindowBody) -> Window:
        """The window that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        known["old"] = SideWindow.from_json(body["old"])
        known["new"] = SideWindow.from_json(body["new"])
        known["judged"] = {
            metric: Judged(**known_members(Judged, judged))
            for metric, judged in body.get("judged", {}).items()
        }
        return cls(**known)


def _counts(body: CountsBody) -> Counts:
    return Counts(**known_members(Counts, body))


def _task(body: TaskWindowBody) -> TaskWindow:
    return TaskWindow(**{**known_members(TaskWindow, body), "buckets": tuple(body["buckets"])})
