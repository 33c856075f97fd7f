"""The machine, exhaustively: every state that events can lead to, interrupted in each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.beside import Cohort, Mirror, Sticky
from tealmesh.model.config.strategies import StepSettings, Strategy
from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import PHASES, Deployment, SideTasks, State, Status, Traffic
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

STEP_TIME, BAKE_TIME, TIMEOUT = 10.0, 10.0, 60.0
STEPS = (10, 50, 100)
STEERED = (10, 100)
"""The steps of those that people promote and pause, and nobody else changes: with both there would
be too many states. `test_outside_changes` has both, at random.
"""
PAST_STEP = machine.SETTLE_SECONDS + STEP_TIME + 0.1


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


def bad(d: Deployment, now: float) -> Iterator[tuple[Event, float]]:
    """Every other event that is possible in the state of ``d``."""
    late = now + TIMEOUT + STEP_TIME + BAKE_TIME + 1
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
        yield from ((look, at) for look in looks(d))
        yield Approved(), at
        yield Resumed(), at
        yield NotReady("the earlier tasks to stop"), at
        yield EffectFailed("throttled", retryable=True), at
        yield EffectFailed("refused", retryable=False), at
        match machine.next_effect(d):
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


def looks(d: Deployment) -> Iterator[Looked]:
    """Looks that find something else than the deployment left."""
    yield looked(d)
    yield looked(d, new=NO_TASKS)
    yield looked(d, old=DEAD_TASKS)
    yield looked(d, new=NO_TASKS, old=DEAD_TASKS)
    if d.strategy.steps == STEERED:
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


def reachable(first: Deployment) -> dict[tuple[object, ...], tuple[Deployment, float]]:
    """One deployment of each kind that events can lead to, with its time."""
    states = {key(first): (first, first.created_at)}
    todo = [(first, first.created_at)]
    while todo:
        d, now = todo.pop()
        if d.finished:
            continue
        for event, at in (good(d, now), *bad(d, now)):
            after = hear(d, event, at)
            if key(after) not in states:
                states[key(after)] = (after, at)
                todo.append((after, at))
    return states


@pytest.fixture(scope="module")
def states() -> list[tuple[Deployment, float]]:
    ways = (
        created(),
        created(True, midway=True, steps=(20, 100)),
        created(steps=STEERED),
        created(beside=True),
    )
    return [one for way in ways for one in reachable(way).values()]


def test_every_state_is_reached(states: list[tuple[Deployment, float]]) -> None:
    assert {d.state for d, _ in states} == set(State) == set(PHASES)


def test_an_interruption_anywhere_leads_to_the_same_end(
    states: list[tuple[Deployment, float]],
) -> None:
    for d, now in states:
        if d.finished:
            continue
        expected = to_the_end(d, now)
        stored = Deployment.from_json(json.loads(json.dumps(d.to_json())))
        assert stored == d
        resumed = machine.step(stored, Resumed(), now + 3600)
        assert machine.next_effect(resumed) == machine.next_effect(d) or d.since
        assert (resumed.held_in, resumed.note) == (d.held_in, d.note)
        end = to_the_end(resumed, now + 3600)
        assert (end.status, end.weights) == (expected.status, expected.weights), d.state


def test_all_goes_well_or_all_goes_back(states: list[tuple[Deployment, float]]) -> None:
    """Whatever happened before: once all goes well, one side has all the weight and the other is
    gone, unless somebody or something else has ended the deployment; and its last words are true.
    """
    for d, now in states:
        end = to_the_end(d, now)
        assert end.finished_at is not None
        assert end.serves
        if end.status is Status.SUCCESSFUL:
            assert end.weights == {"blue": 0, "green": 100}
            assert end.reason == "" or "still" in end.reason or "went back" in end.reason
        elif end.status is Status.ROLLBACK_SUCCESSFUL:
            assert end.weights == {"blue": 100, "green": 0}
            assert end.reason
        elif end.status is Status.ROLLBACK_FAILED:
            assert "nothing serves" in end.serves, end
        if end.status is not Status.ROLLBACK_FAILED and "nothing serves" in end.serves:
            assert end.state is State.STOPPED or "went back" in end.reason


def test_a_side_is_stopped_only_once_every_envoy_has_acknowledged_so(
    states: list[tuple[Deployment, float]],
) -> None:
    for d, _ in states:
        effect = machine.next_effect(d)
        if isinstance(effect, StopSide):
            assert d.weights[effect.side] == 0
            assert d.acknowledged == d.weights
            assert not d.seen.get(effect.side)
        if isinstance(effect, SetWeights) and not machine.obstacle(d):
            assert sum(effect.weights.values()) > 0
            for side, share in machine.shares(effect.weights).items():
                gains = share > machine.shares(d.seen).get(side, 0)
                assert not gains or d.healthy[side] > 0


def test_each_failure_gives_all_weight_back(states: list[tuple[Deployment, float]]) -> None:
    tried = 0
    for d, now in states:
        if not machine.can_abort(d):
            continue
        after = machine.step(d, AbortAsked("tester"), now)
        only_green = machine.only_new_serves(d)
        back = {"blue": 0, "green": 100} if only_green else {"blue": 100, "green": 0}
        assert machine.next_effect(after) == SetWeights(back)
        assert after.reason.startswith("aborted by tester")
        tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"failing": 0.2}, "success-rate"),
        ({"tasks": DEAD_TASKS}, "3 stopped by themselves; last words"),
        ({"tasks": BROKEN_TASKS}, "tasks failed to start; last words"),
    ],
)
def test_a_bad_step_is_rolled_back_at_once(
    states: list[tuple[Deployment, float]], seen: dict[str, object], reason: str
) -> None:
    measuring = [(d, now) for d, now in states if d.state is State.MEASURING]
    assert measuring
    for d, now in measuring:
        after = machine.step(d, observed(d, now=now, **seen), now)  # type: ignore[arg-type]
        assert after.state is State.ROLLING_BACK
        assert reason in after.reason


@pytest.mark.parametrize("seen", [{"silent": True}, {"skew": 0.2}, {"tasks": SOME_TASKS}])
def test_a_gate_that_does_not_pass_is_named_after_the_timeout(seen: dict[str, object]) -> None:
    d, now = created(), 1000.0
    while d.state is not State.MEASURING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    entered = now
    while d.state is State.MEASURING:
        now += 5
        d = machine.step(d, observed(d, now=now, **seen), now)  # type: ignore[arg-type]
    assert d.state is State.ROLLING_BACK
    assert now - entered > TIMEOUT
    assert "step_timeout of 60 s on top of step_time exceeded" in d.reason
    assert "still waiting for" in d.reason


def test_the_step_time_is_kept() -> None:
    d, now = created(), 1000.0
    while d.state is not State.MEASURING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    early = machine.step(d, observed(d, now=now), d.since + STEP_TIME - 0.1)
    assert early.state is State.MEASURING
    assert "step time" in early.waiting_for
    late = machine.step(d, observed(d, now=now), d.since + STEP_TIME + 0.1)
    assert late.state is State.SHIFTING


def test_a_blue_request_restarts_the_bake_time() -> None:
    d, now = created(), 1000.0
    while d.state is not State.BAKING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    heard = Observed(
        GOOD_TASKS,
        GOOD_TASKS,
        Traffic(requests=1, started=1, reporters=4, seen_until=now + 5),
        Traffic(requests=500, started=500, reporters=4, seen_until=now + 5),
    )
    d = machine.step(d, heard, now + 5)
    assert (d.state, d.since) == (State.BAKING, now + 5)
    d = machine.step(d, observed(d, now=now + 5 + BAKE_TIME), now + 6 + BAKE_TIME)
    assert d.state is State.CLEANING_UP


def test_approval_is_not_bounded_by_the_step_timeout() -> None:
    d, now = created(approval=True), 1000.0
    while d.state is not State.AWAITING_APPROVAL:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    d = machine.step(d, observed(d, now=now), now + 100 * TIMEOUT)
    assert d.state is State.AWAITING_APPROVAL
    d = machine.step(d, Approved(), now + 100 * TIMEOUT)
    assert d.state is State.VERIFYING
    d = machine.step(d, observed(d, now=now), now + 100 * TIMEOUT + 1)
    assert d.state is State.SHIFTING


def test_an_event_of_another_state_is_a_bug() -> None:
    with pytest.raises(InvariantError, match="SideStopped does not belong to"):
        machine.step(created(), SideStopped(True), 1001.0)


@given(data=st.data())
def test_no_sequence_of_events_breaks_an_invariant(data: st.DataObject) -> None:
    """`machine.step` checks its invariants itself; here a simulated world checks them too."""
    midway, steps = data.draw(st.booleans()), data.draw(st.sampled_from((STEPS, STEERED)))
    approval, beside = data.draw(st.booleans()), data.draw(st.booleans())
    d, now = created(approval, midway=midway, steps=steps, beside=beside), 1000.0
    route: dict[str, int] = {"blue": 100}
    everywhere = dict(route)
    last_sequence = 0
    for _ in range(60):
        assert d.sequence >= last_sequence
        last_sequence = d.sequence
        if d.finished:
            break
        effect = machine.next_effect(d)
        if isinstance(effect, StopSide):
            assert everywhere.get(effect.side, 0) == route.get(effect.side, 0) == 0
        choices = [good(d, now)] * 3 + list(bad(d, now))
        event, now = data.draw(st.sampled_from(choices))
        if isinstance(event, WeightsSet) and isinstance(effect, SetWeights):
            route = dict(effect.weights)
        if isinstance(event, ConvergenceSeen) and event.converged:
            everywhere = dict(route)
        d = hear(d, event, now)
