"""The new side after it got all the weight, against what the old side had before. Pure.

There is nothing beside it any more, so this is no comparison of the same seconds: what callers do
differently meanwhile counts against the new side. So it may have twice what the old side is sure
not to have exceeded, and some share in any case; what is beyond that is found, such as a version
that answers 404 to everything, or to one part of a service.

The limit of a share of bad requests is `TIMES` its upper confidence bound (Chernoff), with counts
divided by φ. Each window of measurement is one bet, on the share ``s`` of its requests that were
bad: the capital is multiplied by 1 + f·(s/limit - 1), for several stakes f. Its mean is at most 1
if the mean of ``s`` is at most ``limit``, however the bad requests of the window hang together, so
that the mean E of the capitals reaches 1/a with a probability of at most a (Ville). All metrics
together have `assess.ALPHA`, half of it for their bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import GateResult, Verdict
from tealmesh.model.rollout.comparison import Comparison, Since, Usual
from tealmesh.model.said import counted, say
from tealmesh.model.traffic.windows import Judged, SideWindow, Window
from tealmesh.rollout.gates import observing
from tealmesh.rollout.gates.assess import ALPHA, percent
from tealmesh.rollout.gates.comparing import Arm
from tealmesh.rollout.gates.comparing.bets import log_mean_exp
from tealmesh.rollout.gates.comparing.bursts import KEPT
from tealmesh.rollout.gates.observing import CLIENT_ERRORS, LATENCY, OF, what

HANGING = "hanging"
SINCE = " since the shift"
"""Ends the names of these gates."""

TIMES = 2.0
"""The new side may have so many times what the old one is sure not to have exceeded."""
FLOORS = {CLIENT_ERRORS: 0.01, LATENCY: 0.05, HANGING: 0.02}
"""The share of bad requests that is no reason, whatever the old side had."""
STAKES = (0.1, 0.25, 0.5, 0.75, 0.95)
FEWEST = 20
"""Fewer requests never fail."""
_WINDOW_SECONDS = 10.0
"""Requests in flight at the end of a window are told as a share of those of so many seconds."""

_HAPPENED = {
    CLIENT_ERRORS: say("were answered with a client error (4xx)"),
    HANGING: say("had no answer yet when windows of measurement ended"),
}

Bounds = Mapping[str, Sequence[float]]
"""The bounds of latency in milliseconds, by the part; that of the whole service is empty."""


def remembered(
    usual: Mapping[str, Sequence[Usual]],
    gates: Gates,
    bounds: Bounds,
    old: SideWindow,
    seconds: float,
) -> dict[str, tuple[Usual, ...]]:
    """What is usual, after another window of the old side of so many seconds: the past is forgotten
    by half in some five minutes.
    """
    found: dict[str, tuple[Usual, ...]] = {}
    for metric, arms in _arms(gates, bounds, old, SideWindow(), 0):
        # Requests in flight are counted once, however many come in a window.
        times = _WINDOW_SECONDS / seconds if metric == HANGING and seconds else 1.0
        found[metric] = tuple(
            Usual(
                was.requests * KEPT + max(arm.requests * times, arm.bad), was.bad * KEPT + arm.bad
            )
            for was, (arm, _) in zip(usual.get(metric, (Usual(),) * len(arms)), arms, strict=True)
        )
    return found


def added(
    comparison: Comparison,
    gates: Gates,
    bounds: Bounds,
    phis: Mapping[str, Sequence[float]],
    window: Window,
) -> dict[str, tuple[Since, ...]]:
    """The evidence after a window in which the new side had all the weight. ``phis``: by metric,
    the overdispersion of each way to count bad requests.
    """
    cold = window.started_at < comparison.cold_until
    open_before = observing.open_before(comparison.last, window)
    after: dict[str, tuple[Since, ...]] = {}
    for metric, arms in _arms(gates, bounds, SideWindow(), window.new, open_before):
        known = comparison.usual.get(metric, ())
        so_far = comparison.since.get(metric) or _begun(metric, known, phis, gates)
        parts = min(1.0, window.seconds / _WINDOW_SECONDS) if metric == HANGING else 1.0
        judged = len(known) == len(arms) and not (cold and what(metric)[0] == LATENCY)
        after[metric] = (
            tuple(_bet(one, new, parts) for one, (_, new) in zip(so_far, arms, strict=True))
            if judged
            else tuple(so_far)
        )
    return {metric: so_far for metric, so_far in after.items() if so_far}


def judged(comparison: Comparison, gates: Gates) -> dict[str, Judged]:
    """The e-values with their bounds, as windows keep them, by the name of the gate."""
    return {
        f"{metric}{SINCE}": _numbers(so_far, gates) for metric, so_far in comparison.since.items()
    }


def verdicts(
    comparison: Comparison, gates: Gates, bounds: Bounds, new: str, old: str
) -> tuple[GateResult, ...]:
    """One verdict for each metric. ``new``, ``old``: what people call the sides."""
    return tuple(
        _verdict(metric, so_far, gates, bounds, new, old)
        for metric, so_far in comparison.since.items()
        if any(one.requests for one in so_far)
    )


def upper_bound(requests: float, bad: float, error: float) -> float:
    """The share of bad requests, 0 to 1, that is exceeded with a probability of at most ``error``,
    by Chernoff's bound.
    """
    if requests <= 0:
        return 1.0
    seen = min(1.0, bad / requests)
    low, high = seen, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if requests * _divergence(seen, middle) < -math.log(error)
            else (low, middle)
        )
    return high


def _divergence(seen: float, true: float) -> float:
    """Kullback and Leibler's, of two shares."""
    if true >= 1.0:
        return math.inf if seen < 1.0 else 0.0
    found = seen * math.log(seen / true) if seen else 0.0
    return found + ((1 - seen) * math.log((1 - seen) / (1 - true)) if seen < 1.0 else 0.0)


