"""Before the first weight and beside it: copies of requests, and the cohort of an A/B deployment.
Both are judged by fixed objectives alone, as neither has anything to be compared with. Pure.
"""

from __future__ import annotations

from tealmesh.envoy.names import BesideKind
from tealmesh.model.rollout import Deployment, GateResult, State, Traffic
from tealmesh.model.said import say
from tealmesh.model.traffic.windows import Counts
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.gates import assess, objectives
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.transitions import COMMITTED, enter, roll_back, wait
from tealmesh.rollout.machine.wording import all_pass, failure, refused, unmet

_EARLY = {State.CREATED, State.SCALING_UP}


def due(d: Deployment) -> State | None:
    """What comes before the first weight and has not been yet."""
    if d.promoted == "FULL":
        return None
    if d.strategy.mirror and State.MIRRORING not in d.beside and not d.weights.get(d.new_side):
        return State.MIRRORING
    if d.strategy.type == "ab" and d.strategy.match and State.COHORT not in d.beside:
        return State.COHORT
    return None


def kind(d: Deployment) -> BesideKind | None:
    """What reaches the new side beside its weight and is judged now; None for nothing."""
    if d.state is State.MIRRORING:
        return "mirror"
    return "cohort" if sends_cohort(d) else None


def previews(d: Deployment) -> bool:
    """Whether the new side can be previewed: it is healthy, and has not been given up."""
    return _state(d) not in COMMITTED | _EARLY


def sends_cohort(d: Deployment) -> bool:
    """Whether the cohort goes to the new side: until that has all the weight, so that its users see
    one version only.
    """
    state = _state(d)
    return state not in COMMITTED and (state is State.COHORT or State.COHORT in d.beside)


def keeps_users(d: Deployment) -> bool:
    """Whether users are kept on a side."""
    return _state(d) not in COMMITTED


def judged(d: Deployment, event: Observed) -> tuple[Deployment, tuple[GateResult, ...]]:
    """The deployment with the verdicts on what reached the new side beside its weight; and these,
    after the one on its tasks: how many succeeded, how fast the answers came, and whether nearly
    all were refused.
    """
    gate = "mirror" if d.state is State.MIRRORING else "cohort"
    what = say("copies") if gate == "mirror" else say("the cohort's requests")
    seen = event.beside
    fast = objectives.latency(seen, d.gates.latency, d.gates.min_requests)
    counts = Counts(seen.requests, seen.failures, seen.client_errors)
    refused = objectives.refusing(counts, d.comparison.before, d.gates.breaker, what)
    found = (
        _success_rate(d, seen, gate, what),
        *(
            replace(
                one,
                gate=f"{gate} {one.gate}",
                detail=say("{what}: {detail}", what=what, detail=one.detail),
            )
            for one in fast
        ),
        *([replace(refused, gate=f"{gate} breaker")] if refused else []),
    )
    others = tuple(one for one in d.beside_verdicts if one.gate.partition(" ")[0] != gate)
    tasks = assess.tasks(event.new, d.desired_count)
    return replace(d, beside_verdicts=(*others, *found)), (tasks, *found)


def measured(
    d: Deployment, event: Observed, now: float, least: float, what: str
) -> tuple[Deployment, bool]:
    """Judge, and whether it is over after the time ``least``, which is for ``what``."""
    d, gates = judged(d, event)
    if refusal := failure(gates, event) or refused(event):
        return roll_back(d, now, refusal), False
    if d.promoted:
        return _over(d), True
    if now - d.since < least:
        return wait(
            d,
            now,
            say(
                "the {least} s of {what}: {detail}",
                least=f"{least:g}",
                what=what,
                detail=gates[1].detail,
            ),
        ), False
    outside = (*gates, *event.gates)
    if not all_pass(outside):
        return wait(d, now, unmet(outside)), False
    return _over(d), True


def _over(d: Deployment) -> Deployment:
    before = tuple(state for state in d.beside if state != d.state)
    return replace(d, beside=(*before, d.state.value))


def begin(d: Deployment, state: State, now: float) -> Deployment:
    """Begin to copy requests, or to send the cohort."""
    return enter(d, state, now, since=now, promoted="")


def cohort_fails(d: Deployment, event: Observed) -> tuple[Deployment, str]:
    """Judge a cohort that goes on while a person decides; and why it fails, if it does."""
    if State.COHORT not in d.beside:
        return d, ""
    d, gates = judged(d, event)
    return d, failure(gates[1:], event)


def _success_rate(d: Deployment, beside: Traffic, gate: str, what: str) -> GateResult:
    found = assess.success_rate(beside, d.gates.success_rate, d.gates.min_requests)
    return replace(found, gate=gate, detail=say("{what}: {detail}", what=what, detail=found.detail))


def _state(d: Deployment) -> State:
    """The state; of a deployment that is held, the one in which it was."""
    return State(d.held_in) if d.state is State.HELD and d.held_in else d.state
