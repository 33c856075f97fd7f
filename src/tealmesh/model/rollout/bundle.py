"""The evidence bundle of a deployment: all that was decided, and what on, as JSON.

Times are seconds since the epoch, latencies milliseconds, logarithms natural.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from tealmesh.model.wire import GateVerdict

FORMAT = 1
"""Raised when a member changes its meaning."""


class BundleVersion(TypedDict):
    """One of the two versions."""

    side: str
    image: str


class BundleSide(TypedDict):
    """What callers saw of one side in one window."""

    requests: int
    failures: int
    clientErrors: int
    open: int
    p50: float | None
    p99: float | None
    kinds: Mapping[str, int]


class BundleEvidence(TypedDict):
    """What the comparison of a metric came to at the end of a window, with all windows before."""

    verdict: str
    logEWorse: float
    failAt: float
    logEAlike: float
    logEBelow: float | None
    passAt: float
    phi: float


class BundleWindow(TypedDict):
    """A window of measurement."""

    index: int
    step: int
    startedAt: float
    seconds: float
    weights: Mapping[str, int]
    share: float | None
    """The new side's measured share of the requests, 0 to 1; None without any."""
    old: BundleSide
    new: BundleSide
    compared: bool
    note: str
    evidence: Mapping[str, BundleEvidence]
    """By metric."""


class BundleStep(TypedDict):
    """A step of the strategy."""

    step: int
    weights: Mapping[str, int]
    startedAt: float
    finishedAt: float | None
    expectedShare: float
    share: float | None
    requests: int
    failures: int
    kinds: Mapping[str, int]
    p50: float | None
    p99: float | None
    gates: Sequence[GateVerdict]


class BundleCaller(TypedDict):
    """What one caller saw of one side, in all windows together."""

    caller: str
    side: str
    requests: int
    failures: int
    clientErrors: int


class BundleTask(TypedDict):
    """What callers saw of one task, in all windows together."""

    task: str
    """Its id, or its address and port where that is not known; "others" beyond the busiest."""
    side: str
    requests: int
    failures: int
    clientErrors: int
    p50: float | None
    """From the caller's request to the end of the answer."""
    p99: float | None


class BundleEntry(TypedDict):
    """A transition."""

    sequence: int
    at: float
    transition: str
    status: str
    message: str
    by: str
    """The principal who decided it; empty for what the deployment did by itself."""


class BundleFailedTask(TypedDict):
    """A task of either side that failed meanwhile."""

    task: str
    """Its id."""
    side: str
    at: float
    code: str
    """ECS's stop code."""
    reason: str
    """Why it stopped, with its last log lines, in which secrets' names stand for their values."""


class BundleDefinition(TypedDict):
    """How the two versions' task definitions differ."""

    old: str
    """The ARN; empty if it is not known any more."""
    new: str
    differences: Sequence[str]


class Bundle(TypedDict):
    """All evidence of a deployment."""

    format: int
    deploymentId: str
    service: str
    mesh: str
    group: str
    """The group that it was deployed with; empty if it was deployed alone."""
    kind: str
    status: str
    state: str
    reason: str
    serves: str
    startedBy: str
    startedAt: float
    finishedAt: float | None
    old: BundleVersion
    new: BundleVersion
    desiredCount: int
    strategy: Mapping[str, object]
    gates: Mapping[str, object]
    definition: BundleDefinition
    steps: Sequence[BundleStep]
    windows: Sequence[BundleWindow]
    callers: Sequence[BundleCaller]
    tasks: Sequence[BundleTask]
    failedTasks: Sequence[BundleFailedTask]
    journal: Sequence[BundleEntry]
