"""A deployment: one service moving from one side and image to the other, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, cast

from tealmesh.model import said
from tealmesh.model.clock import MomentBody
from tealmesh.model.config.beside import (
    stored_cohort,
    stored_mirror,
    stored_preview,
    stored_sticky,
)
from tealmesh.model.config.strategies import Gates, LatencyObjective, StepSettings, Strategy
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.rollout.groups import Membership
from tealmesh.model.rollout.hooks import stored_outside
from tealmesh.model.rollout.states import (
    PHASES,
    STATUSES,
    Kind,
    Phase,
    Promotion,
    State,
    Status,
)
from tealmesh.model.rollout.verdicts import GateResult, StepEvidence
from tealmesh.model.teal import known_members
from tealmesh.model.traffic.parts import Part

if TYPE_CHECKING:
    from tealmesh.model.teal import DeploymentBody, GatesBody, JournalEntryBody, StrategyBody


_TOLD = (
    "reason",
    "note",
    "waiting_for",
    "last_window",
    "serves",
    "time_limit",
    "evidence",
    "beside_verdicts",
    "member",
)
"""The members with texts of ours in them."""


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
    number: int = 0
    """Counts the deployments of the service, from 1."""
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
    left_apart: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """As ``live``, by route, where the routes stood apart when somebody took over; else empty."""
    apart: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The weights of each route when last observed, where they stand apart; else empty."""
    elsewhere: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By side, routes that are not the service's and give it weight: it goes on serving them."""
    healthy: Mapping[str, int] = field(default_factory=dict)
    """Healthy tasks of each side when last observed."""
    images: Mapping[str, str] = field(default_factory=dict)
    """The image of each side when last observed."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """By side, the ARN of the task definition that was last seen to run the deployment's image of
    that side; what comes later is none of the deployment's."""
    old_desired: int = 0
    """The old side's desired count when last observed."""
    new_desired: int = 0
    """The new side's desired count when last observed."""
    scaled: int = 0
    """How many tasks the new side was last given; 0 before it is started."""
    resumed_at: float = 0.0
    """When a control plane last took up the deployment anew; 0 for never."""
    reductions: int = 0
    """How often the new side's weight was reduced, since it lost tasks that carried it."""
    revision: int = 0
    """The store revision that set the weights."""
    set_at: float = 0.0
    """When the weights were set."""
    since: float = 0.0
    """Start of the current window of measurement; 0 for none."""
    approved_step: int = -1
    """Index of the last step that a person has approved, with all before it; -1 for none."""
    promoted: Promotion = ""
    """What a person lets the deployment skip: the rest of its step, or all steps and the bake
    time; empty for nothing."""
    promoted_by: str = ""
    paused_at: float = 0.0
    """When a person paused the deployment; 0 while it is not paused."""
    paused_by: str = ""
    through_freeze: str = ""
    """Who forced it to begin in a freeze, so that it waits for none to end; empty for nobody."""
    reason: str = ""
    """Why the deployment was rolled back, held or stopped, for people."""
    ended_by: str = ""
    """Who aborted it, alone or with its group, or gave it up; empty if nobody did."""
    note: str = ""
    """Why the present state was entered, where that is not in the order of things; for people."""
    waiting_for: str = ""
    """What the deployment waits for, completing "waiting for …"."""
    kept_for: float = 0.0
    """Once successful: how long the old side goes on running without weight, in seconds."""
    serves: str = ""
    """Once finished: what serves now, for people."""
    phase_at: float = 0.0
    """When the current phase began; its time limit counts from here."""
    counted: float = 0.0
    """The seconds of the phase that had counted towards its limit when last observed."""
    counted_at: MomentBody | None = None
    """When that was, by a clock that outlives a restart; None before the first observation."""
    seconds_left: float | None = None
    """How long the phase could still take when last observed, until its limit; None without one."""
    time_limit: str = ""
    """The setting that limits the phase, with its value; empty without one."""
    windows: int = 0
    """How many full windows of measurement were not enough in the current state."""
    last_window: str = ""
    """Why the last of them was not enough."""
    evidence: tuple[StepEvidence, ...] = ()
    comparison: Comparison = field(default_factory=Comparison)
    """What the comparison of both sides has so far."""
    beside: tuple[str, ...] = ()
    """The states MIRRORING and COHORT, once they are over."""
    beside_verdicts: tuple[GateResult, ...] = ()
    """What was found in them at last."""
    member: Membership | None = None
    """Of the group deployment that it is a part of; None for a deployment on its own."""
    finished_at: float | None = None

    @property
    def status(self) -> Status:
        return STATUSES.get(self.state, Status.IN_PROGRESS)

    @property
    def phase(self) -> Phase:
        if self.state is State.AWAITING_APPROVAL and self.evidence:
            return Phase.PRODUCTION_TRAFFIC_SHIFT
        return PHASES[self.state]

    @property
    def approved(self) -> bool:
        """Whether a person has approved that the new side gets weight."""
        return self.approved_step >= 0

    def needs_approval(self, step: int) -> bool:
        """Whether a person has still to approve the step with this index, or any before it that
        the gates ask for.
        """
        if not self.gated:
            return False
        first = self.gates.approval and not self.approved
        return first or (self.strategy.own(step).approval and step > self.approved_step)

    @property
    def step_time(self) -> float:
        """The least time at the current step, in seconds."""
        return self.strategy.time_of(self.step)

    @property
    def step_gates(self) -> Gates:
        """The gates of the current step."""
        return self.gates.of_step(self.strategy.own(self.step))

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    def to_json(self) -> DeploymentBody:
        """The body that the store keeps."""
        made = asdict(self)
        if told := said.collected([made[name] for name in _TOLD]):
            made["said"] = told
        return cast("DeploymentBody", made)

    @classmethod
    def from_json(cls, body: DeploymentBody) -> Deployment:
        """The deployment that `to_json` wrote. Members of later versions are ignored."""
        if told := body.get("said"):
            texts = {name: text for name, text in body.items() if name in _TOLD}
            body = cast("DeploymentBody", {**body, **said.restored(texts, told)})
        known = known_members(cls, body)
        known["strategy"] = stored_strategy(body["strategy"])
        known["gates"] = stored_gates(body["gates"])
        known["state"] = State(body["state"])
        known.setdefault("phase_at", body["entered_at"])
        known["comparison"] = Comparison.from_json(body.get("comparison", {}))
        # Version 0.1 knew only one approval.
        known.setdefault("approved_step", 0 if body.get("approved") else -1)
        known["evidence"] = tuple(
            StepEvidence.from_json(entry) for entry in body.get("evidence", ())
        )
        known["beside"] = tuple(body.get("beside", ()))
        known["member"] = Membership.from_json(body.get("member"))
        known["beside_verdicts"] = tuple(map(GateResult.from_json, body.get("beside_verdicts", ())))
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
    by: str = ""
    """The principal who decided it; empty for what the deployment did by itself."""

    def to_json(self) -> JournalEntryBody:
        """The body that the store keeps."""
        made = asdict(self)
        if isinstance(self.message, said.Said):
            made["said"] = said.body(self.message)
        return cast("JournalEntryBody", made)

    @classmethod
    def from_json(cls, body: JournalEntryBody) -> JournalEntry:
        """The entry that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        if told := body.get("said"):
            known["message"] = said.read(told)
        return cls(**{**known, "phase": Phase(body["phase"]), "status": Status(body["status"])})


def stored_strategy(body: StrategyBody) -> Strategy:
    """The strategy that a stored body holds."""
    own = body.get("step_settings", ())
    known = known_members(Strategy, body)
    known["steps"] = tuple(body["steps"])
    known["step_settings"] = tuple(StepSettings(**known_members(StepSettings, one)) for one in own)
    if "preview" in body:
        known["preview"] = stored_preview(body["preview"])
    known["mirror"] = stored_mirror(body.get("mirror"))
    known["match"] = stored_cohort(body.get("match"))
    known["sticky"] = stored_sticky(body.get("sticky"))
    return Strategy(**known)


def stored_gates(body: GatesBody) -> Gates:
    """The gates that a stored body holds. Members of later versions are ignored."""
    watch = tuple(Part(**known_members(Part, part)) for part in body.get("watch", ()))
    known = {**known_members(Gates, body), **stored_outside(body), "watch": watch}
    known["latency"] = tuple(
        LatencyObjective(**known_members(LatencyObjective, one)) for one in body.get("latency", ())
    )
    return Gates(**known)
