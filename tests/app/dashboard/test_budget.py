"""How often an open page has the control plane look."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.dashboard.board import Board, Items
from tealmesh.app.dashboard.budget import (
    LONGEST_PAUSE,
    PART_OF_TIME,
    SAVED_SECONDS,
    SHORTEST_PAUSE,
    Budget,
    Spent,
)
from tealmesh.app.dashboard.stream import Turn


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

    async def work() -> str:
        nonlocal now
        for own, seconds in used:
            if own:
                now += seconds
            else:
                await asyncio.sleep(0)
        return "done"

    async def others() -> None:
        nonlocal now
        for own, seconds in used:
            if not own:
                await asyncio.sleep(0)
                now += seconds

    async def both() -> tuple[str, None]:
        return await asyncio.gather(spent.by(work()), others())

    spent = Spent(lambda: now)
    assert asyncio.run(both())[0] == "done"
    assert spent.seconds == pytest.approx(sum(seconds for own, seconds in used if own), abs=1e-9)


def test_what_pages_are_sent_and_ask_for_makes_the_readings_rarer() -> None:
    now = 50.0

    async def nothing() -> dict[str, Items]:
        return {}

    def steady() -> float:
        return now

    turn = Turn(nothing, Budget(now, saved=0.0), due=now)
    pauses = []
    for served in (0.0, 0.01, 0.01, 0.03):
        asyncio.run(turn.take(Board("b"), steady, served))
        pauses.append(turn.due - now)
        now = turn.due
    # A reading of nothing takes no time worth telling.
    expected = [SHORTEST_PAUSE, 0.01 / PART_OF_TIME - 1, SHORTEST_PAUSE, 0.02 / PART_OF_TIME - 1]
    assert pauses == pytest.approx(expected, abs=0.5)


def test_all_of_it_is_less_than_a_hundredth_of_a_core() -> None:
    assert 2 * PART_OF_TIME < 0.01


def test_errors_and_cancellations_reach_what_is_counted() -> None:
    now = 0.0
    spent = Spent(lambda: now)

    async def fails() -> None:
        nonlocal now
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0)
        finally:
            now += 1.0

    async def waits() -> None:
        nonlocal now
        try:
            await asyncio.Event().wait()
        finally:
            now += 2.0

    async def both() -> None:
        with pytest.raises(TimeoutError):
            await spent.by(fails())
        task = asyncio.create_task(spent.by(waits()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(both())
    assert spent.seconds == 3.0
