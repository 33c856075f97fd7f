"""How long the steps with weight take, by the machine's rules and at the present traffic. Pure.

A step ends when its time is over and every gate has what it needs: `machine.judging`. The one that
waits longest is the one that decides, and is told. `tests/rollout/planning/test_honesty.py` drives
the machine itself at steady traffic and compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.said import counted
from tealmesh.model.spans import span
from tealmesh.model.traffic.windows import REPORT_SECONDS
from tealmesh.rollout.gates import comparison, observing
from tealmesh.rollout.gates.assess import ALPHA, log_evidence, percent
from tealmesh.rollout.gates.comparing import expected_seconds
from tealmesh.rollout.machine.transitions import FULL_WEIGHT
from tealmesh.rollout.machine.windows import longest_window
from tealmesh.rollout.planning.present import Present

LOOK_SECONDS = REPORT_SECONDS
"""What has happened is in the next report of every caller, and is looked at then."""


@dataclass(frozen=True)
class Wait:
    """What a step waits for."""

    seconds: float | None
    """From the moment on at which its weight is measured; None if nobody knows, or if it cannot be
    expected at all."""
    by: str
    """What that follows from, or why nobody knows; for people."""
    verdict: float | None = None
    """Where it is the comparison: seconds from the first weight on, gaps between steps left out."""
    compared: str = ""
    """Where it is the comparison: what is compared, such as ``errors of POST``."""
    part: str = ""
    """The part of the requests that it is about; empty for all."""


@dataclass(frozen=True)
class Timed:
    """How long a step is measured."""

    wait: Wait
    """What it waits for longest."""
    limit: float
    """How long it may take."""

    @property
    def seconds(self) -> float | None:
        return self.wait.seconds

    @property
    def late(self) -> bool:
        """Whether it would take longer than it may."""
        return self.seconds is not None and self.seconds > self.limit


def steps(strategy: Strategy, gates: Gates, present: Present) -> tuple[Timed, ...]:
    """Each step of a strategy."""
    found: list[Timed] = []
    compared: list[tuple[float, float]] | None = []
    for index, weight in enumerate(strategy.steps):
        share = weight / FULL_WEIGHT
        waits = list(_waits(strategy, gates, present, index, compared))
        unknown = (wait for wait in waits if wait.seconds is None)
        wait = next(unknown, None) or max(waits, key=lambda one: one.seconds or 0.0)
        found.append(Timed(wait, strategy.time_of(index) + strategy.timeout_of(index)))
        if wait.seconds is None:
            compared = None
        elif compared is not None and share < 1:
            compared = [*compared, (share, wait.seconds)]
    return tuple(found)


def needs_verdict(strategy: Strategy, gates: Gates, index: int) -> bool:
    """Whether the comparison has to pass at the end of a step: the next one gives all the weight,
    and nothing can be compared after that.
    """
    last = strategy.steps[index + 1 : index + 2] == (FULL_WEIGHT,)
    own = gates.of_step(strategy.own(index))
    return gates.compare and last and own.min_requests > 0


def _waits(
    strategy: Strategy,
    gates: Gates,
    present: Present,
    index: int,
    compared: Sequence[tuple[float, float]] | None,
) -> Iterator[Wait]:
    """``compared``: share and seconds of each step before, of what is compared; None if that is not
    known.
    """
    yield Wait(strategy.time_of(index), "step_time")
    own = gates.of_step(strategy.own(index))
    share = strategy.steps[index] / FULL_WEIGHT
    yield from _objectives(own, present, share * strategy.time_of(index))
    if not own.min_requests:
        return
    if not present.rate:
        seen = "no request was seen lately" if present.rate is not None else "not seen long enough"
        yield Wait(None, seen)
        return
    yield from _requests(own, present, present.rate, share)
    if needs_verdict(strategy, gates, index):
        yield from _verdicts(strategy, gates, present, index, compared)


def _objectives(own: Gates, present: Present, shared: float) -> Iterator[Wait]:
    """The fixed objectives that the present version itself misses. ``shared``: seconds of the
    step's time, times the new side's share.
    """
    told = [("of the requests", present.whole, 1, "")]
    for part in own.watch:
        portion = present.of(part.name)
        if portion is not None:
            told.append((f"of {part.name}", portion, len(own.watch), part.name))
    for what, portion, parts, part_name in told:
        requests = round((present.rate or 0.0) * portion.share * shared)
        failures = round(requests * portion.base)
        shown = log_evidence(requests, failures, own.success_rate) >= math.log(parts / ALPHA)
        misses = portion.share > 0 and portion.base > 1 - own.success_rate
        if misses and (own.min_requests or shown):
            yield Wait(None, _bad(what, portion.base, own), part=part_name)


def _requests(own: Gates, present: Present, rate: float, share: float) -> Iterator[Wait]:
    """The requests that the fixed objectives are judged by. ``rate``: requests a second, of which
    the new side gets a ``share``.
    """
    least, to_new = own.min_requests, rate * share
    yield Wait(least / to_new, f"{counted(least, 'request')} at {to_new:.1f} a second")
    if own.latency:
        timed = to_new * present.timed
        yield Wait(least / timed, f"{counted(least, 'timed answer')} at {timed:.1f} a second")
    for part in own.watch:
        portion = present.of(part.name)
        # The old side tells how many come along: none at the last step, or of a part so rare that
        # it has none itself meanwhile.
        elsewhere = (least / share) * (1 - share) * portion.share if portion else 0.0
        if portion and elsewhere >= 1:
            needed = math.ceil(least * portion.share)
            asked = f"{counted(needed, 'request')} to {part.name}"
            each = to_new * portion.share
            yield Wait(needed / each, f"{asked} at {each:.1f} a second", part=part.name)


def _bad(what: str, base: float, own: Gates) -> str:
    return (
        f"{percent(base)} {what} fail now, and success_rate = {own.success_rate:g} allows "
        f"{percent(1 - own.success_rate)}: a version as good as the present one is rolled back"
    )


def _verdicts(
    strategy: Strategy,
    gates: Gates,
    present: Present,
    index: int,
    compared: Sequence[tuple[float, float]] | None,
) -> Iterator[Wait]:
    """The PASS of each metric that needs one: the rarer what it is about, the later."""
    share, time = strategy.steps[index] / FULL_WEIGHT, strategy.time_of(index)
    for metric in comparison.metrics(gates):
        settings = comparison.settings(gates, metric)
        _, part = observing.what(metric)
        if not settings.pass_needed:
            continue
        portion = present.of(part) if part else present.whole
        if portion is None:
            yield Wait(None, f"{part} is counted in deployments only, and has not been yet", None,
                       metric, part)  # fmt: skip
            continue
        if part and portion.share < comparison.RARE:
            continue
        expected = None
        if compared is not None and present.rate:
            rate, phi = present.rate * portion.share, present.phi.get(metric, 1.0)
            ahead = [*compared, (share, time)]
            expected = expected_seconds(settings, rate, portion.base, ahead, phi)
        if expected is None:
            cannot = "the comparison cannot be expected to have a verdict"
            yield Wait(None, f"{cannot} on {metric}", None, metric, part)
            continue
        missing = expected - sum(seconds for _, seconds in compared or ())
        seconds = _at_end_of_window(missing, time)
        words = f"a verdict on {metric} {span(expected)} after the first weight"
        yield Wait(seconds, words, expected, metric, part)


def _at_end_of_window(seconds: float, step_time: float) -> float:
    """What is decided by comparison is decided when a window ends: at the end of the step's time,
    and then again and again.
    """
    if seconds <= step_time:
        return min(step_time, max(0.0, seconds))
    window = longest_window(step_time)
    return step_time + math.ceil((seconds - step_time) / window) * window
