"""Windows of measurement as the comparing gate takes them, and what it says as verdicts. Pure.

The metrics share ``alpha``:

- ``errors``: failed requests, and requests that begin in a window and have no answer at its end.
- ``client-errors``: requests that were answered with a 4xx.
- ``latency``: answers slower than each of a few bounds of Envoy's histogram.

and the same three ``of PART`` for each part that is watched. All have the same share of ``alpha``.

``errors`` pass by evidence that the new side is not worse, and so do those of parts that are not
rare. The others pass as long as there is no evidence that it is; none passes while there is some,
though not enough to FAIL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Verdict
from tealmesh.model.rollout.comparison import Comparison, Evidence, Usual
from tealmesh.model.traffic.windows import Judged, SideWindow, Window
from tealmesh.rollout.gates import observing, since
from tealmesh.rollout.gates.comparing import (
    Judgement,
    Observation,
    Settings,
    State,
    add,
    judge,
    start,
)
from tealmesh.rollout.gates.comparing.bursts import KEPT
from tealmesh.rollout.gates.observing import (
    CLIENT_ERRORS,
    ERRORS,
    LATENCY,
    METRICS,
    OF,
    what,
)

if TYPE_CHECKING:
    from tealmesh.rollout.gates.comparing.bodies import StateBody

_UNANSWERED = 0.1
"""The part of the capital on errors that bets on requests without an answer."""

_SLOW_MARGIN = 0.5
"""Slow answers may be so much more frequent, as a side with few requests has colder caches."""

COLD_SECONDS = 10.0
"""For so long after its first weight the new side's latency is not judged: connections, caches and
compilers are cold."""

DEFAULT_BOUNDS = (25.0, 100.0, 500.0, 2500.0)
"""Milliseconds; where the old side's latency is not known beforehand."""
_BOUNDS = 4
_SLOWEST_OF = 0.6
"""A bound that more of the old side's answers exceed says little."""
_ENOUGH_TIMED = 100

RARE = 0.01
"""A part with a smaller share of the old side's requests is not waited for."""

_DEFAULT_ALLOWED = 0.01
"""The share of errors that shows a new side good, where the objective is that there be none."""


@dataclass(frozen=True)
class Compared:
    """A metric, and what its comparison came to."""

    metric: str
    judgement: Judgement
    state: State
    settings: Settings
    share: float = 1.0
    """The share of all requests that it is about, 0 to 1."""

    @property
    def suspect(self) -> bool:
        """Whether so much speaks against the new side that chance would show it in fewer than
        ``beta`` of the good versions: then it has to be seen for longer.
        """
        return self.judgement.log_e_worse >= self.judgement.pass_at

    @property
    def verdict(self) -> Verdict:
        """FAIL, PASS or NEED_DATA."""
        found = self.judgement.verdict
        return Verdict.NEED_DATA if found is Verdict.PASS and self.suspect else found

    @property
    def numbers(self) -> Judged:
        """The e-values with their bounds, as windows and verdicts keep them."""
        found = self.judgement
        return Judged(
            verdict=self.verdict.value,
            log_e_worse=found.log_e_worse,
            fail_at=found.fail_at,
            log_e_alike=found.log_e_alike,
            log_e_below=found.log_e_below,
            pass_at=found.pass_at,
            phi=found.phi,
        )


def metrics(gates: Gates) -> tuple[str, ...]:
    """What is compared."""
    of_parts = (f"{metric}{OF}{part.name}" for part in gates.watch for metric in METRICS)
    return (*METRICS, *of_parts)


def bounds_of(comparison: Comparison, part: str) -> tuple[float, ...]:
    """The bounds of latency in milliseconds for a part, or an empty one for the whole service."""
    of_part = comparison.part_bounds.get(part, ()) if part else ()
    return of_part or comparison.bounds or DEFAULT_BOUNDS


def every_bound(comparison: Comparison, gates: Gates) -> dict[str, tuple[float, ...]]:
    """`bounds_of` the whole service and of each part."""
    return {part: bounds_of(comparison, part) for part in ("", *(p.name for p in gates.watch))}


def settings(gates: Gates, metric: str) -> Settings:
    """What the comparison of a metric is to decide."""
    common = Settings(alpha=gates.alpha, beta=gates.beta, margin=gates.margin)
    common = common.split(len(metrics(gates)))
    kind, _ = what(metric)
    if kind == LATENCY:
        margin = max(gates.margin, _SLOW_MARGIN)
        return replace(common, margin=margin, pass_needed=False)
    if kind == CLIENT_ERRORS:
        return replace(common, pass_needed=False)
    allowed = 1 - gates.success_rate
    # Without a number of requests to wait for, and where all may fail, nothing is waited for.
    needed = gates.min_requests > 0 and allowed < 1
    return replace(common, allowed=allowed or _DEFAULT_ALLOWED, pass_needed=needed)


def prepared(comparison: Comparison, gates: Gates, before: SideWindow) -> Comparison:
    """The comparison with what callers saw of the old side before the first weight: how fast it
    answers, and whether its errors come in bursts.
    """
    of_parts = {
        part.name: _bounds(before.part_bounds, observing.timed_of(part.name, before))
        for part in gates.watch
    }
    fresh = replace(
        comparison,
        before=before.counts,
        bounds=_bounds(before.bounds, (*before.buckets, before.timed)),
        part_bounds={part: bounds for part, bounds in of_parts.items() if bounds},
        evidence={},
    )
    fresh = replace(fresh, bounds=fresh.bounds or DEFAULT_BOUNDS)
    fresh = replace(fresh, usual=_usual(fresh, gates, before, len(before.by_second)))
    states = _states(fresh, gates)
    nothing = Window(-1, -1, 0.0, 0.0, {}, SideWindow(), SideWindow())
    for part in observing.in_parts(before):
        states = _added(states, fresh, gates, replace(nothing, old=part), cold=False)
    evidence = _evidence(states)
    return replace(fresh, evidence=evidence, prior=evidence)


