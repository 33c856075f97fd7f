"""Gates: from numbers to a verdict, never to a guess.

No traffic is NEED_DATA, not success; nothing to see at all is UNKNOWN, not failure. A verdict that
rolls a deployment back has a stated error rate:

- success-rate FAIL: an e-process for "failures are at most 1 - success_rate" reached 1/ALPHA. By
  Ville's inequality a version that keeps to the threshold is ever failed with probability at most
  ALPHA a window, however often one looks (Ramdas et al., Game-theoretic statistics and safe
  anytime-valid inference, https://arxiv.org/abs/2210.01948). Requests are taken as independent.
- success-rate PASS: the observed rate keeps to the threshold over at least ``min_requests``; the
  detail states the one-sided 95 % upper bound (Wilson) on the share of failures.
- share: |observed - expected| within 4 standard deviations of the binomial, exceeded by chance
  less than once in 15,000 looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tealmesh.model.rollout import GateResult, SideTasks, Traffic, Verdict

ALPHA = 0.001
"""Bound on the probability that a version which keeps to the threshold is failed, a window."""

SHARE_DEVIATIONS = 4.0
MAX_FAILED_TASKS = 3
"""Tasks of a new side that may stop by themselves: ECS's circuit breaker has the same least
threshold, https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

_WILSON_Z = 1.6448536269514722
_ALTERNATIVES = 10


def tasks(side: SideTasks, desired: int) -> GateResult:
    """All of ``desired`` tasks run and are healthy; FAIL when they cannot start."""
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
    """Every caller's Envoy finds all endpoints of the new side healthy by its own checks."""
    if new.members is None or new.members_healthy is None:
        return GateResult("endpoints", Verdict.UNKNOWN, "no caller's Envoy has told of this side")
    detail = (
        f"{new.reporters} Envoys see at least {new.members_healthy} of {desired} endpoints healthy"
    )
    passed = new.members_healthy >= desired
    return GateResult("endpoints", Verdict.PASS if passed else Verdict.NEED_DATA, detail)


def convergence(converged: bool, waiting: Sequence[str], rejected: Sequence[str]) -> GateResult:
    """Every Envoy runs the weights; FAIL when one has refused them."""
    if converged:
        return GateResult("convergence", Verdict.PASS, "every Envoy has acknowledged")
    if rejected:
        return GateResult("convergence", Verdict.FAIL, f"refused by {'; '.join(rejected)}")
    shown = ", ".join(list(waiting)[:3]) or "Envoys that have not connected"
    detail = f"{len(waiting)} Envoys have not acknowledged: {shown}"
    return GateResult("convergence", Verdict.NEED_DATA, detail)


def share(old: Traffic, new: Traffic, expected: float, min_requests: int) -> GateResult:
    """The new side's part of all requests is as the weights say."""
    total = old.requests + new.requests
    if total < max(min_requests, 1):
        detail = f"{total} of at least {min_requests} requests seen"
        return GateResult("share", Verdict.NEED_DATA, detail)
    observed = new.requests / total
    tolerance = SHARE_DEVIATIONS * math.sqrt(expected * (1 - expected) / total)
    detail = (
        f"{observed:.2%} of {total} requests went to the new side, "
        f"weights say {expected:.2%} ± {tolerance:.2%}"
    )
    passed = abs(observed - expected) <= tolerance + 1e-12
    return GateResult("share", Verdict.PASS if passed else Verdict.FAIL, detail)


def success_rate(new: Traffic, threshold: float, min_requests: int) -> GateResult:
    """The new side's callers got an answer that is not a failure, often enough."""
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
            "success-rate", Verdict.FAIL, f"{detail}; wrongly failed at most once in {1 / ALPHA:g}"
        )
    if new.requests < min_requests or observed < threshold:
        return GateResult("success-rate", Verdict.NEED_DATA, detail)
    return GateResult("success-rate", Verdict.PASS, detail)


def silence(old: Traffic, until: float) -> GateResult:
    """No request was started to the old side up to the time ``until`` (epoch seconds)."""
    if old.reporters == 0:
        return GateResult("silence", Verdict.UNKNOWN, "no Envoy has told of the old side")
    detail = f"{old.started} requests to the old side, as told by {old.reporters} Envoys"
    if old.started:
        return GateResult("silence", Verdict.FAIL, detail)
    if old.seen_until < until:
        return GateResult("silence", Verdict.NEED_DATA, detail)
    return GateResult("silence", Verdict.PASS, detail)


def log_evidence(requests: int, failures: int, threshold: float) -> float:
    """The natural logarithm of the e-value against "a request fails with probability at most
    1 - threshold": a mixture of likelihood ratios over failure probabilities above it, halving
    their distance to it from one to the next.
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
    """The one-sided 95 % Wilson upper bound on the share of failures."""
    n, p, z = requests, failures / requests, _WILSON_Z
    centre = p + z * z / (2 * n)
    margin = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return min(1.0, max(p, (centre + margin) / (1 + z * z / n)))
