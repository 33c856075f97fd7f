"""The stages that a deployment would go through, with what each waits for and how long. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from tealmesh.model.config.outside import LASTING, CloudWatchGate, PrometheusGate
from tealmesh.model.rollout import Deployment, JournalEntry, Phase, State, Traffic
from tealmesh.model.rollout.plan import PlannedStage
from tealmesh.model.spans import span
from tealmesh.rollout.gates.assess import counted, percent
from tealmesh.rollout.gates.preflight import LEAST_SECONDS
from tealmesh.rollout.machine.limits import LIMITS, seconds
from tealmesh.rollout.machine.transitions import SETTLE_SECONDS
from tealmesh.rollout.planning import verdict

_ROLLS_BACK = "it rolls back"


def stages(
    d: Deployment, traffic: Traffic, last: Mapping[Phase, float]
) -> tuple[PlannedStage, ...]:
    """The stages of a deployment that has not begun. ``traffic``: what callers saw of the old side
    lately. ``last``: how long each phase of the last deployment took (`lengths`).
    """
    return (
        _start(d, last),
        _verify(d, last),
        *_mirror(d),
        *_cohort(d),
        *(stage for index in range(len(d.strategy.steps)) for stage in _step(d, index, traffic)),
        _bake(d),
        _clean_up(d, last),
    )


def lengths(journal: Iterable[JournalEntry]) -> dict[Phase, float]:
    """How long each phase took by the journal of a deployment that was successful; of others
    nothing, as their phases were cut short. In seconds.
    """
    entries = list(journal)
    if not entries or entries[-1].transition != State.SUCCEEDED:
        return {}
    taken: dict[Phase, float] = {}
    for entry, following in pairwise(entries):
        waits = entry.transition in (State.AWAITING_APPROVAL, State.HELD)
        if not waits:
            taken[entry.phase] = taken.get(entry.phase, 0.0) + max(0.0, following.at - entry.at)
    return taken


def rate(traffic: Traffic) -> float | None:
    """Requests a second; None if too little was seen to tell."""
    return traffic.requests / traffic.seconds if traffic.seconds >= LEAST_SECONDS else None


def way_back(d: Deployment) -> str:
    """How a deployment goes back, for people."""
    limit = span(d.strategy.rollback_timeout)
    return (
        f"a gate that fails or a time limit gives {d.old_side} all the weight again, by one change "
        f"of weights (within {limit}), and then stops {d.new_side}; `teal abort {d.service}` does "
        f"the same; after success {_back_after_success(d)}"
    )


def _back_after_success(d: Deployment) -> str:
    command, image = f"`teal rollback {d.service}`", d.old_image or d.old_side
    again = f"{command} starts {image} again and goes back as soon as it is healthy"
    if not d.strategy.keep_old:
        return again
    kept = f"{d.old_side} is kept for {span(d.strategy.keep_old)}, and {command} is one change of"
    return f"{kept} weights; later {again}"


def _longest(d: Deployment, state: State) -> float:
    return seconds(LIMITS[state], d)


def _last(last: Mapping[Phase, float], *phases: Phase) -> tuple[float | None, str]:
    if not all(phase in last for phase in phases):
        return None, "no deployment has succeeded before"
    return sum(last[phase] for phase in phases), "as the last time"


def _start(d: Deployment, last: Mapping[Phase, float]) -> PlannedStage:
    expected, by = _last(last, Phase.PRE_SCALE_UP, Phase.SCALE_UP)
    return PlannedStage(
        Phase.SCALE_UP,
        f"start {counted(d.desired_count, 'task')} of {d.new_side}",
        0,
        (
            *_hooks(d, "PRE_SCALE_UP"),
            f"all of them healthy ({d.old_side} has as many)",
            *_hooks(d, "POST_SCALE_UP"),
        ),
        expected,
        by,
        _longest(d, State.SCALING_UP),
        _ROLLS_BACK,
    )


def _verify(d: Deployment, last: Mapping[Phase, float]) -> PlannedStage:
    expected, by = _last(last, Phase.TEST_TRAFFIC_SHIFT)
    return PlannedStage(
        Phase.TEST_TRAFFIC_SHIFT,
        f"add {d.new_side} to the route with weight 0",
        0,
        (
            "every Envoy acknowledges it",
            "every caller's Envoy finds all its endpoints healthy",
            *_hooks(d, "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"),
        ),
        expected,
        by,
        _longest(d, State.VERIFYING),
        _ROLLS_BACK,
    )


def _mirror(d: Deployment) -> Iterator[PlannedStage]:
    mirror = d.strategy.mirror
    if mirror is not None:
        yield PlannedStage(
            Phase.TEST_TRAFFIC_SHIFT,
            f"copy {mirror.percent:g} % of {' and '.join(mirror.methods)} requests to "
            f"{d.new_side}, whose answers nobody sees",
            0,
            (f"{span(mirror.time)} of copies", _objective(d, "copies")),
            mirror.time,
            "mirror.time",
            _longest(d, State.MIRRORING),
            _ROLLS_BACK,
        )


def _cohort(d: Deployment) -> Iterator[PlannedStage]:
    if d.strategy.type == "ab" and d.strategy.match:
        yield PlannedStage(
            Phase.PRODUCTION_TRAFFIC_SHIFT,
            f"send requests with {d.strategy.match} to {d.new_side}",
            0,
            (f"{span(d.strategy.step_time)} of the cohort", _objective(d, "its requests")),
            d.strategy.step_time,
            "step_time",
            _longest(d, State.COHORT),
            _ROLLS_BACK,
        )


def _objective(d: Deployment, what: str) -> str:
    least, rate = d.gates.min_requests, percent(d.gates.success_rate)
    return f"at least {counted(least, 'request')}: {rate} of {what} succeed"


def _approval(d: Deployment, index: int) -> Iterator[PlannedStage]:
    """The wait for a person before a step, if it needs one."""
    asked = d.strategy.own(index).approval or (index == 0 and d.gates.approval)
    limit = d.gates.approval_timeout
    weight = d.strategy.steps[index - 1] if index else 0
    if asked:
        yield PlannedStage(
            Phase.PRODUCTION_TRAFFIC_SHIFT if index else Phase.TEST_TRAFFIC_SHIFT,
            "wait for approval",
            weight,
            waits_for=(f"`teal approve {d.service}`",),
            longest=limit or None,
            otherwise=_ROLLS_BACK
            if limit
            else f"it waits on, with {d.new_side} at weight {weight}",
        )


def _step(d: Deployment, index: int, traffic: Traffic) -> Iterator[PlannedStage]:
    yield from _approval(d, index)
    d = replace(d, step=index)
    steps = d.strategy.steps
    weight = steps[index]
    yield PlannedStage(
        Phase.PRODUCTION_TRAFFIC_SHIFT,
        f"step {index + 1} of {len(steps)}: {weight} % to {d.new_side}",
        weight,
        tuple(_gates(d, weight)),
        *_until_verdict(d, index, traffic),
        _longest(d, State.MEASURING),
        _ROLLS_BACK,
    )


def _gates(d: Deployment, weight: int) -> Iterator[str]:
    least = d.step_gates.min_requests
    yield f"{span(d.step_time)} have passed"
    yield f"tasks: {counted(d.desired_count, 'task')} healthy"
    if least:
        yield f"share: {weight} % of at least {counted(least, 'request')} reach {d.new_side}"
        yield (
            f"success-rate: {percent(d.step_gates.success_rate)} of at least "
            f"{counted(least, 'request')} to it succeed"
        )
    else:
        yield f"success-rate: {percent(d.step_gates.success_rate)} of what comes succeeds"
    yield from verdict.waits(d, d.step)
    for part in d.gates.watch:
        yield f"success-rate of {part.name}: {percent(d.step_gates.success_rate)} of it succeeds"
    yield from _queries(d)
    first = ("PRE_PRODUCTION_TRAFFIC_SHIFT",) if d.step == 0 else ()
    yield from _hooks(d, *first, "PRODUCTION_TRAFFIC_SHIFT")


def _queries(d: Deployment) -> Iterator[str]:
    """The metrics that are asked while the new side has weight."""
    outside: tuple[PrometheusGate | CloudWatchGate, ...] = (
        *d.gates.prometheus,
        *d.gates.cloudwatch,
    )
    for query in outside:
        yield f"{query.name}: its value is {query.passes}"


def _hooks(d: Deployment, *stages: str) -> Iterator[str]:
    """The hooks that must pass at these stages."""
    for hook in d.gates.hooks:
        if hook.stage in stages:
            part = f"{hook.when} " if hook.stage in LASTING else ""
            yield f"hook {hook.name} passes ({part}{hook.stage})"


def _until_verdict(d: Deployment, index: int, traffic: Traffic) -> tuple[float | None, str]:
    """How long a step takes, with the wait for the comparison's verdict where it needs one."""
    weights = d.strategy.steps[: index + 1]
    steps = [_expected(replace(d, step=n), w, traffic) for n, w in enumerate(weights)]
    own, by = steps[-1]
    times = [seconds for seconds, _ in steps if seconds is not None]
    if own is None or len(times) < len(steps) or not verdict.needs_verdict(d, index):
        return own, by
    total = verdict.expected(d, traffic, rate(traffic), times)
    if total is None:
        return None, "the comparison cannot be expected to have a verdict"
    needed = total - sum(times[:-1])
    if needed <= own:
        return own, by
    longest = _longest(replace(d, step=index), State.MEASURING)
    late = ", which is longer than the step may take" if needed > longest else ""
    return needed, f"{verdict.words(total)}{late}"


