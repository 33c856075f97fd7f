"""The four steps that operators make by hand: where a service is, and whether the next is safe."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import SideTasks, Traffic, Verdict
from tealmesh.rollout.four_steps import Followed, SideNow, Step, follow

NOW = 1000.0
RUNNING = SideTasks(1, 1, 1)
QUIET = Traffic(reporters=2, members=1, members_healthy=1, seen_until=NOW)
BUSY = replace(QUIET, requests=500, started=500)
BLUE = SideNow("blue", True, 1, RUNNING, BUSY, since=1.0)
GREEN = SideNow("green", True, 0, RUNNING, QUIET, since=2.0)


def followed(*sides: SideNow, converged: bool = True) -> Followed:
    found = follow(sides, Gates(), converged=converged, window_end=NOW)
    assert found is not None
    return found


def unmet(found: Followed) -> list[str]:
    return [gate.gate for gate in found.gates if gate.verdict is not Verdict.PASS]


def test_the_four_steps_and_the_way_to_each() -> None:
    start = followed(BLUE, replace(GREEN, exists=False, tasks=SideTasks()))
    assert (start.step, start.safe) == (Step.ONE_SIDE, True)
    assert start.following == "start green without weight"
    started = followed(BLUE, GREEN)
    assert (started.step, started.safe) == (Step.STARTED, True)
    assert started.following == "give weight to green"
    shared = followed(BLUE, replace(GREEN, weight=1, traffic=BUSY))
    assert (shared.step, shared.safe) == (Step.SHARED, True)
    assert shared.following == "take all weight from blue"
    moved = followed(replace(BLUE, weight=0, traffic=QUIET), replace(GREEN, weight=1, traffic=BUSY))
    assert (moved.step, moved.safe) == (Step.MOVED, True)
    assert moved.following == "remove blue"
    done = followed(replace(BLUE, exists=False, weight=0), replace(GREEN, weight=1))
    assert (done.step, done.following) == (Step.ONE_SIDE, "start blue without weight")


def test_what_makes_the_next_step_unsafe() -> None:
    starting = replace(GREEN, tasks=SideTasks(1, 0, 0), traffic=Traffic())
    assert unmet(followed(BLUE, starting)) == ["tasks", "endpoints"]
    assert unmet(followed(BLUE, GREEN, converged=False)) == ["convergence"]
    failing = replace(GREEN, weight=1, traffic=replace(BUSY, failures=400))
    assert unmet(followed(BLUE, failing)) == ["success-rate"]
    skewed = replace(GREEN, weight=3, traffic=BUSY)
    assert unmet(followed(BLUE, skewed)) == ["share"]
    still = followed(replace(BLUE, weight=0), replace(GREEN, weight=1, traffic=BUSY))
    assert unmet(still) == ["silence"]


def test_without_weight_or_with_three_sides_there_is_no_step() -> None:
    none = [replace(BLUE, weight=0), GREEN]
    assert follow(none, Gates(), converged=True, window_end=NOW) is None
    three = [BLUE, GREEN, replace(GREEN, name="red")]
    assert follow(three, Gates(), converged=True, window_end=NOW) is None


@given(
    st.lists(
        st.builds(
            SideNow,
            st.just("x"),
            st.booleans(),
            st.integers(0, 100),
            st.builds(SideTasks, *[st.integers(0, 3)] * 4),
            st.builds(Traffic, st.integers(0, 9), st.integers(0, 0), st.integers(0, 9)),
            st.floats(0, 9),
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_no_step_is_safe_before_the_envoys_have_acknowledged_the_last_one(
    sides: list[SideNow], converged: bool
) -> None:
    found = follow(sides, Gates(), converged=converged, window_end=NOW)
    if found is not None and found.step is not Step.ONE_SIDE:
        assert not found.safe or converged
