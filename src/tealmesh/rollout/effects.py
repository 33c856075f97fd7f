"""The effects that the rollout machine orders, and the events that answer them: frozen data.

Effects are idempotent: performing one twice, or again after a restart, leaves the world as
performing it once does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tealmesh.model.rollout import GateResult, SideTasks, Traffic
from tealmesh.model.rollout.groups import Leave
from tealmesh.model.traffic.windows import SideWindow


@dataclass(frozen=True)
class LiveRoute:
    """The routes of a service, as they are. A service has one or several, whose weights are shifted
    together."""

    weights: Mapping[str, int] = field(default_factory=dict)
    """By side, of those that they lead to. Where the routes stand apart, their average in percent:
    a side that any of them gives weight has some."""
    version: int = 0
    """Counts their changes; 0 where there is none of them."""
    others: Mapping[str, int] = field(default_factory=dict)
    """The weights of virtual nodes that are no side of the service."""
    unmade: tuple[str, ...] = ()
    """The sides that they do not lead to and whose virtual node does not exist."""
    by_route: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The weights of each route by side, where there are several."""
    gone: tuple[str, ...] = ()
    """The service's routes that do not exist, while another one does."""
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By side, the router's other routes that give it weight: they are not the service's."""

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def apart(self) -> Mapping[str, Mapping[str, int]]:
        """The weights of each route, if these are not the same shares; else nothing."""
        different = {frozenset(shares(weights).items()) for weights in self.by_route.values()}
        return self.by_route if len(different) > 1 else {}


def shares(weights: Mapping[str, int]) -> dict[str, float]:
    """Each target's share of the requests, 0 to 1, without those that get none: 1/0 and 100/0 are
    the same.
    """
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight}


@dataclass(frozen=True)
class EnsureSide:
    """Make the side's virtual node and ECS service exist and run ``count`` tasks of ``image``."""

    side: str
    image: str
    count: int


@dataclass(frozen=True)
class SetWeights:
    """Give the targets of all routes these weights at once, unless one changes in the meantime."""

    weights: Mapping[str, int]


@dataclass(frozen=True)
class AwaitConverged:
    """Wait until every Envoy of the mesh has acknowledged ``revision``."""

    revision: int


@dataclass(frozen=True)
class Observe:
    """Look at the tasks of both sides, and at what callers saw since ``since``."""

    since: float
    after: float = 0.0
    """When the window of measurement that is open began; 0 for a short time ago."""


@dataclass(frozen=True)
class StopSide:
    """Drain the side's ECS service and clean up after it."""

    side: str


@dataclass(frozen=True)
class ScaleSide:
    """Give the side at least ``count`` tasks. Ordered beside the effect of a state."""

    side: str
    count: int


Effect = EnsureSide | SetWeights | AwaitConverged | Observe | StopSide


@dataclass(frozen=True)
class Seen:
    """What is, just before an effect is performed: every effect begins with a look."""

    route: LiveRoute
    old: SideTasks
    new: SideTasks
    by: str = ""
    """Who last changed what is not as the deployment left it; empty if nobody, or if unknown."""
    explanation: str = ""
    """Why the new side's tasks stopped, with their last log lines; empty if none did."""


@dataclass(frozen=True)
class Looked:
    """The world, before the effect of the state."""

    seen: Seen


@dataclass(frozen=True)
class SideScaled:
    """The side has been given as many tasks as ordered."""

    side: str
    count: int


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
class ConvergenceSeen:
    """How far the Envoys are with the weights."""

    converged: bool
    at: float
    waiting: tuple[str, ...] = ()
    """The Envoys that have not acknowledged."""
    rejected: tuple[str, ...] = ()
    """The Envoys that refused, each with its message."""
    every: float = 0.0
    """The longest time, in seconds, between two reports of a caller."""


@dataclass(frozen=True)
class Observed:
    """Both sides' tasks and traffic."""

    old: SideTasks
    new: SideTasks
    old_traffic: Traffic = field(default_factory=Traffic)
    new_traffic: Traffic = field(default_factory=Traffic)
    explanation: str = ""
    """Why the new side's tasks stopped, with their last log lines; empty if none did."""
    at: float = 0.0
    """When callers' reports were read."""
    old_window: SideWindow = field(default_factory=SideWindow)
    """What callers saw of the old side in the window of measurement that is open, up to ``at``."""
    new_window: SideWindow = field(default_factory=SideWindow)
    """The same of the new side."""
    gates: tuple[GateResult, ...] = ()
    """The verdicts of others, who were asked: hooks and queries. They count as our own do."""
    beside: Traffic = field(default_factory=Traffic)
    """What reached the new side beside its weight: copies, or the cohort's requests."""
    frozen: str = ""
    """Why the new side gets no more weight now, completing "waiting for …"; empty if it may. Time
    limits stand still meanwhile."""


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
    """A person approved the next step that needs it."""

    by: str = ""


@dataclass(frozen=True)
class AbortAsked:
    """A person asked to return to the old side."""

    by: str


@dataclass(frozen=True)
class TakenOver:
    """A person lets a held deployment go on from what is live."""

    by: str


@dataclass(frozen=True)
class GivenUp:
    """A person ends the deployment and leaves all as it is."""

    by: str


@dataclass(frozen=True)
class Superseded:
    """A person went back to the old side while it was being stopped: another deployment does it."""

    by: str


@dataclass(frozen=True)
class Promoted:
    """A person lets the deployment skip the rest of its step, or ``full``: all steps and the bake
    time.
    """

    by: str
    full: bool = False


@dataclass(frozen=True)
class Paused:
    """A person lets the deployment stay at its weight."""

    by: str


@dataclass(frozen=True)
class Unpaused:
    """A person ends that."""

    by: str


@dataclass(frozen=True)
class Replaced:
    """A person deploys another version instead."""

    by: str
    image: str


@dataclass(frozen=True)
class Granted:
    """The group of a deployment decided what it may do."""

    leave: Leave
    why: str = ""
    """Why it may not go on, completing "waiting for …"; else why it may, for people."""


@dataclass(frozen=True)
class FinishAllowed:
    """All deployments of a group have passed: this one, which waits for that, may finish."""


@dataclass(frozen=True)
class GroupFailed:
    """The group of a deployment goes back."""

    reason: str
    by: str = ""
    """Who aborted the group; empty if nobody did."""


@dataclass(frozen=True)
class Resumed:
    """The control plane has restarted: windows begin again, time limits go on."""

    away: float = 0.0
    """Seconds since the time that had counted towards the limit was stored."""


Event = (
    Looked
    | SideScaled
    | SideEnsured
    | WeightsSet
    | ConvergenceSeen
    | Observed
    | SideStopped
    | NotReady
    | EffectFailed
    | Approved
    | AbortAsked
    | TakenOver
    | GivenUp
    | Superseded
    | Promoted
    | Paused
    | Unpaused
    | Replaced
    | Granted
    | FinishAllowed
    | GroupFailed
    | Resumed
)
