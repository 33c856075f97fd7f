"""Windows of measurement as the comparing gate takes them, and what it says as verdicts. Pure.

The metrics share ``alpha``:

- ``errors``: failed requests, and requests that begin in a window and have no answer at its end.
- ``client-errors``: requests that were answered with a 4xx.
- ``latency``: answers slower than each of a few bounds of Envoy's histogram.

- ``errors of PART``, for each part that is watched: failed requests to it.

The first passes by evidence that the new side is not worse, and so do the parts that are not rare.
The others pass as long as there is no evidence that it is; none passes while there is some, though
not enough to FAIL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Verdict
from tealmesh.model.rollout.comparison import Comparison, Evidence
from tealmesh.model.traffic.windows import Counts, Judged, SideWindow, Window
from tealmesh.rollout.gates.comparing import (
    Arm,
    Judgement,
    Observation,
    Pair,
    Settings,
    State,
    add,
    judge,
    start,
)

if TYPE_CHECKING:
    from tealmesh.rollout.gates.comparing.bodies import StateBody

ERRORS, CLIENT_ERRORS, LATENCY = METRICS = ("errors", "client-errors", "latency")

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

_PART_SECONDS = 10
"""What was seen of the old side before is told in windows of so many seconds."""
_LEAST_PART_SECONDS = 6
"""The shortest of them."""

_AT_ONCE = 0.001
"""Seconds between two windows of which one begins when the other ends."""

ERRORS_OF = "errors of "
"""With the name of a part, its metric."""
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
    return (*METRICS, *(f"{ERRORS_OF}{part.name}" for part in gates.watch))


def settings(gates: Gates, metric: str) -> Settings:
    """What the comparison of a metric is to decide."""
    common = Settings(alpha=gates.alpha, beta=gates.beta, margin=gates.margin)
    common = common.split(len(metrics(gates)))
    if metric == LATENCY:
        margin = max(gates.margin, _SLOW_MARGIN)
        return replace(common, margin=margin, pass_needed=False)
    if metric == CLIENT_ERRORS:
        return replace(common, pass_needed=False)
    allowed = 1 - gates.success_rate
    # Without a number of requests to wait for, and where all may fail, nothing is waited for.
    needed = gates.min_requests > 0 and allowed < 1
    return replace(common, allowed=allowed or _DEFAULT_ALLOWED, pass_needed=needed)


def prepared(comparison: Comparison, gates: Gates, before: SideWindow) -> Comparison:
    """The comparison with what callers saw of the old side before the first weight: how fast it
    answers, and whether its errors come in bursts.
    """
    bounds = _bounds(before)
    fresh = replace(comparison, before=before.counts, bounds=bounds, evidence={})
    states = _states(fresh, gates)
    nothing = SideWindow()
    for part in _parts(before):
        states = _added(states, gates, bounds, part, nothing, 0, step=-1, cold=False)
    evidence = _evidence(states)
    return replace(fresh, evidence=evidence, prior=evidence)


def compared(comparison: Comparison, gates: Gates, window: Window) -> Comparison:
    """The comparison after another window in which both sides had weight."""
    if not comparison.bounds:
        comparison = replace(comparison, bounds=DEFAULT_BOUNDS)
    cold = window.started_at < comparison.cold_until
    open_before = _open_before(comparison.last, window)
    states = _added(
        _states(comparison, gates),
        gates,
        comparison.bounds,
        window.old,
        window.new,
        open_before,
        step=window.step,
        cold=cold,
    )
    return replace(comparison, evidence=_evidence(states))


def judgements(comparison: Comparison, gates: Gates) -> tuple[Compared, ...]:
    """What the comparison of each metric came to."""
    states = _states(comparison, gates)
    return tuple(_judged(metric, states, gates) for metric in states)


def _judged(metric: str, states: Mapping[str, State], gates: Gates) -> Compared:
    state, share, wanted = states[metric], 1.0, settings(gates, metric)
    if metric not in METRICS:
        of_part, whole = state.strands[0].seen.old.requests, states[ERRORS].strands[0].seen.old
        share = min(1.0, of_part / whole.requests) if whole.requests else 0.0
        wanted = replace(wanted, pass_needed=wanted.pass_needed and share >= RARE)
    return Compared(metric, judge(state, wanted), state, wanted, share)


def judged(comparison: Comparison, gates: Gates) -> dict[str, Judged]:
    """The same as a window keeps it."""
    return {one.metric: one.numbers for one in judgements(comparison, gates)}


def _states(comparison: Comparison, gates: Gates) -> dict[str, State]:
    """The evidence on each metric; none yet where nothing was stored."""
    weights: Mapping[str, Sequence[float]] = {
        **dict.fromkeys(metrics(gates), (1.0,)),
        ERRORS: (1 - _UNANSWERED, _UNANSWERED),
        LATENCY: (1.0,) * len(comparison.bounds or DEFAULT_BOUNDS),
    }
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
    gates: Gates,
    bounds: Sequence[float],
    old: SideWindow,
    new: SideWindow,
    open_before: int,
    *,
    step: int,
    cold: bool,
) -> dict[str, State]:
    """The evidence after what callers saw of both sides at the same time."""
    observed: dict[str, Sequence[Observation]] = {
        ERRORS: (_failed(old, new), _unanswered(old, new, open_before)),
        CLIENT_ERRORS: (_blamed(old, new),),
        LATENCY: tuple(_slow(old, new, bound) for bound in bounds),
        **{f"{ERRORS_OF}{p.name}": (_failed_of(p.name, old, new),) for p in gates.watch},
    }
    if cold:
        del observed[LATENCY]
    return {
        metric: add(state, settings(gates, metric), *observed[metric], step=step)
        if metric in observed
        else state
        for metric, state in states.items()
    }


def _failed(old: SideWindow, new: SideWindow) -> Observation:
    parts = tuple(
        Pair(Arm(a.requests, a.failures), Arm(b.requests, b.failures))
        for a, b in _seconds(old, new)
    )
    return Observation(Arm(old.requests, old.failures), Arm(new.requests, new.failures), parts)


def _failed_of(part: str, old: SideWindow, new: SideWindow) -> Observation:
    """Failed requests to a part."""
    seconds = zip_longest(old.by_part.get(part, ()), new.by_part.get(part, ()), fillvalue=Counts())
    pairs = tuple(
        Pair(Arm(a.requests, a.failures), Arm(b.requests, b.failures)) for a, b in seconds
    )
    whole = sum(pairs, Pair())
    return Observation(whole.old, whole.new, pairs)


def _blamed(old: SideWindow, new: SideWindow) -> Observation:
    parts = tuple(
        Pair(Arm(a.requests, a.client_errors), Arm(b.requests, b.client_errors))
        for a, b in _seconds(old, new)
    )
    whole = Pair(Arm(old.requests, old.client_errors), Arm(new.requests, new.client_errors))
    return Observation(whole.old, whole.new, parts)


def _unanswered(old: SideWindow, new: SideWindow, open_before: int) -> Observation:
    """Of the requests that began in the window, those without an answer at its end. Nobody counts
    them: of the old side all in flight are taken, of the new side only those that are more than
    before, so that it never looks worse than it is.
    """
    hang = max(0, new.open - open_before)
    begun = max(new.requests + new.open - open_before, hang)
    before = max(old.requests, old.active)
    return Observation(Arm(before, old.active), Arm(begun, hang))


def _open_before(last: Window | None, window: Window) -> int:
    """The new side's requests in flight when the window began; if that is not known, as many as at
    its end.
    """
    if last is None:
        return 0 if window.index == 0 else window.new.open
    follows = abs(last.started_at + last.seconds - window.started_at) < _AT_ONCE
    return last.new.open if follows else window.new.open


def _slow(old: SideWindow, new: SideWindow, bound: float) -> Observation:
    """The answers that took longer than a bound in milliseconds."""
    parts = tuple(
        Pair(_slower(old.bounds, a, bound), _slower(new.bounds, b, bound))
        for a, b in zip_longest(old.latency_by_second, new.latency_by_second, fillvalue=())
    )
    whole = [_slower(side.bounds, (*side.buckets, side.timed), bound) for side in (old, new)]
    return Observation(whole[0], whole[1], parts)


def _slower(bounds: Sequence[float], counts: Sequence[int], bound: float) -> Arm:
    """Of a histogram's counts up to each bound, and of all, those above ``bound`` or the next one
    that there is.
    """
    if len(counts) != len(bounds) + 1:
        return Arm()
    total = counts[-1]
    within = next((n for at, n in zip(bounds, counts, strict=False) if at >= bound), total)
    return Arm(total, max(0, total - within))


def _bounds(before: SideWindow) -> tuple[float, ...]:
    """The bounds of latency to compare by: from the first one that most answers of the old side
    keep.
    """
    if before.timed < _ENOUGH_TIMED:
        return DEFAULT_BOUNDS
    kept = [
        bound
        for bound, within in zip(before.bounds, before.buckets, strict=False)
        if 1 - within / before.timed < _SLOWEST_OF
    ]
    return tuple(kept[:_BOUNDS]) or DEFAULT_BOUNDS


def _parts(before: SideWindow) -> Iterator[SideWindow]:
    """A long window in parts, with their seconds, from the first request on; those in which traffic
    paused are left out, as errors are not in bursts because requests are.
    """
    busy = (index for index, second in enumerate(before.by_second) if second.requests)
    for index in range(next(busy, 0), len(before.by_second), _PART_SECONDS):
        seconds = before.by_second[index : index + _PART_SECONDS]
        timed = before.latency_by_second[index : index + _PART_SECONDS]
        quiet = sum(1 for second in seconds if not second.requests)
        if len(seconds) < _LEAST_PART_SECONDS or quiet > 1:
            continue
        whole = sum(seconds, Counts())
        known = [one for one in timed if one]
        histogram = [sum(column) for column in zip(*known, strict=True)] if known else []
        yield SideWindow(
            requests=whole.requests,
            failures=whole.failures,
            client_errors=whole.client_errors,
            timed=histogram[-1] if histogram else 0,
            bounds=before.bounds if histogram else (),
            buckets=tuple(histogram[:-1]),
            by_second=seconds,
            latency_by_second=timed,
            by_part={
                name: counts[index : index + _PART_SECONDS]
                for name, counts in before.by_part.items()
            },
        )


def _seconds(old: SideWindow, new: SideWindow) -> Iterator[tuple[Counts, Counts]]:
    return zip_longest(old.by_second, new.by_second, fillvalue=Counts())
