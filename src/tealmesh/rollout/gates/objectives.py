"""Fixed objectives of the new side, whatever the old one does: how fast it answers, and when it is
so bad that nothing is waited for. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tealmesh.model.config.strategies import LatencyObjective
from tealmesh.model.rollout import GateResult, Traffic, Verdict
from tealmesh.model.said import counted, say
from tealmesh.model.traffic.windows import Counts, SideWindow
from tealmesh.rollout.gates.assess import ALPHA, log_evidence, percent

BREAKER_REQUESTS = 20
"""Fewer requests never trip the breaker."""


def latency(
    new: Traffic, objectives: Sequence[LatencyObjective], min_requests: int
) -> tuple[GateResult, ...]:
    """For each objective, PASS when enough of at least ``min_requests`` timed answers were fast
    enough; FAIL by the same e-process as the success rate.
    """
    return tuple(_latency(new, objective, min_requests) for objective in objectives)


def _latency(new: Traffic, objective: LatencyObjective, least: int) -> GateResult:
    gate = f"latency-p{objective.quantile * 100:g}"
    limit = objective.below * 1000
    # Envoy counts answers up to the bounds of its histogram only.
    bound, fast = next(
        ((at, n) for at, n in zip(new.bounds, new.buckets, strict=True) if at >= limit),
        (limit, new.timed),
    )
    if not new.timed and not least:
        detail = say("no answer was timed; none is needed (min_requests = 0)")
        return GateResult(gate, Verdict.PASS, detail, 0, 0, "requests")
    if not new.timed:
        detail = say(
            "0 of {timed_answers} of the new side", timed_answers=counted(least, "timed answer")
        )
        return GateResult(gate, Verdict.NEED_DATA, detail, 0, least, "requests")
    slow = new.timed - fast
    counted_at = (
        ""
        if bound == limit
        else say(" (counted at {bound} ms, Envoy's next bound)", bound=f"{bound:g}")
    )
    detail = say(
        "{fast} of {answers} came within {limit} ms{counted_at}, at least {quantile} must",
        fast=percent(fast / new.timed),
        answers=counted(new.timed, "answer"),
        limit=f"{limit:g}",
        counted_at=counted_at,
        quantile=percent(objective.quantile),
    )
    numbers = (new.timed, least, "requests")
    if log_evidence(new.timed, slow, objective.quantile) >= -math.log(ALPHA):
        detail += say(
            "; fewer than 1 in {alpha} good versions would show this by chance",
            alpha=f"{1 / ALPHA:.0f}",
        )
        return GateResult(gate, Verdict.FAIL, detail, *numbers)
    enough = new.timed >= least and slow <= (1 - objective.quantile) * new.timed + 1e-9
    return GateResult(gate, Verdict.PASS if enough else Verdict.NEED_DATA, detail, *numbers)


def breaker(
    traffic: Traffic, window: SideWindow, before: Counts | None, limit: float
) -> GateResult | None:
    """FAIL when a larger share of the new side's requests than ``limit`` failed, since the step
    began or in the window that is open; or was answered with a client error, if far fewer of the
    old side's were ``before``. None otherwise.
    """
    since = Counts(traffic.requests, traffic.failures)
    for counts, when in ((since, say("at this step")), (window.counts, say("in the last seconds"))):
        if _over(counts.failures, counts.requests, limit):
            return _tripped(
                say(
                    "{failures} of {requests} requests failed {when}",
                    failures=counts.failures,
                    requests=counts.requests,
                    when=when,
                ),
                limit,
            )
    return refusing(
        window.counts, before, limit, say("requests to the new side"), say(" in the last seconds")
    )


def refusing(
    seen: Counts, before: Counts | None, limit: float, what: str, when: str = ""
) -> GateResult | None:
    """FAIL when a larger share of the requests than ``limit`` was answered with a client error, if
    far fewer of the old side's were ``before``. None otherwise. ``what`` they are, ``when`` they
    were sent.
    """
    if before is None or before.requests < BREAKER_REQUESTS:
        return None
    usual = _over(2 * before.client_errors, before.requests, limit)
    if usual or not _over(seen.client_errors, seen.requests, limit):
        return None
    return _tripped(
        say(
            "{client_errors} of {requests} {what} were answered with a client error "
            "(4xx){when}, {client_errors2} of {requests2} to the old one before",
            client_errors=seen.client_errors,
            requests=seen.requests,
            what=what,
            when=when,
            client_errors2=before.client_errors,
            requests2=before.requests,
        ),
        limit,
    )


def _over(bad: int, requests: int, limit: float) -> bool:
    return requests >= BREAKER_REQUESTS and bad > limit * requests


def _tripped(what: str, limit: float) -> GateResult:
    return GateResult(
        "breaker", Verdict.FAIL, say("{what}, more than {limit}", what=what, limit=percent(limit))
    )
