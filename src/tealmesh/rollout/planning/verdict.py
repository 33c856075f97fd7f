"""When the comparison of both sides can be expected to have a verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tealmesh.model.rollout import Deployment, Traffic
from tealmesh.model.spans import span
from tealmesh.rollout.gates import comparison, observing
from tealmesh.rollout.gates.assess import percent
from tealmesh.rollout.gates.comparing import expected_seconds
from tealmesh.rollout.machine.transitions import FULL_WEIGHT


def compares(d: Deployment, index: int) -> bool:
    """Whether both sides have weight at a step, and are compared."""
    return d.gated and d.gates.compare and d.strategy.steps[index] < FULL_WEIGHT


def needs_verdict(d: Deployment, index: int) -> bool:
    """Whether the comparison has to pass at the end of a step: the next one gives all the weight,
    and nothing can be compared after that.
    """
    steps = d.strategy.steps
    last = index + 1 < len(steps) and steps[index + 1] == FULL_WEIGHT
    own = d.gates.of_step(d.strategy.own(index))
    return compares(d, index) and last and own.min_requests > 0


def expected(
    d: Deployment, traffic: Traffic, rate: float | None, times: Sequence[float]
) -> float | None:
    """Seconds from the first weight until the comparison passes, if the new side is as good as the
    old one. ``times``: how long each step before all the weight takes. None if it cannot be
    expected to.
    """
    if not rate:
        return None
    base = traffic.failures / traffic.requests if traffic.requests else 0.0
    steps = [
        (weight / FULL_WEIGHT, seconds)
        for weight, seconds in zip(d.strategy.steps, times, strict=False)
        if weight < FULL_WEIGHT
    ]
    if not steps:
        return None
    return expected_seconds(comparison.settings(d.gates, observing.ERRORS), rate, base, steps)


def waits(d: Deployment, index: int) -> Iterator[str]:
    """What a step waits for by the comparison, for people."""
    if not compares(d, index):
        return
    if needs_verdict(d, index):
        yield (
            f"errors compared with {d.old_side}: shown to be no worse (wrong for at most "
            f"{percent(d.gates.beta)} of the bad versions)"
        )
        yield "client-errors and latency: nothing speaks against it"
        for part in d.gates.watch:
            yield (
                f"errors of {part.name}: the same, later by as much as it is rarer, unless it is "
                f"less than {percent(comparison.RARE)} of the requests"
            )
    else:
        yield (
            f"compared with {d.old_side} in errors, 4xx and latency: at most "
            f"{percent(d.gates.alpha)} of the good versions ever fail"
        )


def words(seconds: float) -> str:
    """What the expected time follows from."""
    return f"a verdict of the comparison {span(seconds)} after the first weight"
