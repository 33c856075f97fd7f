"""The steps with weight, by windows: what a deployment does with each kind of version.

Everything is in memory: a clock that jumps, and callers drawn from a seed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import Deployment, GateResult, SideTasks, State, Traffic
from tealmesh.model.traffic.windows import Counts, SideWindow, Window
from tealmesh.rollout import machine
from tealmesh.rollout.effects import (
    ConvergenceSeen,
    LiveRoute,
    Looked,
    Observe,
    Observed,
    Resumed,
    Seen,
    SetWeights,
    WeightsSet,
)
from tests.rollout.machine.simulated import Callers, Version
from tests.rollout.machine.walking import GOOD_TASKS, created

CANARY = Strategy("canary", (10, 50, 100), step_time=30.0, bake_time=10.0, step_timeout=120.0)
TASKS = SideTasks(desired=3, running=3, healthy=3, image="web:2")
GOOD = Version(failing=0.002)


@dataclass
class Run:
    """A deployment from its verification on, looked at every few seconds."""

    callers: Callers
    d: Deployment
    now: float = 1000.0
    every: int = 5
    """Seconds between two looks."""

    def __post_init__(self) -> None:
        self.windows: list[Window] = []
        self.open: list[Window] = []
        self.seen: list[tuple[float, Window]] = []
        """All that callers saw, with its beginning."""
        self.d = replace(
            self.d, state=State.VERIFYING, weights={"blue": 100, "green": 0}, phase_at=self.now
        )
        self._observe(0.0, seconds=60)

    def to_the_end(self) -> Deployment:
        """Until it goes back, holds, or cleans up."""
        over = {State.ROLLING_BACK, State.HELD, State.CLEANING_UP}
        while self.d.state not in over:
            self.turn()
        return self.d

    def turn(self) -> None:
        match machine.next_effect(self.d):
            case SetWeights():
                self.step(WeightsSet(1, self.now))
            case Observe():
                share = self.d.weights["green"] / 100
                self._observe(share, seconds=self.every)
            case _:
                self.step(ConvergenceSeen(True, self.now))

    def step(self, event: object) -> None:
        before = self.d.comparison.windows
        self.d = machine.step(self.d, event, self.now)  # type: ignore[arg-type]
        if self.d.comparison.windows != before:
            assert self.d.comparison.last is not None
            self.windows.append(self.d.comparison.last)
            self.open.clear()

    def _observe(self, share: float, seconds: int) -> None:
        more = self.callers.window(share, seconds)
        self.seen.append((self.now, more))
        self.open.append(more)
        self.now += seconds
        since = [window for began, window in self.seen if began + 1 >= self.d.since]
        sides = _sides(self.open)
        traffic = [
            Traffic(
                side.requests, side.failures, side.requests, reporters=2, members=3,
                members_healthy=3, seen_until=self.now, timed=side.timed, bounds=side.bounds,
                buckets=side.buckets,
            )
            for side in _sides(since or [more])
        ]  # fmt: skip
        self.step(Observed(GOOD_TASKS, TASKS, *traffic, "", self.now, *sides))


def _sides(windows: list[Window]) -> list[SideWindow]:
    return [_joined([getattr(w, side) for w in windows]) for side in ("old", "new")]


def _joined(parts: list[SideWindow]) -> SideWindow:
    """Consecutive windows of a side as one."""
    whole = sum((part.counts for part in parts), Counts())
    columns = [sum(column) for column in zip(*[p.buckets for p in parts if p.buckets], strict=True)]
    return SideWindow(
        requests=whole.requests,
        failures=whole.failures,
        client_errors=whole.client_errors,
        open=parts[-1].open,
        active=parts[-1].active,
        started=whole.requests,
        timed=sum(part.timed for part in parts),
        bounds=next((part.bounds for part in parts if part.bounds), ()),
        buckets=tuple(columns),
        by_second=tuple(second for part in parts for second in part.by_second),
        latency_by_second=tuple(second for part in parts for second in part.latency_by_second),
    )


def run(
    new: Version,
    *,
    strategy: Strategy = CANARY,
    gates: Gates = Gates(success_rate=0.9),  # noqa: B008 - frozen
    seed: int = 1,
    rate: float = 50.0,
    old: Version = GOOD,
) -> Run:
    return Run(Callers(seed, rate, old, new), replace(created(), strategy=strategy, gates=gates))


def verdict(d: Deployment, gate: str) -> GateResult:
    """The newest verdict of a gate."""
    found = [v for step in d.evidence for v in step.verdicts if v.gate == gate]
    return found[-1]


BLUE_GREEN = Strategy("bluegreen", (100,), step_time=15.0, bake_time=15.0, bake_timeout=60.0)


@pytest.mark.parametrize(
    ("new", "gate"),
    [
        (Version(blamed=0.2), "client-errors since the shift"),
        (Version(latency=200.0), "latency since the shift"),
        (Version(hanging=0.4), "hanging since the shift"),
    ],
    ids=lambda value: str(value),
)
def test_blue_green_goes_back_for_what_was_not_so_before(new: Version, gate: str) -> None:
    """The fixed objectives see nothing of it, and nothing is beside it."""
    going = run(new, strategy=BLUE_GREEN, old=Version(failing=0.002, blamed=0.005))
    done = going.to_the_end()
    assert done.state is State.ROLLING_BACK
    assert done.reason.startswith(f"{gate}: "), done.reason
    assert not any(window.compared for window in going.windows)
    assert going.windows[-1].judged[gate].verdict == "FAIL"


def test_blue_green_goes_on_with_a_version_that_is_as_good() -> None:
    done = run(GOOD, strategy=BLUE_GREEN).to_the_end()
    assert done.state is State.CLEANING_UP, done.reason
    assert verdict(done, "client-errors since the shift").verdict == "PASS"
    assert verdict(done, "latency since the shift").verdict == "PASS"


def test_a_good_version_gets_all_the_weight_and_leaves_its_windows_behind() -> None:
    going = run(GOOD)
    done = going.to_the_end()
    assert done.state is State.CLEANING_UP, done.reason
    assert verdict(done, "errors").verdict == "PASS"
    assert [w.index for w in going.windows] == list(range(len(going.windows)))
    assert {w.step for w in going.windows} == {0, 1, 2}
    ends = [w.started_at + w.seconds for w in going.windows]
    same_step = [
        (end, after.started_at)
        for end, before, after in zip(ends, going.windows, going.windows[1:], strict=False)
        if before.step == after.step
    ]
    assert all(end == start for end, start in same_step)
    assert max(w.seconds for w in going.windows) <= 10 + going.every
    compared = [w for w in going.windows if w.compared]
    assert {w.step for w in compared} == {0, 1}
    assert all(w.judged for w in compared)
    assert {w.note for w in going.windows if not w.compared} == {
        "no comparison: one side has no weight"
    }


@pytest.mark.parametrize(
    ("new", "gate"),
    [
        (Version(failing=0.03), "errors"),
        (Version(failing=0.002, blamed=0.2), "client-errors"),
        (Version(failing=0.002, blamed=1.0), "breaker"),
        (Version(failing=0.002, latency=300.0), "latency"),
        (Version(failing=0.8), "success-rate"),
        (Version(failing=0.002, hanging=0.9), "errors"),
    ],
    ids=["errors", "some 4xx", "all 4xx", "slow", "broken", "hangs"],
)
def test_a_bad_version_is_rolled_back_before_it_gets_everything(new: Version, gate: str) -> None:
    going = run(new)
    done = going.to_the_end()
    assert done.state is State.ROLLING_BACK, done
    assert done.step < 2
    assert done.reason.startswith(f"{gate}: "), done.reason


def test_a_blue_green_version_that_refuses_everything_is_seen_by_what_was_before() -> None:
    going = run(Version(blamed=1.0), strategy=replace(CANARY, type="bluegreen", steps=(100,)))
    done = going.to_the_end()
    assert done.state is State.ROLLING_BACK
    assert "answered with a client error (4xx) in the last seconds, 0 of" in done.reason
    asked_for = run(
        Version(blamed=1.0),
        old=Version(blamed=0.9),
        strategy=replace(CANARY, type="bluegreen", steps=(100,)),
    )
    assert asked_for.to_the_end().state is State.CLEANING_UP


def test_without_a_verdict_there_is_no_full_weight() -> None:
    """Too little traffic: the fixed objectives would have passed it."""
    few = Gates(success_rate=0.99, min_requests=5)
    going = run(GOOD, gates=few, rate=1.0)
    done = going.to_the_end()
    assert (done.state, done.step) == (State.ROLLING_BACK, 1)
    assert "step_timeout of 120 s on top of step_time exceeded" in done.reason
    assert "more requests to green will tell, in about" in done.reason
    nothing_waited_for = run(GOOD, gates=replace(few, min_requests=0), rate=1.0)
    assert nothing_waited_for.to_the_end().state is State.CLEANING_UP


def test_without_a_verdict_it_is_held_if_that_is_wanted_and_not_for_ever() -> None:
    strategy = replace(CANARY, on_no_verdict="hold", hold_timeout=600.0)
    going = run(GOOD, gates=Gates(min_requests=5), rate=1.0, strategy=strategy)
    held = going.to_the_end()
    assert (held.state, held.step, held.seconds_left) == (State.HELD, 1, 600.0)
    assert "there is no verdict: errors: " in held.note
    assert "`teal resume web` goes on without a verdict" in held.waiting_for
    seen = Seen(LiveRoute(held.weights, 1), GOOD_TASKS, TASKS)
    still = machine.step(held, Looked(seen), held.entered_at + 599)
    assert still.state is State.HELD
    late = machine.step(still, Looked(seen), held.entered_at + 601)
    assert late.state is State.ROLLING_BACK
    assert "hold_timeout of 600 s exceeded while holding it for a person" in late.reason


def test_while_the_new_side_warms_up_it_is_shown_and_not_judged() -> None:
    going = run(Version(failing=0.3), strategy=replace(CANARY, warm_up=20.0))
    while going.d.state is not State.MEASURING:
        going.turn()
    warm_until = going.d.comparison.warm_until
    assert warm_until == going.d.since + 20.0
    while going.now + going.every < warm_until:
        going.turn()
        assert going.d.state is State.MEASURING
        assert going.d.waiting_for == "the warm-up of 20 s"
    assert going.d.evidence[-1].failures > 0
    assert going.windows[0].note == "warm-up"
    assert not going.windows[0].compared
    assert going.d.seconds_left is not None
    assert going.d.seconds_left > 120.0
    done = going.to_the_end()
    assert done.state is State.ROLLING_BACK
    broken = run(Version(failing=0.9), strategy=replace(CANARY, warm_up=20.0)).to_the_end()
    assert broken.reason.startswith("breaker: ")


def test_an_interruption_loses_the_open_window_and_nothing_else() -> None:
    going = run(GOOD)
    while len(going.windows) < 3 or not going.open:
        going.turn()
    stored = Deployment.from_json(json.loads(json.dumps(going.d.to_json())))
    assert stored == going.d
    resumed = machine.step(stored, Resumed(), going.now + 50)
    assert resumed.comparison.evidence == going.d.comparison.evidence
    assert resumed.comparison.windows == 3
    assert resumed.comparison.opened_at == resumed.since == going.now + 50
    going.d, going.now = resumed, going.now + 51
    going.open.clear()
    assert going.to_the_end().state is State.CLEANING_UP
    assert [w.index for w in going.windows] == list(range(len(going.windows)))


def test_a_comparison_that_is_switched_off_decides_nothing() -> None:
    going = run(Version(failing=0.05), gates=Gates(success_rate=0.9, compare=False))
    done = going.to_the_end()
    assert done.state is State.CLEANING_UP
    assert {w.note for w in going.windows} == {"compare = false"}
    assert "errors" not in {v.gate for step in done.evidence for v in step.verdicts}
