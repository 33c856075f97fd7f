"""Gates: pure functions from measured numbers to a verdict.

Without traffic the verdict is NEED_DATA, never success; without any report it is UNKNOWN, not
failure. The verdicts that decide have a stated error rate:

- success-rate FAIL: an e-process for "failures are at most 1 - success_rate" reached 1/ALPHA. By
  Ville's inequality, a version that meets the threshold fails with probability at most ALPHA per
  window, however often the gate is evaluated (Ramdas et al., Game-theoretic statistics and safe
  anytime-valid inference, https://arxiv.org/abs/2210.01948). Assumes independent requests.
- success-rate PASS: the observed rate meets the threshold over at least ``min_requests``, and would
  meet it if the requests that hang now failed; the detail states the one-sided 95 % upper bound
  (Wilson) on the failure rate.
- share: |observed - expected| is within 4 standard deviations of the binomial distribution, which
  chance exceeds in less than one evaluation in 15,000; and within what the requests explain that
  were under way, by the weights before, when counting began. Those that began since then pass it
  too: none of them was.

``min_requests`` of 0 asks for no traffic: what was seen is judged, and nothing is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tealmesh.model.rollout import GateResult, SideTasks, Traffic, Verdict
from tealmesh.model.said import counted, listed, say
from tealmesh.model.traffic.failures import by_kind

ALPHA = 0.001
"""Upper bound, per window, on the probability that a version which meets the threshold fails."""

SHARE_DEVIATIONS = 4.0
"""Standard deviations by which the observed share may differ from the expected one."""

MOST_UNDER_WAY = 0.05
"""Requests that were under way explain no larger difference: there are too many of them then, and
the next window has fewer."""

MAX_FAILED_TASKS = 3
"""A new side fails when so many of its tasks have stopped by themselves. ECS's circuit breaker has
the same minimum threshold, https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

_WILSON_Z = 1.6448536269514722
"""The 95 % quantile of the standard normal distribution."""

_ALTERNATIVES = 10
"""Failure probabilities above the threshold that `log_evidence` mixes."""


def tasks(side: SideTasks, desired: int) -> GateResult:
    """PASS when all ``desired`` tasks are healthy; FAIL when they cannot start."""
    detail = say(
        "{healthy} of {tasks} healthy, {running} running",
        healthy=side.healthy,
        tasks=counted(desired, "task"),
        running=side.running,
    )
    if side.failed:
        detail += say(", {failed} stopped by themselves", failed=side.failed)
    if side.failure:
        verdict, detail = (
            Verdict.FAIL,
            say("{detail}: {failure}", detail=detail, failure=side.failure),
        )
    elif side.healthy >= desired:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.FAIL if side.failed >= MAX_FAILED_TASKS else Verdict.NEED_DATA
    return GateResult("tasks", verdict, detail, side.healthy, desired, "tasks")


def endpoints(new: Traffic, desired: int) -> GateResult:
    """PASS when the health checks of every caller's Envoy find all endpoints of the new side
    healthy.
    """
    if new.members is None or new.members_healthy is None:
        detail = say("no health report from the callers' Envoys yet")
        return GateResult("endpoints", Verdict.UNKNOWN, detail, 0, desired, "endpoints")
    passed = new.members_healthy >= desired
    healthy, all_ = new.members_healthy, counted(desired, "endpoint")
    if new.reporters == 1:
        detail = say("{n} of {all} healthy to the only caller's Envoy", n=healthy, all=all_)
    else:
        detail = say(
            "{n} of {all} healthy to each of {callers} callers' Envoys",
            n=healthy,
            all=all_,
            callers=new.reporters,
        )
    verdict = Verdict.PASS if passed else Verdict.NEED_DATA
    return GateResult("endpoints", verdict, detail, new.members_healthy, desired, "endpoints")