def _metrics(gates: Gates) -> tuple[str, ...]:
    of_parts = (f"{kind}{OF}{p.name}" for p in gates.watch for kind in (CLIENT_ERRORS, LATENCY))
    return (CLIENT_ERRORS, LATENCY, HANGING, *of_parts)


def _arms(
    gates: Gates, bounds: Bounds, old: SideWindow, new: SideWindow, open_before: int
) -> Iterator[tuple[str, list[tuple[Arm, Arm]]]]:
    """By metric, both sides' requests for each way to count bad ones."""
    seen = observing.blamed(old, new)
    yield CLIENT_ERRORS, [(seen.old, seen.new)]
    slow = [observing.slow(old, new, bound) for bound in bounds[""]]
    yield LATENCY, [(one.old, one.new) for one in slow]
    hangs = observing.unanswered(old, new, open_before)
    yield HANGING, [(hangs.old, hangs.new)]
    for part in gates.watch:
        seen = observing.blamed_of(part.name, old, new)
        yield (
            f"{CLIENT_ERRORS}{OF}{part.name}",
            [(seen.old, seen.new)],
        )
        slow = [observing.slow_of(part.name, old, new, bound) for bound in bounds[part.name]]
        yield (
            f"{LATENCY}{OF}{part.name}",
            [(one.old, one.new) for one in slow],
        )


def _begun(
    metric: str,
    known: Sequence[Usual],
    phis: Mapping[str, Sequence[float]],
    gates: Gates,
) -> tuple[Since, ...]:
    """No evidence yet, with the limits, which stay as they are from now on."""
    if not known:
        return ()
    error = ALPHA / 2 / len(_metrics(gates)) / max(1, len(known))
    every = phis.get(metric) or (1.0,) * len(known)
    shares = (
        upper_bound(usual.requests / phi, usual.bad / phi, error)
        for usual, phi in zip(known, every, strict=True)
    )
    return tuple(
        Since(usual, max(FLOORS[what(metric)[0]], TIMES * share), (0.0,) * len(STAKES))
        for usual, share in zip(known, shares, strict=True)
    )


def _bet(so_far: Since, new: Arm, parts: float = 1.0) -> Since:
    """The evidence after a window. ``parts``: what of the share of its bad requests counts."""
    after = replace(so_far, requests=so_far.requests + new.requests, bad=so_far.bad + new.bad)
    if not new.requests or so_far.limit >= 1:
        return after
    surplus = parts * new.bad / new.requests / so_far.limit - 1
    logs = zip(so_far.logs, STAKES, strict=True)
    return replace(after, logs=tuple(log + math.log1p(stake * surplus) for log, stake in logs))


def _log_e(one: Since) -> float:
    return log_mean_exp((1 / len(STAKES),) * len(STAKES), one.logs)


def _numbers(so_far: Sequence[Since], gates: Gates) -> Judged:
    log_e = log_mean_exp((1 / len(so_far),) * len(so_far), [_log_e(one) for one in so_far])
    fail_at, suspect_at = math.log(2 * len(_metrics(gates)) / ALPHA), -math.log(gates.beta)
    requests = max(one.requests for one in so_far)
    if log_e >= fail_at and requests >= FEWEST:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.NEED_DATA if log_e >= suspect_at else Verdict.PASS
    return Judged(verdict.value, log_e, fail_at, 0.0, None, suspect_at, 1.0)


def _verdict(
    metric: str, so_far: Sequence[Since], gates: Gates, bounds: Bounds, new: str, old: str
) -> GateResult:
    numbers = _numbers(so_far, gates)
    verdict, gate = Verdict(numbers.verdict), f"{metric}{SINCE}"
    strand = max(range(len(so_far)), key=lambda index: _log_e(so_far[index]))
    one = so_far[strand]
    kind, part = what(metric)
    happened = _HAPPENED.get(kind) or say(
        "took longer than {bound} ms", bound=f"{bounds[part][strand]:g}"
    )
    share = one.usual.bad / one.usual.requests if one.usual.requests else 0.0
    seen = say(
        "{bad} of {requests} to {new} {happened}; {share} of {old}'s did before, at most "
        "{limit} may",
        bad=f"{one.bad:,}",
        requests=counted(one.requests, "request"),
        new=new,
        happened=happened,
        share=percent(share),
        old=old,
        limit=percent(min(1.0, one.limit)),
    )
    if verdict is Verdict.FAIL:
        seen += say(
            "; fewer than 1 in {alpha} good versions would ever show this",
            alpha=f"{1 / ALPHA:,.0f}",
        )
    elif verdict is Verdict.NEED_DATA:
        seen += say(
            "; fewer than 1 in {beta} good versions would: more will tell",
            beta=f"{1 / gates.beta:,.0f}",
        )
    return GateResult(gate, verdict, seen, judged=numbers)