def compared(comparison: Comparison, gates: Gates, window: Window) -> Comparison:
    """The comparison after another window in which both sides had weight."""
    if not comparison.bounds:
        comparison = replace(comparison, bounds=DEFAULT_BOUNDS)
    cold = window.started_at < comparison.cold_until
    states = _added(_states(comparison, gates), comparison, gates, window, cold=cold)
    usual = _usual(comparison, gates, window.old, window.seconds)
    # What follows the shift is held against what is known then.
    asked = _asked(comparison, gates, window.old)
    return replace(comparison, evidence=_evidence(states), usual=usual, asked=asked, since={})


def _asked(comparison: Comparison, gates: Gates, old: SideWindow) -> dict[str, float]:
    """What the old side was asked for, after another window. Also one in which the new side got no
    request to a part counts here: else a rare one would look rarer than it is.
    """
    known = {"": old.requests}
    for part in gates.watch:
        known[part.name] = sum(second.requests for second in old.by_part.get(part.name, ()))
    return {part: comparison.asked.get(part, 0.0) * KEPT + new for part, new in known.items()}


def _usual(
    comparison: Comparison, gates: Gates, old: SideWindow, seconds: float
) -> dict[str, tuple[Usual, ...]]:
    bounds = every_bound(comparison, gates)
    return since.remembered(comparison.usual, gates, bounds, old, seconds)


def whole(comparison: Comparison, gates: Gates, window: Window) -> Comparison:
    """The comparison after another window in which the new side had all the weight."""
    states = _states(comparison, gates)
    phis = {
        metric: [strand.bursts.phi for strand in state.strands] for metric, state in states.items()
    }
    phis[since.HANGING] = phis[ERRORS][1:]
    bounds = every_bound(comparison, gates)
    return replace(comparison, since=since.added(comparison, gates, bounds, phis, window))


def judgements(comparison: Comparison, gates: Gates) -> tuple[Compared, ...]:
    """What the comparison of each metric came to."""
    states = _states(comparison, gates)
    return tuple(_judged(metric, states, gates, comparison.asked) for metric in states)


def _judged(
    metric: str, states: Mapping[str, State], gates: Gates, asked: Mapping[str, float]
) -> Compared:
    state, share, wanted = states[metric], 1.0, settings(gates, metric)
    kind, part = what(metric)
    if part and kind == ERRORS:
        of_part, every = asked.get(part, 0.0), asked.get("", 0.0)
        share = min(1.0, of_part / every) if every else 0.0
        wanted = replace(wanted, pass_needed=wanted.pass_needed and share >= RARE)
    return Compared(metric, judge(state, wanted), state, wanted, share)


def judged(comparison: Comparison, gates: Gates) -> dict[str, Judged]:
    """The same as a window keeps it."""
    return {one.metric: one.numbers for one in judgements(comparison, gates)}


def _states(comparison: Comparison, gates: Gates) -> dict[str, State]:
    """The evidence on each metric; none yet where nothing was stored."""
    weights: dict[str, Sequence[float]] = dict.fromkeys(metrics(gates), (1.0,))
    weights[ERRORS] = (1 - _UNANSWERED, _UNANSWERED)
    for metric in weights:
        kind, part = what(metric)
        if kind == LATENCY:
            weights[metric] = (1.0,) * len(bounds_of(comparison, part))
    stored: Mapping[str, Evidence] = comparison.evidence
    return {
        metric: State.from_json(cast("StateBody", stored[metric]))
        if metric in stored
        else start(weights[metric])
        for metric in metrics(gates)
    }


def _evidence(states: Mapping[str, State]) -> dict[str, Evidence]:
    """The evidence as it comes out of the store."""
    return {metric: json.loads(json.dumps(state.to_json())) for metric, state in states.items()}


def _added(
    states: Mapping[str, State],
    comparison: Comparison,
    gates: Gates,
    window: Window,
    *,
    cold: bool,
) -> dict[str, State]:
    """The evidence after what callers saw of both sides at the same time. ``cold``: latency is not
    judged yet.
    """
    return {
        metric: state
        if cold and what(metric)[0] == LATENCY
        else add(
            state,
            settings(gates, metric),
            *_observed(metric, comparison, window),
            step=window.step,
        )
        for metric, state in states.items()
    }


def _observed(metric: str, comparison: Comparison, window: Window) -> Sequence[Observation]:
    """What the window says of a metric, for each of its strands."""
    old, new, (kind, part) = window.old, window.new, what(metric)
    if kind == LATENCY:
        bounds = bounds_of(comparison, part)
        if part:
            return [observing.slow_of(part, old, new, bound) for bound in bounds]
        return [observing.slow(old, new, bound) for bound in bounds]
    if kind == CLIENT_ERRORS:
        return [observing.blamed_of(part, old, new) if part else observing.blamed(old, new)]
    if part:
        return [observing.failed_of(part, old, new)]
    before = observing.open_before(comparison.last, window)
    return [observing.failed(old, new), observing.unanswered(old, new, before)]


def _bounds(bounds: Sequence[float], histogram: Sequence[int]) -> tuple[float, ...]:
    """The bounds of latency to compare by, of those that a histogram of the old side has: from the
    first one that most answers keep. None if too few were timed.
    """
    if not histogram or histogram[-1] < _ENOUGH_TIMED:
        return ()
    kept = [
        bound
        for bound, within in zip(bounds, histogram, strict=False)
        if 1 - within / histogram[-1] < _SLOWEST_OF
    ]
    return tuple(kept[:_BOUNDS])