def convergence(converged: bool, waiting: Sequence[str], rejected: Sequence[str]) -> GateResult:
    """PASS when every Envoy runs with the weights; FAIL when one has refused them."""
    if converged:
        return GateResult("convergence", Verdict.PASS, say("every Envoy has acknowledged"))
    if rejected:
        told = listed(rejected, "; ")
        if len(rejected) == 1:
            detail = say("an Envoy rejects its configuration: {rejected}", rejected=told)
        else:
            detail = say(
                "{n} Envoys reject their configuration: {rejected}", n=len(rejected), rejected=told
            )
        return GateResult("convergence", Verdict.FAIL, detail)
    if not waiting:
        detail = say("Envoys that have not connected yet must acknowledge")
        return GateResult("convergence", Verdict.NEED_DATA, detail)
    shown = listed(list(waiting)[:3])
    if len(waiting) == 1:
        detail = say("1 Envoy has not acknowledged: {names}", names=shown)
    else:
        detail = say("{n} Envoys have not acknowledged: {names}", n=len(waiting), names=shown)
    if len(waiting) > 3:
        detail = say("{detail} and {n} more", detail=detail, n=len(waiting) - 3)
    return GateResult("convergence", Verdict.NEED_DATA, detail)


def share(
    old: Traffic,
    new: Traffic,
    expected: float,
    min_requests: int,
    *,
    sticky: bool = False,
    under_way: int = 0,
) -> GateResult:
    """PASS when the new side's share of all requests is as the weights say, 0 to 1. ``sticky``:
    whole users are divided by them, and one may send more than another. ``under_way``: so many
    requests may have been routed by the weights before.
    """
    total = old.requests + new.requests
    if total < min_requests or not total:
        return _few("share", total, min_requests, say("requests to both sides"))
    passed, detail = _shared(old.requests, new.requests, expected, under_way)
    if not passed and old.started + new.started >= max(min_requests, 1):
        # Those that were under way end now; which side they went to, the weights before have said.
        began, told = _shared(old.started, new.started, expected, 0, say(" that began"))
        if began:
            passed, detail = True, told
    if sticky and 0 < expected < 1:
        detail += say(", of users: each is kept on a side, however many requests he sends")
        passed = True
    verdict = Verdict.PASS if passed else Verdict.FAIL
    return GateResult("share", verdict, detail, total, min_requests, "requests")


def _shared(
    old: int, new: int, expected: float, under_way: int, which: str = ""
) -> tuple[bool, str]:
    """Whether requests were shared as the weights say, and in words how they were."""
    total = old + new
    observed = new / total
    tolerance = SHARE_DEVIATIONS * math.sqrt(expected * (1 - expected) / total)
    tolerance += min(under_way / total, MOST_UNDER_WAY)
    around = say(" ± {tolerance}", tolerance=percent(tolerance)) if tolerance else ""
    detail = say(
        "the new side got {observed} of {requests}{which}, its weight is {expected}{around}",
        observed=percent(observed),
        requests=counted(total, "request"),
        which=which,
        expected=percent(expected),
        around=around,
    )
    return abs(observed - expected) <= tolerance + 1e-12, detail


def success_rate(new: Traffic, threshold: float, min_requests: int) -> GateResult:
    """PASS when enough of the requests to the new side succeeded. ``threshold``: 0 to 1."""
    if not new.requests and (min_requests or not new.waiting):
        few = _few("success-rate", 0, min_requests, say("requests to the new side"))
        return (
            replace(few, detail=say("{detail}{waiting}", detail=few.detail, waiting=_waiting(new)))
            if new.waiting
            else few
        )
    detail = say(
        "{succeeded}, at least {threshold} must{failed}",
        succeeded=_succeeded(new),
        threshold=percent(threshold),
        failed=_failed(new),
    )
    numbers = (new.requests, min_requests, "requests")
    if log_evidence(new.requests, new.failures, threshold) >= -math.log(ALPHA):
        detail += say(
            "; fewer than 1 in {alpha} good versions would show this by chance",
            alpha=f"{1 / ALPHA:.0f}",
        )
        return GateResult("success-rate", Verdict.FAIL, detail, *numbers)
    if new.requests < min_requests:
        detail = say(
            "{requests} of {requests2} to the new side; {detail}",
            requests=new.requests,
            requests2=counted(min_requests, "request"),
            detail=detail,
        )
        return GateResult("success-rate", Verdict.NEED_DATA, detail + _waiting(new), *numbers)
    if hanging(new, threshold):
        return GateResult("success-rate", Verdict.NEED_DATA, detail + _waiting(new), *numbers)
    if new.requests:
        upper = failure_upper_bound(new.requests, new.failures)
        detail += say(" (at worst {upper} fail, with 95 % confidence)", upper=percent(upper))
    return GateResult("success-rate", Verdict.PASS, detail, *numbers)


