"""Which version was before the one that serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.rollout.going_back import Back, way_back
from tests.rollout.outside import begun
from tests.rollout.world import system

BLUE = {"blue": 100, "green": 0}
GREEN = {"blue": 0, "green": 100}


def ended(old: str, new: str, to: str = "green", state: State = State.SUCCEEDED) -> Deployment:
    sides = {"old_side": "blue" if to == "green" else "green", "new_side": to}
    return replace(
        begun(),
        old_image=f"web:{old}",
        new_image=f"web:{new}",
        state=state,
        finished_at=1.0,
        **sides,
    )


def back(*history: Deployment, weights: dict[str, int], serves: str, healthy: int = 2) -> Back:
    side = max(weights, key=lambda name: weights[name])
    tasks = {"blue": SideTasks(), "green": SideTasks()}
    tasks[side] = SideTasks(2, healthy, healthy, image=f"web:{serves}")
    return way_back(system(), history, weights, tasks)


def test_after_a_success_the_version_before_is_the_one_that_was_replaced() -> None:
    assert back(ended("1", "2"), weights=GREEN, serves="2") == Back("web:1", "blue")
    second = ended("2", "3", "blue")
    assert back(second, ended("1", "2"), weights=BLUE, serves="3") == Back("web:2", "green")


def test_what_is_undone_already_is_not_undone_again() -> None:
    undone = replace(ended("2", "1", "blue"), kind="ROLLBACK")
    done = back(undone, ended("1", "2"), weights=BLUE, serves="1")
    assert done == Back("web:1", "blue", already=True)
    aborted = ended("2", "3", "blue", State.ROLLED_BACK)
    done = back(aborted, ended("1", "2"), weights=GREEN, serves="2")
    assert done == Back("web:2", "green", already=True)


def test_a_dead_version_is_left_even_if_it_is_what_was_gone_back_to() -> None:
    failed = ended("2", "3", "blue", State.ROLLBACK_FAILED)
    found = back(failed, ended("1", "2"), weights=GREEN, serves="2", healthy=0)
    assert found == Back("web:1", "blue")


def test_split_weights_go_back_to_the_side_that_was_being_replaced() -> None:
    given_up = ended("1", "2", state=State.STOPPED)
    split = {"blue": 10, "green": 90}
    assert back(given_up, weights=split, serves="2") == Back("web:1", "blue")


def test_without_a_version_before_there_is_no_way_back() -> None:
    with pytest.raises(AwsError, match="web has no earlier image to go back to"):
        back(weights=BLUE, serves="1")
    with pytest.raises(AwsError, match="than web:9, which serves now"):
        back(ended("1", "2"), weights=GREEN, serves="9")
