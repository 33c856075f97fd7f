"""Compares the new side with the old one, by bets that may be looked at at any time. All pure.

For one metric, such as failures, the new side is compared with the old one in the same windows, so
that what troubles both cancels out. Each window, or second of it, is a bet at fair odds: if the new
side is no worse, whoever bets that it is cannot expect to win. The capital, which begins at 1, is
the *e-value* E; that it ever reaches 1/alpha has a probability of at most alpha (Ville's
inequality), however often one looks, and it goes on from step to step.

    settings = Settings(alpha=0.01 / metrics)
    state = start()
    state = add(state, settings, Observation(old, new, seconds))    # after each window
    judge(state, settings)                                          # whenever wanted

Design note 024 has the derivation, and docs/gates.md what it promises. `bets` has the odds,
`bursts` how failures come, `judging` the verdict, `planning` how much is still missing.

Literature: Lindon and Malek 2022 (https://arxiv.org/abs/2011.03567); Waudby-Smith and Ramdas,
Estimating means of bounded random variables by betting (https://arxiv.org/abs/2010.09686); Ramdas
et al., Game-theoretic statistics (https://arxiv.org/abs/2210.01948).
"""

from tealmesh.rollout.gates.comparing.counts import Arm, Observation, Pair
from tealmesh.rollout.gates.comparing.judging import Judgement, judge
from tealmesh.rollout.gates.comparing.planning import Missing, expected_seconds, missing
from tealmesh.rollout.gates.comparing.settings import Settings
from tealmesh.rollout.gates.comparing.state import State, add, start

__all__ = [
    "Arm",
    "Judgement",
    "Missing",
    "Observation",
    "Pair",
    "Settings",
    "State",
    "add",
    "expected_seconds",
    "judge",
    "missing",
    "start",
]
