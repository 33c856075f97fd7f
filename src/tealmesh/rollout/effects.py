"""The effects that the rollout machine orders, and the events that answer them: frozen data.

Effects are idempotent: performing one twice, or again after a restart, leaves the world as
performing it once does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tealmesh.model.rollout import SideTasks, Traffic


@dataclass(frozen=True)
class EnsureSide:
    """Make the side's virtual node and ECS service exist and run ``image``."""

    side: str
    image: str


@dataclass(frozen=True)
class SetWeights:
    """Give the route exactly these weights.

    Only while every side that gets weight has a healthy task; answer `WeightRefused` otherwise.
    """

    weights: Mapping[str, int]


@dataclass(frozen=True)
class AwaitConverged:
    """Wait until every Envoy of the mesh has acknowledged ``revision``."""

    revision: int


@dataclass(frozen=True)
class Observe:
    """Look at the tasks of both sides, and at what callers saw since ``since``."""

    since: float


@dataclass(frozen=True)
class StopSide:
    """Drain the side's ECS service and clean up after it."""

    side: str


Effect = EnsureSide | SetWeights | AwaitConverged | Observe | StopSide


@dataclass(frozen=True)
class SideEnsured:
    """The side's virtual node and ECS service are as ordered."""


@dataclass(frozen=True)
class WeightsSet:
    """The route has the weights."""

    revision: int
    """The store revision that has them."""
    at: float
    """When the call was made."""


@dataclass(frozen=True)
class WeightRefused:
    """A side that would get weight has no healthy task; the weights are as before."""

    side: str


@dataclass(frozen=True)
class ConvergenceSeen:
    """How far the Envoys are with the weights."""

    converged: bool
    at: float
    waiting: tuple[str, ...] = ()
    """The Envoys that have not acknowledged."""
    rejected: tuple[str, ...] = ()
    """The Envoys that refused, each with its message."""


@dataclass(frozen=True)
class Observed:
    """Both sides' tasks and traffic."""

    old: SideTasks
    new: SideTasks
    old_traffic: Traffic = field(default_factory=Traffic)
    new_traffic: Traffic = field(default_factory=Traffic)
    explanation: str = ""
    """Why the new side's tasks stopped, with their last log lines; empty if none did."""


@dataclass(frozen=True)
class SideStopped:
    """The side has been told to stop."""

    gone: bool
    """Whether nothing of it runs any more; it still drains otherwise."""


@dataclass(frozen=True)
class NotReady:
    """The effect cannot be performed yet, though nothing is wrong."""

    waiting_for: str
    """What has to happen first, completing "waiting for …"."""


@dataclass(frozen=True)
class EffectFailed:
    """The effect could not be performed."""

    message: str
    retryable: bool
    """Whether it may succeed later."""


@dataclass(frozen=True)
class Approved:
    """A person approved the deployment."""


@dataclass(frozen=True)
class AbortAsked:
    """A person asked for a rollback."""

    by: str


@dataclass(frozen=True)
class Resumed:
    """The control plane has restarted: waits and windows begin again."""


Event = (
    SideEnsured
    | WeightsSet
    | WeightRefused
    | ConvergenceSeen
    | Observed
    | SideStopped
    | NotReady
    | EffectFailed
    | Approved
    | AbortAsked
    | Resumed
)