def _expected(d: Deployment, weight: int, traffic: Traffic) -> tuple[float | None, str]:
    """How long a step takes, and what that follows from."""
    floor, least, present = (
        d.step_time + SETTLE_SECONDS,
        d.step_gates.min_requests,
        rate(traffic),
    )
    if not least:
        return floor, "step_time"
    if not present:
        return None, "no request was seen lately" if present is not None else "not seen long enough"
    needed = least / (present * weight / 100)
    if needed <= d.step_time:
        return floor, "step_time"
    return needed + SETTLE_SECONDS, (
        f"{counted(least, 'request')} at {present * weight / 100:.1f} a second"
    )


def _bake(d: Deployment) -> PlannedStage:
    return PlannedStage(
        Phase.BAKE_TIME,
        f"bake: {d.new_side} serves alone, {d.old_side} is kept",
        waits_for=(
            f"no request to {d.old_side} for {span(d.strategy.bake_time)}",
            "tasks and success-rate do not fail",
            *_hooks(d, "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"),
            *_queries(d),
        ),
        expected=d.strategy.bake_time + SETTLE_SECONDS,
        expected_by="bake_time",
        longest=_longest(d, State.BAKING),
        otherwise=_ROLLS_BACK,
    )


def _clean_up(d: Deployment, last: Mapping[Phase, float]) -> PlannedStage:
    if d.strategy.keep_old:
        return PlannedStage(
            Phase.CLEAN_UP,
            f"succeed, and keep {d.old_side} for {span(d.strategy.keep_old)} without weight",
            waits_for=("nothing",),
            expected=0.0,
            longest=0.0,
            otherwise="it is stopped later",
        )
    expected, by = _last(last, Phase.CLEAN_UP)
    return PlannedStage(
        Phase.CLEAN_UP,
        f"drain and stop {d.old_side}",
        waits_for=("its tasks have stopped",),
        expected=expected,
        expected_by=by,
        longest=_longest(d, State.CLEANING_UP),
        otherwise="it is left running",
    )
