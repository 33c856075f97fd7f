"""What the machine asks for, and what it is told: plain frozen data.

Effects are idempotent descriptions: performing one twice, or again after a restart, leaves the
world as performing it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tealmesh.model.rollout import SideTasks, Traffic


@dataclass(frozen=True)
class EnsureSide:
    """The side's virtual node and ECS service exist and run ``image``."""

    side: str
    image: str


@dataclass(frozen=True)
class SetWeights:
    """The route has exactly these weights. Must not be performed unless every side that gets
    weight has a healthy task: tell `WeightRefused` instead.
    """

    weights: Mapping[str, int]


@dataclass(frozen=True)
class AwaitConverged:
    """Every Envoy of the mesh has acknowledged ``revision``."""

    revision: int


@dataclass(frozen=True)
class Observe:
    """Look at the tasks of both sides, and at what callers saw since ``since``."""

    since: float


@dataclass(frozen=True)
class StopSide:
    """The side's ECS service is drained and gone."""

    side: str


Effect = EnsureSide | SetWeights | AwaitConverged | Observe | StopSide


@dataclass(frozen=True)
class SideEnsured:
    pass


@dataclass(frozen=True)
class WeightsSet:
    """Done, at this revision of the store; ``at`` is when the call was made."""

    revision: int
    at: float


@dataclass(frozen=True)
class WeightRefused:
    """A side that would get weight has no healthy task."""

    side: str


@dataclass(frozen=True)
class ConvergenceSeen:
    """``waiting`` and ``rejected`` name Envoys, the latter with Envoy's message."""

    converged: bool
    at: float
    waiting: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observed:
    old: SideTasks
    new: SideTasks
    old_traffic: Traffic = field(default_factory=Traffic)
    new_traffic: Traffic = field(default_factory=Traffic)
    explanation: str = ""
    """Why the new side's tasks stopped, with their last log lines; empty when none did."""


@dataclass(frozen=True)
class SideStopped:
    """``gone``: nothing of it runs any more; else it still drains."""

    gone: bool


@dataclass(frozen=True)
class EffectFailed:
    """An effect could not be performed. ``retryable``: the same may work later."""

    message: str
    retryable: bool


@dataclass(frozen=True)
class Approved:
    pass


@dataclass(frozen=True)
class AbortAsked:
    by: str


@dataclass(frozen=True)
class Resumed:
    """The control plane has started again: waits and windows begin anew."""


Event = (
    SideEnsured
    | WeightsSet
    | WeightRefused
    | ConvergenceSeen
    | Observed
    | SideStopped
    | EffectFailed
    | Approved
    | AbortAsked
    | Resumed
)
