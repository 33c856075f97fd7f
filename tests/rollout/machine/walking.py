"""Deployments, and the events that lead them through every state that the machine can reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from tealmesh.model.config.beside import Cohort, Mirror, Sticky
from tealmesh.model.config.strategies import StepSettings, Strategy
from tealmesh.model.rollout import Deployment, SideTasks, State, Traffic
from tealmesh.rollout import machine
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    AwaitConverged,
    ConvergenceSeen,
    EffectFailed,
    EnsureSide,
    Event,
    LiveRoute,
    Looked,
    NotReady,
    Observed,
    Paused,
    Promoted,
    Replaced,
    Resumed,
    Seen,
    SetWeights,
    SideEnsured,
    SideStopped,
    StopSide,
    Superseded,
    TakenOver,
    Unpaused,
    WeightsSet,
)
from tests.rollout.outside import begun, windows
from tests.support.drills import THOROUGH

STEP_TIME, BAKE_TIME, TIMEOUT = 10.0, 10.0, 60.0
STEPS = (10, 50, 100)
STEERED = (10, 100)
"""The steps of those that people promote and pause, and nobody else changes: with both there would
be too many states. `test_outside_changes` has both, at random.
"""
PAST_STEP = STEP_TIME + 0.1


BESIDE = Strategy(
    "ab",
    (100,),
    STEP_TIME,
    BAKE_TIME,
    *[TIMEOUT] * 6,
    mirror=Mirror(time=STEP_TIME),
    match=Cohort("beta", header="x-cohort"),
    sticky=Sticky(cookie="user"),
)


def created(
    approval: bool = False,
    now: float = 1000.0,
    midway: bool = False,
    steps: tuple[int, ...] = STEPS,
    beside: bool = False,
) -> Deployment:
    """``midway``: the second step needs approval. ``beside``: an A/B deployment with copies of
    requests before.
    """
    if beside:
        return replace(created(approval, now), strategy=BESIDE)
    own = (StepSettings(), StepSettings(approval=True)) if midway else ()
    return replace(
        begun(approval, now=now),
        desired_count=3,
        strategy=Strategy("canary", steps, STEP_TIME, BAKE_TIME, *[TIMEOUT] * 6, step_settings=own),
        healthy={"blue": 3},
        old_desired=3,
    )


GOOD_TASKS = SideTasks(desired=3, running=3, healthy=3)
SOME_TASKS = SideTasks(desired=3, running=3, healthy=1)
NO_TASKS = SideTasks(desired=3)
DEAD_TASKS = SideTasks(desired=3, failed=3)
BROKEN_TASKS = SideTasks(desired=3, failure="tasks failed to start")


def observed(
    d: Deployment,
    tasks: SideTasks = GOOD_TASKS,
    failing: float = 0.0,
    skew: float = 0.0,
    silent: bool = False,
    now: float = 0.0,
) -> Observed:
    """10,000 requests distributed by the weights, except as the arguments say."""
    expected = d.weights.get(d.new_side, 0) / max(1, sum(d.weights.values()))
    new = 0 if silent else round(10_000 * min(1.0, expected + skew))
    old = 0 if silent else max(0, 10_000 - new)
    seen = Traffic(reporters=4, members=3, members_healthy=tasks.healthy, seen_until=now)
    before, after = _with(seen, old, 0), _with(seen, new, round(new * failing))
    return Observed(
        old=GOOD_TASKS,
        new=tasks,
        old_traffic=before,
        new_traffic=after,
        beside=_with(seen, 0 if silent else 10_000, 0 if silent else round(10_000 * failing)),
        explanation="last words" if tasks.failed or tasks.failure else "",
        **windows(before, after, now),
    )


def _with(seen: Traffic, requests: int, failures: int) -> Traffic:
    return replace(seen, requests=requests, failures=failures, started=requests)


def looked(
    d: Deployment,
    new: SideTasks = GOOD_TASKS,
    old: SideTasks = GOOD_TASKS,
    weights: dict[str, int] | None = None,
) -> Looked:
    """A look that finds what the deployment left, except as the arguments say."""
    weights = dict(d.seen) if weights is None else weights
    return Looked(Seen(LiveRoute(weights, 1), old, new, "somebody", "last words"))


def good(d: Deployment, now: float) -> tuple[Event, float]:
    """The event, and its time, that answers the effect of ``d`` when all goes well."""
    match machine.next_effect(d):
        case EnsureSide():
            return SideEnsured(), now + 1
        case SetWeights():
            return WeightsSet(d.sequence, now), now + 1
        case AwaitConverged():
            return ConvergenceSeen(True, now), now + 1
        case StopSide():
            return SideStopped(True), now + 1
    if d.state is State.AWAITING_APPROVAL:
        return Approved(), now + 1
    if d.paused_at and f"`teal resume {d.service}`" in d.waiting_for:
        return Unpaused("tester"), now + 1
    if d.state is State.HELD:
        return TakenOver("tester"), now + 1
    later = max(now, d.since) + PAST_STEP
    return observed(d, now=later), later


def bad(d: Deployment, now: float, *, changes: bool = True) -> Iterator[tuple[Event, float]]:
    """Every other event that is possible in the state of ``d``; without ``changes``, all but what
    somebody else has changed.
    """
    late = now + TIMEOUT + STEP_TIME + BAKE_TIME + 1
    seen, effect = tuple(looks(d, changes=changes)), machine.next_effect(d)
    for at in (now + 1, late):
        yield AbortAsked("tester"), at
        yield TakenOver("tester"), at
        yield Superseded("tester"), at
        yield Replaced("tester", "web:3"), at
        if d.strategy.steps == STEERED:
            yield Promoted("tester"), at
            yield Promoted("tester", full=True), at
            yield Paused("tester"), at
            yield Unpaused("tester"), at
        yield from ((look, at) for look in seen)
        yield Approved(), at
        yield Resumed(), at
        yield NotReady("the earlier tasks to stop"), at
        yield EffectFailed("throttled", retryable=True), at
        yield EffectFailed("refused", retryable=False), at
        match effect:
            case SetWeights():
                pass
            case AwaitConverged():
                yield ConvergenceSeen(False, at, ("task/1",)), at
                yield ConvergenceSeen(False, at, ("task/1",), ("task/1: bad regex",)), at
            case StopSide():
                yield SideStopped(False), at
            case EnsureSide():
                pass
            case _:
                for tasks in (SOME_TASKS, NO_TASKS, DEAD_TASKS, BROKEN_TASKS):
                    yield observed(d, tasks, now=at), at
                yield observed(d, failing=0.2, now=at), at
                yield observed(d, skew=0.2, now=at), at
                yield observed(d, silent=True, now=at), at
                yield observed(d, now=at), at


def hear(d: Deployment, event: Event, now: float) -> Deployment:
    """A step, after a look that finds the tasks that an observation has."""
    if isinstance(event, Observed):
        before = d.sequence
        d = machine.step(d, looked(d, new=event.new, old=event.old), now)
        if d.sequence != before:
            return d
    return machine.step(d, event, now)


def looks(d: Deployment, *, changes: bool) -> Iterator[Looked]:
    """Looks that find something else than the deployment left."""
    yield looked(d)
    yield looked(d, new=NO_TASKS)
    yield looked(d, old=DEAD_TASKS)
    yield looked(d, new=NO_TASKS, old=DEAD_TASKS)
    if d.strategy.steps == STEERED or not changes:
        return
    yield looked(d, new=SideTasks())
    for weights in ({"blue": 100}, {"green": 100}, {"blue": 30, "green": 70}, {}):
        yield looked(d, weights=weights)
        yield looked(d, weights=weights, old=SideTasks())


def key(d: Deployment) -> tuple[object, ...]:
    """What distinguishes two deployments, apart from times and counts."""
    if d.finished or d.state is State.HELD:
        return d.state, d.held_in, d.approved_step, d.healthy.get("blue") == 0
    return (
        d.state,
        d.step,
        tuple(sorted(d.weights.items())),
        tuple(sorted(d.acknowledged.items())),
        tuple(sorted(side for side, count in d.healthy.items() if count)),
        tuple(sorted(machine.shares(d.seen).items())),
        d.held_in,
        d.approved_step,
        d.promoted,
        bool(d.paused_at),
        bool(d.evidence),
        d.beside,
    )


def to_the_end(d: Deployment, now: float) -> Deployment:
    for _ in range(100):
        d = machine.step(d, looked(d), now)
        if d.finished:
            return d
        event, now = good(d, now)
        d = hear(d, event, now)
    raise AssertionError(f"never ends: stays in {d.state}, waiting for {d.waiting_for}")


def reachable(
    first: Deployment, *, changes: bool
) -> dict[tuple[object, ...], tuple[Deployment, float]]:
    """One deployment of each kind that events can lead to, with its time; see `bad`."""
    states = {key(first): (first, first.created_at)}
    todo = [(first, first.created_at)]
    while todo:
        d, now = todo.pop()
        if d.finished:
            continue
        for event, at in (good(d, now), *bad(d, now, changes=changes)):
            after = hear(d, event, at)
            if key(after) not in states:
                states[key(after)] = (after, at)
                todo.append((after, at))
    return states


@cache
def walked() -> tuple[tuple[Deployment, float], ...]:
    """Deployments in every state, on several ways, each with its time. The tests that look at them
    all run in one worker (`tests.conftest.WALK`): to walk takes longer than to look. In the short
    form somebody else changes something on the first way alone.
    """
    ways = (
        (created(), True),
        (created(True, midway=True, steps=(20, 100)), THOROUGH),
        (created(steps=STEERED), False),
        (created(beside=True), THOROUGH),
    )
    return tuple(one for way, changes in ways for one in reachable(way, changes=changes).values())
