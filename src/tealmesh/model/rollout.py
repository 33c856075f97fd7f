"""A deployment: one service moving from one side and image to the other, as frozen data.

Statuses and phases are named as Amazon ECS names them:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, cast

from tealmesh.model.config.nouns import Gates, Strategy
from tealmesh.model.teal import known_members

if TYPE_CHECKING:
    from tealmesh.model.teal import (
        DeploymentBody,
        JournalEntryBody,
        StepEvidenceBody,
        StrategyBody,
    )
    from tealmesh.model.wire import GateVerdict


class Phase(StrEnum):
    """The stages of an ECS blue/green deployment that apply here."""

    PRE_SCALE_UP = "PRE_SCALE_UP"
    SCALE_UP = "SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
    BAKE_TIME = "BAKE_TIME"
    CLEAN_UP = "CLEAN_UP"


class Status(StrEnum):
    """How far a deployment is, in ECS's words."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    STOPPED = "STOPPED"


class State(StrEnum):
    """What a deployment is doing. The journal names the transition into a state by its value."""

    CREATED = "CREATED"
    SCALING_UP = "SCALING_UP"
    ADDING_TARGET = "ADDING_TARGET"
    CONVERGING_TARGET = "CONVERGING_TARGET"
    VERIFYING = "VERIFYING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    HELD = "HELD"
    """Somebody else has changed what the deployment works on: a person decides."""
    SHIFTING = "SHIFTING"
    CONVERGING = "CONVERGING"
    MEASURING = "MEASURING"
    BAKING = "BAKING"
    CLEANING_UP = "CLEANING_UP"
    SUCCEEDED = "SUCCEEDED"
    ROLLING_BACK = "ROLLING_BACK"
    CONVERGING_BACK = "CONVERGING_BACK"
    CLEANING_BACK = "CLEANING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    """Neither side can serve."""
    STOPPED = "STOPPED"
    """Ended with all as it is: a person gave up, or the new side is the only one that serves."""


PHASES: Mapping[State, Phase] = {
    State.CREATED: Phase.PRE_SCALE_UP,
    State.SCALING_UP: Phase.SCALE_UP,
    State.ADDING_TARGET: Phase.TEST_TRAFFIC_SHIFT,
    State.CONVERGING_TARGET: Phase.TEST_TRAFFIC_SHIFT,
    State.VERIFYING: Phase.TEST_TRAFFIC_SHIFT,
    State.AWAITING_APPROVAL: Phase.TEST_TRAFFIC_SHIFT,
    State.HELD: Phase.PRODUCTION_TRAFFIC_SHIFT,
    State.SHIFTING: Phase.PRODUCTION_TRAFFIC_SHIFT,
    State.CONVERGING: Phase.PRODUCTION_TRAFFIC_SHIFT,
    State.MEASURING: Phase.PRODUCTION_TRAFFIC_SHIFT,
    State.BAKING: Phase.BAKE_TIME,
    State.CLEANING_UP: Phase.CLEAN_UP,
    State.SUCCEEDED: Phase.CLEAN_UP,
    State.ROLLING_BACK: Phase.PRODUCTION_TRAFFIC_SHIFT,
    State.CONVERGING_BACK: Phase.PRODUCTION_TRAFFIC_SHIFT,
    State.CLEANING_BACK: Phase.CLEAN_UP,
    State.ROLLED_BACK: Phase.CLEAN_UP,
    State.ROLLBACK_FAILED: Phase.CLEAN_UP,
    State.STOPPED: Phase.CLEAN_UP,
}

STATUSES: Mapping[State, Status] = {
    State.SUCCEEDED: Status.SUCCESSFUL,
    State.ROLLING_BACK: Status.ROLLBACK_IN_PROGRESS,
    State.CONVERGING_BACK: Status.ROLLBACK_IN_PROGRESS,
    State.CLEANING_BACK: Status.ROLLBACK_IN_PROGRESS,
    State.ROLLED_BACK: Status.ROLLBACK_SUCCESSFUL,
    State.ROLLBACK_FAILED: Status.ROLLBACK_FAILED,
    State.STOPPED: Status.STOPPED,
}
"""The status of each state; IN_PROGRESS for all others."""


Kind = Literal["DEPLOY", "ROLLBACK"]
"""A deployment of another version, or of the one before."""


class Verdict(StrEnum):
    """The verdict of a gate."""

    PASS = "PASS"  # noqa: S105 - the verdict, not a password
    FAIL = "FAIL"
    NEED_DATA = "NEED_DATA"
    """Not decided yet: look again."""
    UNKNOWN = "UNKNOWN"
    """Nothing is observed at all."""


@dataclass(frozen=True)
class GateResult:
    """A gate's verdict with the numbers behind it."""

    gate: str
    verdict: Verdict
    detail: str
    """The numbers, for people."""
    have: float | None = None
    """What there is of ``need``; None where the gate counts nothing."""
    need: float | None = None
    """How much it takes to pass."""
    unit: str = ""
    """What ``have`` and ``need`` count, such as ``requests``."""

    def to_wire(self) -> GateVerdict:
        """The verdict as our API answers it."""
        answer: GateVerdict = {
            "gate": self.gate,
            "verdict": self.verdict.value,
            "detail": self.detail,
        }
        if self.have is not None and self.need is not None:
            answer |= {"have": self.have, "need": self.need, "unit": self.unit}
        return answer


