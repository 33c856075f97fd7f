"""Deployments as frozen data: their states, what is observed, and the verdicts of gates."""

from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.rollout.deployment import (
    Deployment,
    JournalEntry,
    stored_gates,
    stored_strategy,
)
from tealmesh.model.rollout.groups import (
    Group,
    GroupDeployment,
    GroupDescription,
    GroupEntry,
    GroupMember,
    GroupState,
    Membership,
)
from tealmesh.model.rollout.observed import SideTasks, Traffic
from tealmesh.model.rollout.states import (
    ABORTED,
    PHASES,
    STATUSES,
    Kind,
    Phase,
    Promotion,
    State,
    Status,
    outcome,
)
from tealmesh.model.rollout.verdicts import GateResult, StepEvidence, Verdict

__all__ = [
    "ABORTED",
    "PHASES",
    "STATUSES",
    "Comparison",
    "Deployment",
    "GateResult",
    "Group",
    "GroupDeployment",
    "GroupDescription",
    "GroupEntry",
    "GroupMember",
    "GroupState",
    "JournalEntry",
    "Kind",
    "Membership",
    "Phase",
    "Promotion",
    "SideTasks",
    "State",
    "Status",
    "StepEvidence",
    "Traffic",
    "Verdict",
    "outcome",
    "stored_gates",
    "stored_strategy",
]
