"""The stages that a deployment would go through, with what each waits for and how long. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tealmesh.model.config.outside import LASTING, CloudWatchGate, PrometheusGate
from tealmesh.model.rollout import Deployment, Phase, State
from tealmesh.model.rollout.plan import PlannedStage
from tealmesh.model.said import counted
from tealmesh.model.spans import span
from tealmesh.model.traffic.parts import Part
from tealmesh.rollout.gates.assess import percent
from tealmesh.rollout.machine.limits import LIMITS, seconds
from tealmesh.rollout.planning import timing, verdict
from tealmesh.rollout.planning.past import Past
from tealmesh.rollout.planning.present import Present
from tealmesh.rollout.planning.timing import LOOK_SECONDS, Timed

START_SECONDS, VERIFY_SECONDS, CONVERGE_SECONDS, DRAIN_SECONDS = 5.0, 1.5, 0.5, 3.0
"""What the start of tasks, the health checks by callers, a change of weights and the end of tasks
take on one machine where no deployment has shown it."""

_ROLLS_BACK = "it rolls back"
_SHIFTS = ("PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")


def stages(
    d: Deployment, present: Present, past: Past, start_period: float = 0.0
) -> tuple[PlannedStage, ...]:
    """The stages of a deployment that has not begun. ``start_period``: how long its application may
    take to start by its health check, in seconds; 0 if it does not say.
    """
    timed = timing.steps(d.strategy, d.gates, present)
    return (
        _start(d, past, start_period),
        _verify(d, past),
        *_mirror(d, present),
        *_cohort(d, present),
        *(stage for index, one in enumerate(timed) for stage in _step(d, index, one, past)),
        _bake(d),
        _clean_up(d, past),
    )


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


def _taken(past: Past, guess: float, *states: State) -> tuple[float, str]:
    """How long these states take, and what that follows from."""
    known = past.together(*states)
    if known is not None:
        return known, "as in the last deployments"
    return guess, "a guess: no deployment has come so far"


def _start(d: Deployment, past: Past, start_period: float) -> PlannedStage:
    guess = max(START_SECONDS, start_period)
    expected, by = _taken(past, guess, State.CREATED, State.SCALING_UP)
    if guess > START_SECONDS and State.SCALING_UP not in past.taken:
        by = "startPeriod of its health check"
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


def _verify(d: Deployment, past: Past) -> PlannedStage:
    states = (State.ADDING_TARGET, State.CONVERGING_TARGET, State.VERIFYING)
    expected, by = _taken(past, VERIFY_SECONDS, *states)
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


def _mirror(d: Deployment, present: Present) -> Iterator[PlannedStage]:
    mirror = d.strategy.mirror
    if mirror is not None:
        methods = " and ".join(mirror.methods)
        asked = _asked(d, present, mirror.percent / 100, f"copies, if most requests are {methods}")
        yield PlannedStage(
            Phase.TEST_TRAFFIC_SHIFT,
            f"copy {mirror.percent:g} % of {methods} requests to {d.new_side}, whose answers "
            "nobody sees",
            0,
            (f"{span(mirror.time)} of copies", _objective(d, "copies")),
            *_longer(mirror.time, "mirror.time", asked),
            _longest(d, State.MIRRORING),
            _ROLLS_BACK,
        )


def _cohort(d: Deployment, present: Present) -> Iterator[PlannedStage]:
    match = d.strategy.match
    if d.strategy.type == "ab" and match:
        same = (p for p in d.gates.watch if p == Part(header=match.header, value=match.value))
        known = next((present.of(part.name) for part in same), None)
        asked = _asked(d, present, known.share, "requests of the cohort") if known else None
        yield PlannedStage(
            Phase.PRODUCTION_TRAFFIC_SHIFT,
            f"send requests with {match} to {d.new_side}",
            0,
            (f"{span(d.strategy.step_time)} of the cohort", _objective(d, "its requests")),
            *_longer(d.strategy.step_time, "step_time, if enough of its requests come", asked),
            _longest(d, State.COHORT),
            _ROLLS_BACK,
        )


def _asked(d: Deployment, present: Present, share: float, what: str) -> tuple[float, str] | None:
    """How long it takes to see as many requests as are asked for; None if nobody knows."""
    least, rate = d.gates.min_requests, (present.rate or 0.0) * share
    return (least / rate, f"{least} {what}, at {rate:.1f} a second") if least and rate else None


def _longer(time: float, by: str, asked: tuple[float, str] | None) -> tuple[float, str]:
    """The longer one of two times, with what it follows from, and a look at what comes of it."""
    seconds, why = asked if asked and asked[0] > time else (time, by)
    return seconds + LOOK_SECONDS, why


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


def _step(d: Deployment, index: int, timed: Timed, past: Past) -> Iterator[PlannedStage]:
    yield from _approval(d, index)
    d = replace(d, step=index)
    steps = d.strategy.steps
    weight = steps[index]
    yield PlannedStage(
        Phase.PRODUCTION_TRAFFIC_SHIFT,
        f"step {index + 1} of {len(steps)}: {weight} % to {d.new_side}",
        weight,
        tuple(_gates(d, weight)),
        *_until(d, timed, past),
        _longest(d, State.MEASURING) + _warm_up(d),
        _ROLLS_BACK,
    )


def _until(d: Deployment, timed: Timed, past: Past) -> tuple[float | None, str]:
    """How long a step takes, with what it follows from."""
    by = timed.wait.by
    if timed.seconds is None:
        return None, by
    if timed.late:
        by += ", which is longer than the step may take"
    if _warm_up(d):
        by = f"warm_up, then {by}"
    hooks = [hook.name for hook in d.gates.hooks if hook.stage in _SHIFTS]
    if hooks:
        by += f"; hook {' and '.join(hooks)} may take longer"
    shifted = past.together(State.SHIFTING, State.CONVERGING)
    before = (CONVERGE_SECONDS if shifted is None else shifted) + _warm_up(d)
    return before + timed.seconds + LOOK_SECONDS, by


def _warm_up(d: Deployment) -> float:
    """The new side warms up at its first weight."""
    return d.strategy.warm_up if d.step == 0 else 0.0


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
        expected=d.strategy.bake_time + LOOK_SECONDS,
        expected_by="bake_time",
        longest=_longest(d, State.BAKING),
        otherwise=_ROLLS_BACK,
    )


def _clean_up(d: Deployment, past: Past) -> PlannedStage:
    if d.strategy.keep_old:
        return PlannedStage(
            Phase.CLEAN_UP,
            f"succeed, and keep {d.old_side} for {span(d.strategy.keep_old)} without weight",
            waits_for=("nothing",),
            expected=0.0,
            longest=0.0,
            otherwise="it is stopped later",
        )
    expected, by = _taken(past, DRAIN_SECONDS, State.CLEANING_UP)
    return PlannedStage(
        Phase.CLEAN_UP,
        f"drain and stop {d.old_side}",
        waits_for=("its tasks have stopped",),
        expected=expected,
        expected_by=by,
        longest=_longest(d, State.CLEANING_UP),
        otherwise="it is left running",
    )
