"""What the comparison of both sides came to, as verdicts with a sentence each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import GateResult, Verdict
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.spans import span
from tealmesh.rollout.gates.assess import counted, percent
from tealmesh.rollout.gates.comparing import Arm, Missing, missing
from tealmesh.rollout.gates.comparison import (
    RARE,
    Compared,
    bounds_of,
    judgements,
)
from tealmesh.rollout.gates.observing import CLIENT_ERRORS, ERRORS, LATENCY, what

_IN_BURSTS = 1.5
"""Below this φ, errors count as independent for people."""

_HAPPENED = {
    ERRORS: "failed",
    CLIENT_ERRORS: "were answered with a client error (4xx)",
}


@dataclass(frozen=True)
class Sides:
    """What people call the sides, and the traffic that the verdict waits for."""

    old: str
    new: str
    share: float
    """The new side's share of the requests from now on, 0 to 1."""
    rate: float | None = None
    """Requests a second to both; None if unknown."""


def verdicts(comparison: Comparison, gates: Gates, sides: Sides) -> tuple[GateResult, ...]:
    """One verdict for each metric."""
    return tuple(
        replace(
            _verdict(one, sides, bounds_of(comparison, what(one.metric)[1])), judged=one.numbers
        )
        for one in judgements(comparison, gates)
    )


def _verdict(one: Compared, sides: Sides, bounds: tuple[float, ...]) -> GateResult:
    verdict = one.verdict
    seen = _seen(one, sides, bounds)
    if verdict is Verdict.FAIL:
        chance = f"fewer than 1 in {1 / one.settings.alpha:,.0f} good versions would ever show this"
        return GateResult(one.metric, verdict, f"{seen}{_bursts(one)}; {chance}")
    requests = one.judgement.seen.new.requests
    if verdict is Verdict.PASS:
        detail = f"{seen}: {_why_passed(one)}{_bursts(one)}"
        if not one.settings.pass_needed:
            return GateResult(one.metric, verdict, detail)
        return GateResult(one.metric, verdict, detail, requests, requests, "requests")
    if one.suspect:
        few = f"fewer than 1 in {1 / one.settings.beta:,.0f} good versions would show this"
        return GateResult(one.metric, verdict, f"{seen}{_bursts(one)}; {few}: more will tell")
    rate = sides.rate * one.share if sides.rate is not None else None
    left = missing(one.state, one.settings, sides.share, rate)
    detail = f"{seen}{_bursts(one)}; {_still_missing(left, sides)}"
    if left.requests is None:
        return GateResult(one.metric, verdict, detail)
    return GateResult(one.metric, verdict, detail, requests, requests + left.requests, "requests")


def _seen(one: Compared, sides: Sides, bounds: tuple[float, ...]) -> str:
    """The numbers of both sides: those of the strongest evidence, if there is any."""
    against = one.verdict is Verdict.FAIL or one.suspect
    strand = one.judgement.strand if against else 0
    kind, _ = what(one.metric)
    if kind == LATENCY and not against:
        strand = len(bounds) - 1
    pair = one.state.strands[strand].seen
    if kind == LATENCY:
        happened = f"took longer than {bounds[strand]:g} ms"
    elif one.metric == ERRORS and strand:
        happened = "had no answer yet when windows of measurement ended"
    else:
        happened = _HAPPENED[kind]
    if not pair.new.requests:
        return f"no request to {sides.new} was compared yet"
    return (
        f"{_bad(pair.new)} to {sides.new} {happened}, "
        f"{_bad(pair.old, short=True)} to {sides.old} in the same time"
    )


def _bad(arm: Arm, *, short: bool = False) -> str:
    """``14 of 212 requests``."""
    if short:
        return f"{arm.bad:,} of {arm.requests:,}"
    noun = "request" if arm.requests == 1 else "requests"
    return f"{arm.bad:,} of {arm.requests:,} {noun}"


def _why_passed(one: Compared) -> str:
    judgement, wanted = one.judgement, one.settings
    if not wanted.pass_needed:
        rare = "; too rare to be waited for" if one.share < RARE else ""
        return f"nothing says that this is worse{rare}"
    sure = percent(1 - wanted.beta)
    below = judgement.log_e_below
    if below is not None and wanted.allowed is not None and below >= judgement.pass_at:
        return f"fewer than {percent(wanted.allowed)} do, as is {sure} sure"
    return f"not twice as many, as is {sure} sure"


def _still_missing(left: Missing, sides: Sides) -> str:
    if left.requests is None:
        return (
            "by these numbers no verdict can be expected, however many requests follow: "
            "the new side has too many errors itself"
        )
    more = f"some {counted(left.requests, 'more request')} to {sides.new} will tell"
    return f"{more}, in about {span(left.seconds)}" if left.seconds is not None else more


def _bursts(one: Compared) -> str:
    phi = one.judgement.phi
    if phi < _IN_BURSTS:
        return ""
    return f" (they come in bursts, φ = {phi:.1f}, which is allowed for)"
