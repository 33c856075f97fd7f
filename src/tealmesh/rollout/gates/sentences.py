"""What the comparison of both sides came to, as verdicts with a sentence each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import GateResult, Verdict
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.said import counted, say
from tealmesh.model.spans import span
from tealmesh.rollout.gates.assess import percent
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
    ERRORS: say("failed"),
    CLIENT_ERRORS: say("were answered with a client error (4xx)"),
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
        chance = say(
            "fewer than 1 in {alpha} good versions would ever show this",
            alpha=f"{1 / one.settings.alpha:,.0f}",
        )
        return GateResult(
            one.metric,
            verdict,
            say("{seen}{bursts}; {chance}", seen=seen, bursts=_bursts(one), chance=chance),
        )
    requests = one.judgement.seen.new.requests
    if verdict is Verdict.PASS:
        detail = say(
            "{seen}: {why_passed}{bursts}",
            seen=seen,
            why_passed=_why_passed(one),
            bursts=_bursts(one),
        )
        if not one.settings.pass_needed:
            return GateResult(one.metric, verdict, detail)
        return GateResult(one.metric, verdict, detail, requests, requests, "requests")
    if one.suspect:
        few = say(
            "fewer than 1 in {beta} good versions would show this",
            beta=f"{1 / one.settings.beta:,.0f}",
        )
        return GateResult(
            one.metric,
            verdict,
            say("{seen}{bursts}; {few}: more will tell", seen=seen, bursts=_bursts(one), few=few),
        )
    rate = sides.rate * one.share if sides.rate is not None else None
    left = missing(one.state, one.settings, sides.share, rate)
    detail = say(
        "{seen}{bursts}; {still_missing}",
        seen=seen,
        bursts=_bursts(one),
        still_missing=_still_missing(left, sides),
    )
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
        happened = say("took longer than {bound} ms", bound=f"{bounds[strand]:g}")
    elif one.metric == ERRORS and strand:
        happened = say("had no answer yet when windows of measurement ended")
    else:
        happened = _HAPPENED[kind]
    if not pair.new.requests:
        return say("no request to {new} was compared yet", new=sides.new)
    return say(
        "{bad} to {new} {happened}, {bad2} to {old} in the same time",
        bad=_bad(pair.new),
        new=sides.new,
        happened=happened,
        bad2=_bad(pair.old, short=True),
        old=sides.old,
    )


def _bad(arm: Arm, *, short: bool = False) -> str:
    """``14 of 212 requests``."""
    if short:
        return say("{bad} of {requests}", bad=f"{arm.bad:,}", requests=f"{arm.requests:,}")
    bad, requests = f"{arm.bad:,}", f"{arm.requests:,}"
    if arm.requests == 1:
        return say("{bad} of 1 request", bad=bad)
    return say("{bad} of {requests} requests", bad=bad, requests=requests)


def _why_passed(one: Compared) -> str:
    judgement, wanted = one.judgement, one.settings
    if not wanted.pass_needed:
        rare = say("; too rare to be waited for") if one.share < RARE else ""
        return say("nothing says that this is worse{rare}", rare=rare)
    sure = percent(1 - wanted.beta)
    below = judgement.log_e_below
    if below is not None and wanted.allowed is not None and below >= judgement.pass_at:
        return say(
            "fewer than {allowed} do, as is {sure} sure", allowed=percent(wanted.allowed), sure=sure
        )
    return say("not twice as many, as is {sure} sure", sure=sure)


def _still_missing(left: Missing, sides: Sides) -> str:
    if left.requests is None:
        return say(
            "by these numbers no verdict can be expected, however many requests follow: "
            "the new side has too many errors itself"
        )
    more = say(
        "some {more_requests} to {new} will tell",
        more_requests=counted(left.requests, "more request"),
        new=sides.new,
    )
    return (
        say("{more}, in about {seconds}", more=more, seconds=span(left.seconds))
        if left.seconds is not None
        else more
    )


def _bursts(one: Compared) -> str:
    phi = one.judgement.phi
    if phi < _IN_BURSTS:
        return ""
    return say(" (they come in bursts, φ = {phi}, which is allowed for)", phi=f"{phi:.1f}")