def hanging(new: Traffic, threshold: float) -> bool:
    """Whether too few requests would have succeeded if those that hang now failed."""
    requests = new.requests + new.waiting
    return requests > 0 and 1 - (new.failures + new.waiting) / requests < threshold


def silence(old: Traffic, until: float) -> GateResult:
    """PASS when the old side got no request up to the time ``until`` (epoch seconds)."""
    if old.reporters == 0:
        return GateResult(
            "silence", Verdict.UNKNOWN, say("no Envoy has reported on the old side yet")
        )
    reporters = counted(old.reporters, "Envoy")
    detail = say(
        "{requests} to the old side, as {reporters} reported",
        requests=counted(old.started, "request"),
        reporters=reporters,
    )
    if old.started:
        return GateResult("silence", Verdict.FAIL, detail)
    if old.seen_until < until:
        return GateResult("silence", Verdict.NEED_DATA, detail)
    return GateResult("silence", Verdict.PASS, detail)


def _few(gate: str, total: int, min_requests: int, what: str) -> GateResult:
    """The verdict while there are fewer requests than asked for, or none."""
    if not min_requests:
        detail = say("no {what}; none are needed (min_requests = 0)", what=what)
        return GateResult(gate, Verdict.PASS, detail, 0, 0, "requests")
    detail = say(
        "{total} of {min_requests} {what}", total=total, min_requests=min_requests, what=what
    )
    return GateResult(gate, Verdict.NEED_DATA, detail, total, min_requests, "requests")


def _succeeded(new: Traffic) -> str:
    if not new.requests:
        return say("no request has ended")
    observed = 1 - new.failures / new.requests
    return say(
        "{observed} of {requests} succeeded",
        observed=percent(observed),
        requests=counted(new.requests, "request"),
    )


def _failed(new: Traffic) -> str:
    """The failures, by kind."""
    if not new.failures:
        return ""
    return say(": {failures} failed", failures=new.failures) + (
        say(" ({by_kind})", by_kind=by_kind(new.kinds)) if new.kinds else ""
    )


def _waiting(new: Traffic) -> str:
    if not new.waiting:
        return ""
    if new.waiting == 1:
        return say("; 1 request has had no answer yet")
    return say("; {n} requests have had no answer yet", n=new.waiting)


def percent(share: float) -> str:
    """A share of 0 to 1 in per cent, with two decimals where they say something. Only all is shown
    as 100 %, and only nothing as 0 %.
    """
    shown = f"{share * 100:.2f}"
    if shown == "100.00" and share < 1:
        shown = "99.99"
    if shown == "0.00" and share > 0:
        shown = "0.01"
    return f"{shown.rstrip('0').rstrip('.')} %"


def log_evidence(requests: int, failures: int, threshold: float) -> float:
    """The natural logarithm of the e-value against "a request fails with probability at most
    1 - threshold". It mixes likelihood ratios over failure probabilities above that bound, each
    half as far from it as the one before.
    """
    allowed = 1 - threshold
    if allowed >= 1:
        return 0.0
    if allowed <= 0:
        return math.inf if failures else 0.0
    terms = []
    for k in range(1, _ALTERNATIVES + 1):
        p = allowed + (1 - allowed) * 0.5**k
        gain = failures * math.log(p / allowed)
        terms.append(gain + (requests - failures) * math.log((1 - p) / (1 - allowed)))
    top = max(terms)
    return top + math.log(sum(math.exp(term - top) for term in terms) / len(terms))


def failure_upper_bound(requests: int, failures: int) -> float:
    """The one-sided 95 % Wilson upper bound on the failure rate, 0 to 1."""
    n, p, z = requests, failures / requests, _WILSON_Z
    centre = p + z * z / (2 * n)
    margin = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return min(1.0, max(p, (centre + margin) / (1 + z * z / n)))