@dataclass(frozen=True)
class SideTasks:
    """The tasks of one side."""

    desired: int = 0
    running: int = 0
    healthy: int = 0
    """Running tasks that are not UNHEALTHY, are registered in Cloud Map, and can be used by their
    callers as far as these could be asked."""
    failed: int = 0
    """Tasks that stopped by themselves."""
    failure: str = ""
    """Why ECS's circuit breaker gave up on the side; empty while it has not."""
    image: str = ""
    pending: int = 0
    """Desired tasks that do not run the current task definition yet; tasks of an earlier one may
    run in their place."""


@dataclass(frozen=True)
class Traffic:
    """What the callers of one virtual node saw in a window."""

    requests: int = 0
    """Requests that were answered or failed."""
    failures: int = 0
    """Requests that ended with a 5xx, a reset or a timeout, or without any answer."""
    started: int = 0
    """Attempts, counted as they begin and including retries."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures by kind, such as ``timed out`` or ``gone``; they add up to ``failures``."""
    waiting: int = 0
    """By how much requests in flight without an answer have become more in the window's second
    half: with a steady load, those that hang."""
    p50: float | None = None
    """Median latency of the answered requests in milliseconds; None without any."""
    p99: float | None = None
    """99th percentile of their latency in milliseconds; None without any."""
    reporters: int = 0
    """Envoys that reported on the node in the window."""
    members: int | None = None
    """The fewest endpoints of the node that any of them counts; None before the first report."""
    members_healthy: int | None = None
    """The fewest healthy endpoints that any of them counts; None before the first report."""
    seen_until: float = 0.0
    """Every reporter has reported up to this time (epoch seconds)."""
    seconds: float = 0.0
    """How much of the window was counted, by the reporter that counted longest."""


