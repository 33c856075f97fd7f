"""What the comparison of both sides has to say before the next step, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tealmesh.model.rollout import Deployment
from tealmesh.rollout.gates import comparison
from tealmesh.rollout.gates.assess import percent
from tealmesh.rollout.machine.transitions import FULL_WEIGHT
from tealmesh.rollout.planning.timing import needs_verdict


def compares(d: Deployment, index: int) -> bool:
    """Whether both sides have weight at a step, and are compared."""
    return d.gated and d.gates.compare and d.strategy.steps[index] < FULL_WEIGHT


def waits(d: Deployment, index: int) -> Iterator[str]:
    """What a step waits for by the comparison, for people."""
    if not compares(d, index):
        return
    if needs_verdict(d.strategy, d.gates, index):
        yield (
            f"errors compared with {d.old_side}: shown to be no worse (wrong for at most "
            f"{percent(d.gates.beta)} of the bad versions)"
        )
        yield "4xx and latency: nothing speaks against it"
        for part in d.gates.watch:
            yield (
                f"errors of {part.name}: the same, later by as much as it is rarer, unless it is "
                f"less than {percent(comparison.RARE)} of the requests"
            )
    else:
        metrics = len(comparison.metrics(d.gates))
        parts = f", and in the same of {' and '.join(part.name for part in d.gates.watch)}"
        yield (
            f"compared with {d.old_side} in errors, 4xx and latency{parts * bool(d.gates.watch)}: "
            f"at most {percent(d.gates.alpha)} of the good versions ever fail "
            f"({percent(d.gates.alpha / metrics)} by each)"
        )
