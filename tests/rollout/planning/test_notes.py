"""What is said before a deployment starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.model.traffic.parts import Part
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.gates.preflight import Before, span
from tealmesh.rollout.planning import notes as planning
from tealmesh.rollout.planning.past import Past, Portion
from tealmesh.rollout.planning.present import present

GOOD = SideTasks(desired=2, running=2, healthy=2, image="web:1")
BUSY = Traffic(requests=3000, started=3000, reporters=2, seconds=30.0)
BEFORE = Before("web", "blue", GOOD, BUSY, "http://127.0.0.1:9080/")
CANARY = Strategy("canary", (10, 100), step_time=10.0, step_timeout=300.0)


def notes(before: Before, strategy: Strategy, gates: Gates, past: Past | None = None) -> list[str]:
    return planning.notes(before, strategy, gates, present(before.traffic, (), past))


def test_nothing_is_said_where_nothing_will_be_waited_for() -> None:
    crowd = replace(BEFORE, traffic=replace(BUSY, requests=30_000, started=30_000))
    assert notes(crowd, CANARY, Gates(min_requests=100)) == []
    assert notes(BEFORE, CANARY, Gates(compare=False)) == []


def test_the_time_that_the_comparison_takes_is_said() -> None:
    (note,) = notes(BEFORE, CANARY, Gates(min_requests=100))
    assert "at the present 100.0 requests a second, it takes about 3" in note
    assert "the step before 100 % waits for that" in note
    slow = replace(BEFORE, traffic=replace(BUSY, requests=90, started=90, failures=0))
    (note,) = notes(slow, CANARY, Gates(min_requests=1))
    assert "without that it rolls back" in note
    assert "compare = false" in note


def test_a_part_with_too_little_traffic_is_said_before_the_start() -> None:
    """Its own PASS is what a deployment waits for."""
    watching = Gates(watch=(Part(method="POST"),))
    fast = replace(BEFORE, traffic=replace(BUSY, requests=30_000))
    (uncounted,) = notes(fast, CANARY, watching)
    assert "nobody has counted POST yet" in uncounted
    (later,) = notes(fast, CANARY, watching, Past(portions={"POST": Portion(0.05)}))
    assert "no worse in errors of POST: the step before 100 % waits for that" in later
    (never,) = notes(fast, CANARY, watching, Past(portions={"POST": Portion(0.01)}))
    assert "without that it rolls back" in never
    assert "or do not watch POST" in never
    assert notes(fast, CANARY, watching, Past(portions={"POST": Portion(0.009)})) == []


def test_a_present_version_that_misses_the_objective_is_said() -> None:
    failing = replace(BEFORE, traffic=replace(BUSY, requests=30_000, failures=900))
    (note,) = notes(failing, CANARY, Gates())
    assert "3 % of the requests fail now, and success_rate = 0.99 allows 1 %" in note


def test_the_image_that_runs_is_not_deployed_again() -> None:
    with pytest.raises(AwsError, match="web already runs web:1 on blue") as error:
        preflight.refuse_running(BEFORE, "web:1")
    assert error.value.code == "AlreadyRunsException"
    preflight.refuse_running(BEFORE, "web:2")


def test_the_image_of_tasks_that_are_not_healthy_may_be_deployed_again() -> None:
    sick = replace(BEFORE, tasks=replace(GOOD, healthy=1))
    preflight.refuse_running(sick, "web:1")


def test_no_traffic_is_said_with_the_setting_and_where_to_send_some() -> None:
    quiet = replace(BEFORE, traffic=Traffic(reporters=2, seconds=30.0))
    (note,) = notes(quiet, CANARY, Gates(min_requests=100))
    assert "got no request in the last 30 s" in note
    assert "100 requests" in note
    assert "5 min 10 s" in note
    assert "`teal load http://127.0.0.1:9080/`" in note
    assert notes(quiet, CANARY, Gates(min_requests=0)) == []


def test_little_traffic_is_said_with_the_time_that_a_step_will_take() -> None:
    little = replace(BEFORE, traffic=Traffic(requests=60, started=60, reporters=1, seconds=30.0))
    (note,) = notes(little, CANARY, Gates(min_requests=20, compare=False))
    assert "at the present 2.0 requests a second" in note
    assert "about 1 min 40 s to see 20 requests" in note
    assert "roll back" not in note
    (note,) = notes(little, CANARY, Gates(min_requests=100, compare=False))
    assert "about 8 min 20 s" in note
    assert "it will roll back" in note


def test_nothing_is_said_of_traffic_that_was_hardly_counted() -> None:
    """As just after a start of the control plane."""
    early = replace(BEFORE, traffic=Traffic(reporters=2, seconds=2.0))
    assert notes(early, CANARY, Gates()) == []


def test_callers_without_envoys_and_a_side_that_is_down_are_said() -> None:
    down = replace(BEFORE, tasks=SideTasks(desired=2), traffic=Traffic())
    serving, callers = notes(down, CANARY, Gates())
    assert serving == "nothing serves web now: none of the 2 tasks of blue is healthy"
    assert "verify_timeout (5 min)" in callers


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.5, "500 ms"), (1, "1 s"), (60, "1 min"), (150, "2 min 30 s"), (5400, "1 h 30 min")],
)  # fmt: skip
def test_times_are_shown_for_people(seconds: float, shown: str) -> None:
    assert span(seconds) == shown
