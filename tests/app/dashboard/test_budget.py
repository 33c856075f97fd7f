"""How often an open page has the control plane look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.dashboard.budget import (
    LONGEST_PAUSE,
    PART_OF_TIME,
    SAVED_SECONDS,
    SHORTEST_PAUSE,
    Budget,
    Spent,
)


@given(
    st.lists(st.floats(0, LONGEST_PAUSE * PART_OF_TIME), min_size=1, max_size=200),
    st.sampled_from([0.0, SAVED_SECONDS]),
)
def test_reading_takes_its_part_of_the_time_and_what_was_saved(
    readings: list[float], saved: float
) -> None:
    now = 100.0
    budget = Budget(now, saved)
    for took in readings:
        now += budget.pause(took, now)
    # What the last pause is too long by makes no difference.
    assert sum(readings) <= (now - 100.0) * PART_OF_TIME + saved + 1e-9


@given(st.lists(st.floats(0, 60), min_size=1, max_size=50))
def test_no_page_waits_for_longer_than_it_may(readings: list[float]) -> None:
    now = 0.0
    budget = Budget(now)
    for took in readings:
        pause = budget.pause(took, now)
        assert SHORTEST_PAUSE <= pause <= LONGEST_PAUSE + 1e-9
        now += took + pause


def test_a_deployment_after_a_quiet_minute_is_told_each_second() -> None:
    now = 0.0
    budget = Budget(now)
    for _ in range(60):
        now += budget.pause(0.002, now)
    for _ in range(5):
        pause = budget.pause(0.1, now)
        assert pause == SHORTEST_PAUSE
        now += pause
    assert budget.pause(0.1, now) > SHORTEST_PAUSE


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=50))
def test_what_others_do_meanwhile_is_not_counted(used: list[tuple[bool, float]]) -> None:
    now = 5.0
    spent = Spent(lambda: now)
    for own, seconds in used:
        if own:
            now += seconds
        else:
            with spent.others():
                now += seconds
    assert spent.seconds == pytest.approx(sum(seconds for own, seconds in used if own), abs=1e-9)
