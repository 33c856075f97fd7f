"""Replicas die, stop and come back, under load and in the middle of deployments."""

from __future__ import annotations

import pytest

from tealmesh.model.rollout.states import State
from tests.drills.conftest import Drills
from tests.drills.stage import Drill
from tests.support.planes.sample import finished
from tests.support.programs.postgres import Server

FORWARD = (
    State.CREATED,
    State.SCALING_UP,
    State.ADDING_TARGET,
    State.CONVERGING_TARGET,
    State.VERIFYING,
    State.SHIFTING,
    State.CONVERGING,
    State.MEASURING,
    State.BAKING,
    State.CLEANING_UP,
)
BACK = (State.ROLLING_BACK, State.CONVERGING_BACK, State.CLEANING_BACK)
OF_PEOPLE = (State.MIRRORING, State.COHORT, State.AWAITING_APPROVAL, State.HELD)
"""Of other strategies, and where nothing happens until a person decides: not played."""
FINAL = (State.SUCCEEDED, State.ROLLED_BACK, State.ROLLBACK_FAILED, State.STOPPED)


def test_no_state_of_a_deployment_is_forgotten() -> None:
    assert {*FORWARD, *BACK, *OF_PEOPLE, *FINAL} == set(State)


def _killed_at(drill: Drill, states: tuple[State, ...]) -> list[str]:
    """Kill whoever works on the newest deployment at each of these, and start it again; where it
    was at each kill.
    """
    seen = []
    leader = drill.leader()
    for state in states:
        drill.reaches(state.value)
        leader.kill9()
        seen.append(drill.transitions()[-1])
        leader.start()
        leader = drill.other(leader)  # it alone may have taken it over
    return seen


@pytest.mark.drill
@pytest.mark.timeout(1500)
def test_the_leader_is_killed_at_every_transition(drills: Drills, server: Server) -> None:
    with drills.play("leader-killed", databases=[server.url] * 2) as drill:
        drill.deploy()
        with drill.fault():
            seen = _killed_at(drill, FORWARD)
        drill.finished()
        drill.deploy(judged=False)
        drill.reaches(State.MEASURING.value)
        drill.planes[0].teal("abort", "sample", "--no-follow")
        with drill.fault():
            seen += _killed_at(drill, BACK)
        assert finished(drill.planes[0], "sample", 180)["status"] == "ROLLBACK_SUCCESSFUL"
        drill.note(f"killed in {', '.join(seen)}")


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_each_replica_is_killed_in_turn(drills: Drills, server: Server) -> None:
    with drills.play("replicas-killed", databases=[server.url] * 3) as drill:
        drill.deploy()
        for plane in drill.planes:
            with drill.fault():
                plane.kill9()
                plane.start()
        drill.finished()


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_each_replica_hands_over_when_it_is_stopped(drills: Drills, server: Server) -> None:
    options = ("--stream-drain", "4", "--stream-age", "4")
    with drills.play("replicas-stopped", databases=[server.url] * 2, options=options) as drill:
        drill.deploy()
        for plane in drill.planes:
            drill.reaches(State.SCALING_UP.value)
            with drill.fault():
                plane.down()
                plane.start()
        drill.finished()
