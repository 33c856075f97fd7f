"""The rollout machine: `step(deployment, event, now) -> deployment`, pure.

    CREATED -> SCALING_UP -> ADDING_TARGET -> CONVERGING_TARGET -> VERIFYING [-> AWAITING_APPROVAL]
    -> (SHIFTING -> CONVERGING -> MEASURING) for each step -> BAKING -> CLEANING_UP -> SUCCEEDED

Any failure before CLEANING_UP leads through ROLLING_BACK -> CONVERGING_BACK -> CLEANING_BACK to
ROLLED_BACK; if even that fails, to ROLLBACK_FAILED with everything left running.

Each state has at most one effect (`next_effect`). Effects are idempotent, so a deployment resumes
after any interruption by performing the effect of its stored state. Every phase has a time limit of
its own (`limits`), except the wait for a person's approval.
"""

from tealmesh.rollout.machine.invariants import check
from tealmesh.rollout.machine.looking import RESUME_SECONDS, change
from tealmesh.rollout.machine.orders import next_effect, obstacle, scaling
from tealmesh.rollout.machine.step import step
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    FINAL,
    SETTLE_SECONDS,
    can_abort,
    only_new_serves,
    shares,
)

__all__ = [
    "BACKWARD",
    "FINAL",
    "RESUME_SECONDS",
    "SETTLE_SECONDS",
    "can_abort",
    "change",
    "check",
    "next_effect",
    "obstacle",
    "only_new_serves",
    "scaling",
    "shares",
    "step",
]
