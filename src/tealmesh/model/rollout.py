"""A deployment: one service going from one side and image to another, as frozen data.

Statuses and phases are named as Amazon ECS names them:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from tealmesh.model.config.nouns import Gates, Strategy


class Phase(StrEnum):
    """ECS's stages of a blue/green deployment, those that apply here."""

    PRE_SCALE_UP = "PRE_SCALE_UP"
    SCALE_UP = "SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
    BAKE_TIME = "BAKE_TIME"
    CLEAN_UP = "CLEAN_UP"


class Status(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"


class State(StrEnum):
    """What a deployment is doing; each value is also the name of the transition that leads there,
    as the journal has it.
    """

    CREATED = "CREATED"
    SCALING_UP = "SCALING_UP"
    ADDING_TARGET = "ADDING_TARGET"
    CONVERGING_TARGET = "CONVERGING_TARGET"
    VERIFYING = "VERIFYING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
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


TRANSITIONS: tuple[str, ...] = tuple(state.value for state in State)
"""Every transition that a journal may name, beside ``RESUMED`` and ``APPROVED``."""

PHASES: Mapping[State, Phase] = {
    State.CREATED: Phase.PRE_SCALE_UP,
    State.SCALING_UP: Phase.SCALE_UP,
    State.ADDING_TARGET: Phase.TEST_TRAFFIC_SHIFT,
    State.CONVERGING_TARGET: Phase.TEST_TRAFFIC_SHIFT,
    State.VERIFYING: Phase.TEST_TRAFFIC_SHIFT,
    State.AWAITING_APPROVAL: Phase.TEST_TRAFFIC_SHIFT,
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
}

STATUSES: Mapping[State, Status] = {
    State.SUCCEEDED: Status.SUCCESSFUL,
    State.ROLLING_BACK: Status.ROLLBACK_IN_PROGRESS,
    State.CONVERGING_BACK: Status.ROLLBACK_IN_PROGRESS,
    State.CLEANING_BACK: Status.ROLLBACK_IN_PROGRESS,
    State.ROLLED_BACK: Status.ROLLBACK_SUCCESSFUL,
    State.ROLLBACK_FAILED: Status.ROLLBACK_FAILED,
}
"""The status that goes with each state; IN_PROGRESS where none is named."""


class Verdict(StrEnum):
    """What a gate says. NEED_DATA: look again; UNKNOWN: nothing can be seen at all."""

    PASS = "PASS"  # noqa: S105 - the verdict, not a password
    FAIL = "FAIL"
    NEED_DATA = "NEED_DATA"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class GateResult:
    """A gate's verdict with the numbers behind it."""

    gate: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class SideTasks:
    """The tasks of one side. ``healthy``: running, not UNHEALTHY, and in Cloud Map.

    ``pending`` of the desired tasks do not run yet with the present task definition, though earlier
    ones may run in their place. ``failed`` counts tasks of this side that stopped by themselves;
    ``failure`` is ECS's verdict that the side cannot start (its circuit breaker), empty while it
    may.
    """

    desired: int = 0
    running: int = 0
    healthy: int = 0
    failed: int = 0
    failure: str = ""
    image: str = ""
    pending: int = 0


@dataclass(frozen=True)
class Traffic:
    """What the callers of one virtual node saw in a window.

    ``requests`` were answered or failed, ``failures`` of them with a 5xx, a reset or a timeout;
    ``started`` counts attempts when they begin, retries included. ``p50`` and ``p99`` are
    milliseconds of the requests that the node answered, None without any. ``reporters`` Envoys
    have told about this node in the window; ``members_healthy`` and ``members`` are the least that
    one of them counts among the node's endpoints, None before any told. ``seen_until`` is the time
    (epoch seconds) up to which every reporter has told.
    """

    requests: int = 0
    failures: int = 0
    started: int = 0
    p50: float | None = None
    p99: float | None = None
    reporters: int = 0
    members: int | None = None
    members_healthy: int | None = None
    seen_until: float = 0.0


@dataclass(frozen=True)
class StepEvidence:
    """What was measured at one step: ``share`` is the new side's, None without requests."""

    step: int
    weights: Mapping[str, int]
    expected_share: float
    started_at: float
    requests: int = 0
    failures: int = 0
    total_requests: int = 0
    total_failures: int = 0
    share: float | None = None
    p50: float | None = None
    p99: float | None = None
    propagation: float | None = None
    finished_at: float | None = None
    verdicts: tuple[GateResult, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """The whole state of a deployment: what the machine decides on and the store keeps.

    ``weights`` are those last ordered, ``acknowledged`` those that every Envoy is known to run
    (empty: not known). ``healthy`` is the last observed count of healthy tasks a side.
    ``entered_at`` starts the wait of the present state, ``since`` its window of measurement.
    Times are epoch seconds. ``sequence`` numbers the transitions, as in the journal.
    """

    id: str
    service: str
    mesh: str
    old_side: str
    new_side: str
    old_image: str
    new_image: str
    desired_count: int
    strategy: Strategy
    gates: Gates
    created_at: float
    updated_at: float
    entered_at: float
    actor: str = ""
    client_token: str = ""
    state: State = State.CREATED
    step: int = 0
    sequence: int = 1
    weights: Mapping[str, int] = field(default_factory=dict)
    acknowledged: Mapping[str, int] = field(default_factory=dict)
    healthy: Mapping[str, int] = field(default_factory=dict)
    revision: int = 0
    set_at: float = 0.0
    since: float = 0.0
    approved: bool = False
    reason: str = ""
    waiting_for: str = ""
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

    @property
    def percent(self) -> int:
        """The new side's percentage of weight at the present step."""
        return self.strategy.steps[min(self.step, len(self.strategy.steps) - 1)]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Deployment:
        """The deployment that `to_json` wrote. Members of later versions are passed over."""
        known = {name: body[name] for name in (f.name for f in fields(cls)) if name in body}
        strategy = dict(known["strategy"])
        strategy["steps"] = tuple(strategy["steps"])
        known["strategy"] = Strategy(**strategy)
        known["gates"] = Gates(**known["gates"])
        known["state"] = State(known["state"])
        known["evidence"] = tuple(_evidence(entry) for entry in known.get("evidence", ()))
        return cls(**known)


@dataclass(frozen=True)
class JournalEntry:
    """One transition: ``sequence`` counts from 1 within a deployment."""

    deployment: str
    sequence: int
    at: float
    transition: str
    phase: Phase
    status: Status
    message: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> JournalEntry:
        return cls(**{**body, "phase": Phase(body["phase"]), "status": Status(body["status"])})


def _evidence(body: Mapping[str, Any]) -> StepEvidence:
    verdicts = tuple(
        GateResult(v["gate"], Verdict(v["verdict"]), v["detail"]) for v in body["verdicts"]
    )
    return StepEvidence(**{**body, "verdicts": verdicts})