@dataclass(frozen=True)
class StepEvidence:
    """What was measured at one step."""

    step: int
    """Index of the step, from 0."""
    weights: Mapping[str, int]
    expected_share: float
    """The new side's share by the weights, 0 to 1."""
    started_at: float
    requests: int = 0
    """Requests to the new side."""
    failures: int = 0
    """How many of them failed."""
    total_requests: int = 0
    """Requests to both sides."""
    total_failures: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures of requests to the new side by kind, as in `Traffic`."""
    share: float | None = None
    """The new side's observed share of the requests, 0 to 1; None without requests."""
    p50: float | None = None
    """Milliseconds, of the new side."""
    p99: float | None = None
    """Milliseconds, of the new side."""
    propagation: float | None = None
    """Seconds from setting the weights until every Envoy had acknowledged them."""
    finished_at: float | None = None
    verdicts: tuple[GateResult, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """The whole state of a deployment: what the machine decides on and the store keeps.

    Times are epoch seconds.
    """

    id: str
    service: str
    mesh: str
    old_side: str
    new_side: str
    old_image: str
    new_image: str
    desired_count: int
    """Tasks that the new side needs: as many as the old one has had since the beginning."""
    strategy: Strategy
    gates: Gates
    created_at: float
    updated_at: float
    entered_at: float
    """When the current state was entered."""
    actor: str = ""
    """Who started the deployment."""
    client_token: str = ""
    kind: Kind = "DEPLOY"
    gated: bool = True
    """Whether callers judge the new side. A rollback needs only its tasks to be healthy."""
    state: State = State.CREATED
    held_in: str = ""
    """The state in which the deployment was held, while it is."""
    step: int = 0
    """Index of the current step in the strategy's steps."""
    sequence: int = 1
    """Number of the latest transition, as in the journal."""
    weights: Mapping[str, int] = field(default_factory=dict)
    """The weights last ordered, by side."""
    acknowledged: Mapping[str, int] = field(default_factory=dict)
    """The weights that every Envoy is known to run; empty if unknown."""
    live: Mapping[str, int] = field(default_factory=dict)
    """The weights that the route had when the deployment began, took over or last set them: others
    are somebody else's. Empty if any are right."""
    seen: Mapping[str, int] = field(default_factory=dict)
    """The weights of the route when last observed, of all that it leads to."""
    healthy: Mapping[str, int] = field(default_factory=dict)
    """Healthy tasks of each side when last observed."""
    images: Mapping[str, str] = field(default_factory=dict)
    """The image of each side when last observed."""
    old_desired: int = 0
    """The old side's desired count when last observed."""
    new_desired: int = 0
    """The new side's desired count when last observed."""
    scaled: int = 0
    """How many tasks the new side was last given; 0 before it is started."""
    resumed_at: float = 0.0
    """When a control plane last took up the deployment anew; 0 for never."""
    revision: int = 0
    """The store revision that set the weights."""
    set_at: float = 0.0
    """When the weights were set."""
    since: float = 0.0
    """Start of the current window of measurement; 0 for none."""
    approved: bool = False
    reason: str = ""
    """Why the deployment was rolled back, held or stopped, for people."""
    note: str = ""
    """Why the present state was entered, where that is not in the order of things; for people."""
    waiting_for: str = ""
    """What the deployment waits for, completing "waiting for …"."""
    serves: str = ""
    """Once finished: what serves now, for people."""
    phase_at: float = 0.0
    """When the current phase began; its time limit counts from here."""
    seconds_left: float | None = None
    """How long the phase could still take when last observed, until its limit; None without one."""
    time_limit: str = ""
    """The setting that limits the phase, with its value; empty without one."""
    windows: int = 0
    """How many full windows of measurement were not enough in the current state."""
    last_window: str = ""
    """Why the last of them was not enough."""
    evidence: tuple[StepEvidence, ...] = ()
    finished_at: float | None = None

    @property
    def status(self) -> Status:
        return STATUSES.get(self.state, Status.IN_PROGRESS)

    @property
    def phase(self) -> Phase:
        return PHASES[self.state]

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    def to_json(self) -> DeploymentBody:
        """The body that the store keeps."""
        return cast("DeploymentBody", asdict(self))

    @classmethod
    def from_json(cls, body: DeploymentBody) -> Deployment:
        """The deployment that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        known["strategy"] = stored_strategy(body["strategy"])
        known["gates"] = Gates(**known_members(Gates, body["gates"]))
        known["state"] = State(body["state"])
        known.setdefault("phase_at", body["entered_at"])
        known["evidence"] = tuple(_evidence(entry) for entry in body.get("evidence", ()))
        return cls(**known)


@dataclass(frozen=True)
class JournalEntry:
    """One transition of a deployment."""

    deployment: str
    """Id of the deployment."""
    sequence: int
    """Counts from 1 within a deployment."""
    at: float
    transition: str
    """The state entered, or ``RESUMED`` or ``APPROVED``."""
    phase: Phase
    status: Status
    message: str
    """What happened and why, for people."""

    def to_json(self) -> JournalEntryBody:
        """The body that the store keeps."""
        return cast("JournalEntryBody", asdict(self))

    @classmethod
    def from_json(cls, body: JournalEntryBody) -> JournalEntry:
        """The entry that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        return cls(**{**known, "phase": Phase(body["phase"]), "status": Status(body["status"])})


def stored_strategy(body: StrategyBody) -> Strategy:
    """The strategy that a stored body holds."""
    return Strategy(**{**known_members(Strategy, body), "steps": tuple(body["steps"])})


def _evidence(body: StepEvidenceBody) -> StepEvidence:
    verdicts = tuple(
        GateResult(**{**known_members(GateResult, v), "verdict": Verdict(v["verdict"])})
        for v in body["verdicts"]
    )
    return StepEvidence(**{**known_members(StepEvidence, body), "verdicts": verdicts})
