"""From the evidence to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tealmesh.model.rollout import Verdict
from tealmesh.rollout.gates.comparing import bets, objective
from tealmesh.rollout.gates.comparing.counts import Pair
from tealmesh.rollout.gates.comparing.settings import ALIKE_WEIGHTS, WORSE_WEIGHTS, Settings
from tealmesh.rollout.gates.comparing.state import State, Strand


@dataclass(frozen=True)
class Judgement:
    """A verdict with its numbers. Logarithms are natural."""

    verdict: Verdict
    """PASS, FAIL or NEED_DATA."""
    log_e_worse: float
    """ln E that the new side is worse."""
    fail_at: float
    """FAIL when ``log_e_worse`` reaches this: ln 1/alpha."""
    log_e_alike: float
    """ln E that the new side is not `settings.INFERIOR` times as bad."""
    log_e_below: float | None
    """ln E that the new side's own bad share is below the allowed one; None without one."""
    pass_at: float
    """PASS when one of the two reaches this: ln 1/beta."""
    seen: Pair
    """All requests that were compared."""
    phi: float
    """The overdispersion of the old side's bad requests, at least 1."""
    strand: int = 0
    """The strand with the strongest evidence that the new side is worse."""


def judge(state: State, settings: Settings) -> Judgement:
    """The verdict on all that was seen so far. It may be asked for at any time."""
    first = state.strands[0]
    parts = [log_e_worse(strand) for strand in state.strands]
    worse = bets.log_mean_exp([strand.weight for strand in state.strands], parts)
    fail_at, pass_at = -math.log(settings.alpha), -math.log(settings.beta)
    alike = bets.log_mean_exp(ALIKE_WEIGHTS, first.alike)
    below = None
    if settings.allowed is not None:
        below = bets.log_mean_exp(objective.BELOW_WEIGHTS, first.below)
    if worse >= fail_at:
        verdict = Verdict.FAIL
    elif not settings.pass_needed or max(alike, -math.inf if below is None else below) >= pass_at:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.NEED_DATA
    return Judgement(
        verdict=verdict,
        log_e_worse=worse,
        fail_at=fail_at,
        log_e_alike=alike,
        log_e_below=below,
        pass_at=pass_at,
        seen=first.seen,
        phi=first.bursts.phi,
        strand=max(range(len(parts)), key=parts.__getitem__),
    )


def log_e_worse(strand: Strand) -> float:
    """ln E of one strand that the new side is worse."""
    return bets.log_mean_exp(WORSE_WEIGHTS, strand.worse)
