"""Gates: pure functions from measured numbers to a verdict.

Without traffic the verdict is NEED_DATA, never success; without any report it is UNKNOWN, not
failure. The verdicts that decide have a stated error rate:

- success-rate FAIL: an e-process for "failures are at most 1 - success_rate" reached 1/ALPHA. By
  Ville's inequality, a version that meets the threshold fails with probability at most ALPHA per
  window, however often the gate is evaluated (Ramdas et al., Game-theoretic statistics and safe
  anytime-valid inference, https://arxiv.org/abs/2210.01948). Assumes independent requests.
- success-rate PASS: the observed rate meets the threshold over at least ``min_requests``; the
  detail states the one-sided 95 % upper bound (Wilson) on the failure rate.
- share: |observed - expected| is within 4 standard deviations of the binomial distribution, which
  chance exceeds in less than one evaluation in 15,000.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tealmesh.model.rollout import GateResult, SideTasks, Traffic, Verdict

ALPHA = 0.001
"""Upper bound, per window, on the probability that a version which meets the threshold fails."""

SHARE_DEVIATIONS = 4.0
"""Standard deviations by which the observed share may differ from the expected one."""

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
    detail = f"{side.healthy} of {desired} tasks healthy, {side.running} running"
    if side.failed:
        detail += f", {side.failed} stopped by themselves"
    if side.failure:
        return GateResult("tasks", Verdict.FAIL, f"{detail}: {side.failure}")
    if side.healthy >= desired:
        return GateResult("tasks", Verdict.PASS, detail)
    if side.failed >= MAX_FAILED_TASKS:
        return GateResult("tasks", Verdict.FAIL, detail)
    return GateResult("tasks", Verdict.NEED_DATA, detail)


def endpoints(new: Traffic, desired: int) -> GateResult:
    """PASS when the health checks of every caller's Envoy find all endpoints of the new side
    healthy.
    """
    if new.members is None or new.members_healthy is None:
        detail = "no health report from the callers' Envoys yet"
        return GateResult("endpoints", Verdict.UNKNOWN, detail)
    detail = (
        f"{new.reporters} Envoys see at least {new.members_healthy} of {desired} endpoints healthy"
    )
    passed = new.members_healthy >= desired
    return GateResult("endpoints", Verdict.PASS if passed else Verdict.NEED_DATA, detail)


def convergence(converged: bool, waiting: Sequence[str], rejected: Sequence[str]) -> GateResult:
    """PASS when every Envoy runs with the weights; FAIL when one has refused them."""
    if converged:
        return GateResult("convergence", Verdict.PASS, "every Envoy has acknowledged")
    if rejected:
        return GateResult("convergence", Verdict.FAIL, f"refused by {'; '.join(rejected)}")
    shown = ", ".join(list(waiting)[:3]) or "Envoys that have not connected"
    detail = f"{len(waiting)} Envoys have not acknowledged: {shown}"
    return GateResult("convergence", Verdict.NEED_DATA, detail)


def share(old: Traffic, new: Traffic, expected: float, min_requests: int) -> GateResult:
    """PASS when the new side's share of all requests is as the weights say, 0 to 1."""
    total = old.requests + new.requests
    if total < max(min_requests, 1):
        detail = f"{total} of at least {min_requests} requests seen"
        return GateResult("share", Verdict.NEED_DATA, detail)
    observed = new.requests / total
    tolerance = SHARE_DEVIATIONS * math.sqrt(expected * (1 - expected) / total)
    detail = (
        f"{observed:.2%} of {total} requests went to the new side, "
        f"expected {expected:.2%} ± {tolerance:.2%}"
    )
    passed = abs(observed - expected) <= tolerance + 1e-12
    return GateResult("share", Verdict.PASS if passed else Verdict.FAIL, detail)


def success_rate(new: Traffic, threshold: float, min_requests: int) -> GateResult:
    """PASS when enough of the requests to the new side succeeded. ``threshold``: 0 to 1."""
    if new.requests == 0:
        return GateResult("success-rate", Verdict.NEED_DATA, "no requests to the new side")
    observed = 1 - new.failures / new.requests
    upper = failure_upper_bound(new.requests, new.failures)
    detail = (
        f"{observed:.2%} of {new.requests} requests succeeded, {new.failures} failed "
        f"(threshold {threshold:.2%}; failures at most {upper:.2%} at 95 % confidence)"
    )
    if log_evidence(new.requests, new.failures, threshold) >= -math.log(ALPHA):
        return GateResult(
            "success-rate", Verdict.FAIL, f"{detail}; false alarm rate below {ALPHA * 100:g} %"
        )
    if new.requests < min_requests or observed < threshold:
        return GateResult("success-rate", Verdict.NEED_DATA, detail)
    return GateResult("success-rate", Verdict.PASS, detail)


def silence(old: Traffic, until: float) -> GateResult:
    """PASS when the old side got no request up to the time ``until`` (epoch seconds)."""
    if old.reporters == 0:
        return GateResult("silence", Verdict.UNKNOWN, "no Envoy has reported on the old side yet")
    detail = f"{old.started} requests to the old side, reported by {old.reporters} Envoys"
    if old.started:
        return GateResult("silence", Verdict.FAIL, detail)
    if old.seen_until < until:
        return GateResult("silence", Verdict.NEED_DATA, detail)
    return GateResult("silence", Verdict.PASS, detail)


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
