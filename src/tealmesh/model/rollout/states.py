"""What a deployment is doing, and how that is called.

Statuses and phases are named as Amazon ECS names them:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal


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


ABORTED = "ABORTED"
"""How a deployment ended that a person has ended. ECS has no word for it: its status is the one of
any other that went back or was stopped.
"""


def outcome(status: str, ended_by: str) -> str:
    """How a deployment stands, in one word for people: its status, or `ABORTED`. ``ended_by``: who
    has aborted it or given it up; empty if nobody has. What neither side serves has failed, whoever
    aborted it. The page has the same rule: ``outcome`` in dashboard/src/parts/marks.tsx.
    """
    over = status in (Status.ROLLBACK_SUCCESSFUL, Status.STOPPED)
    return ABORTED if over and ended_by else status


Promotion = Literal["", "STEP", "FULL"]
"""How much a person lets a deployment skip."""


class State(StrEnum):
    """What a deployment is doing. The journal names the transition into a state by its value."""

    CREATED = "CREATED"
    SCALING_UP = "SCALING_UP"
    ADDING_TARGET = "ADDING_TARGET"
    CONVERGING_TARGET = "CONVERGING_TARGET"
    VERIFYING = "VERIFYING"
    MIRRORING = "MIRRORING"
    """Copies of requests go to the new side, which has no weight."""
    COHORT = "COHORT"
    """The requests of an A/B deployment's cohort go to the new side, which has no weight."""
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
    State.MIRRORING: Phase.TEST_TRAFFIC_SHIFT,
    State.COHORT: Phase.PRODUCTION_TRAFFIC_SHIFT,
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
