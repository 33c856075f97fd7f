"""The rollout machine: `step(deployment, event, now) -> deployment`, pure.

    CREATED -> SCALING_UP -> ADDING_TARGET -> CONVERGING_TARGET -> VERIFYING
    [-> MIRRORING] [-> COHORT] [-> AWAITING_APPROVAL]
    -> (SHIFTING -> CONVERGING -> MEASURING) for each step -> BAKING -> CLEANING_UP -> SUCCEEDED

Any failure before CLEANING_UP leads through ROLLING_BACK -> CONVERGING_BACK -> CLEANING_BACK to
ROLLED_BACK; to STOPPED with everything left running, if only the new side can serve; to
ROLLBACK_FAILED if neither can. What somebody else has changed leads to HELD from any state.

Each state has at most one effect (`next_effect`). Before it is performed, the event `Looked` tells
what is: see `looking`. Effects are idempotent, so a deployment resumes after any interruption by
performing the effect of its stored state. `limits` has the time limit of each phase, which
goes on after a restart.
"""

from tealmesh.rollout.effects import shares
from tealmesh.rollout.machine.awaiting import Awaited, Heard, awaits, due
from tealmesh.rollout.machine.beside import kind as beside_kind
from tealmesh.rollout.machine.deciding import awaited
from tealmesh.rollout.machine.invariants import check
from tealmesh.rollout.machine.limits import RESUME_SECONDS, uncounted
from tealmesh.rollout.machine.looking import change
from tealmesh.rollout.machine.orders import next_effect, obstacle, scaling
from tealmesh.rollout.machine.steering import pausable, promotable
from tealmesh.rollout.machine.step import step
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    FINAL,
    can_abort,
    only_new_serves,
)

__all__ = [
    "BACKWARD",
    "FINAL",
    "RESUME_SECONDS",
    "Awaited",
    "Heard",
    "awaited",
    "awaits",
    "beside_kind",
    "can_abort",
    "change",
    "check",
    "due",
    "next_effect",
    "obstacle",
    "only_new_serves",
    "pausable",
    "promotable",
    "scaling",
    "shares",
    "step",
    "uncounted",
]
