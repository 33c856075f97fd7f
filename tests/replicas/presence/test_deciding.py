"""Who is dead: over interleavings of beats, deaths, outages of the database and questions."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.replicas.presence.deciding import (
    LEFT,
    PACE,
    Picture,
    Row,
    Seen,
    Standing,
    asked,
    forgotten,
    hands_over,
    read,
    silent,
    standing,
)
from tests.support.drills import examples

events = st.lists(
    st.sampled_from(["tick", "tick", "tick", "kill", "db away", "db back", "cut", "uncut"]),
    max_size=60,
)


@given(events)
@settings(max_examples=examples(2000), deadline=None)
def test_only_the_dead_are_taken_for_dead_and_they_are_within_five_seconds(
    events: list[str],
) -> None:
    """One watcher, one other, half a second a tick. "cut": the other alone has no database."""
    picture, now, row = Picture({}), 0.0, Row("10.0.0.2:8080", 0)
    alive, database, cut = True, True, False
    killed_at = away_until = 0.0
    for event in events:
        if event == "kill":
            alive, killed_at = False, killed_at if not alive else now
        elif event.startswith("db"):
            database = event == "db back"
        elif event in ("cut", "uncut"):
            cut = event == "cut"
        else:
            now += 0.5
            if not database:
                away_until = now
            if database:
                if alive and not cut and now % 1 == 0:
                    row = replace(row, beat=row.beat + 1)
                picture = read(picture, {"other": row}, now)
            seen = picture.seen.get("other")
            if seen is not None and silent(seen, now):
                picture = asked(picture, "other", alive, now)
        found = standing(picture, "other", now)
        if alive and "other" in picture.seen:
            assert found is not Standing.DEAD
        if not alive and now - max(killed_at, away_until) > 5 and "other" in picture.seen:
            assert found is Standing.DEAD


def _seen(row: Row, **more: object) -> Picture:
    return Picture({"other": replace(Seen(row, 0.0), **more)}, 10.0)  # type: ignore[arg-type]


def test_one_that_answers_and_does_not_write_is_cut_off() -> None:
    picture = asked(_seen(Row("a", 3)), "other", True, 10.0)
    assert standing(picture, "other", 10.0) is Standing.CUT_OFF


def test_nobody_is_judged_by_one_that_reads_nothing_itself() -> None:
    picture = _seen(Row("a", 3))
    for _ in range(5):
        picture = asked(picture, "other", False, 20.0)
    assert standing(picture, "other", 20.0) is Standing.UNKNOWN


def test_one_that_has_left_is_gone_at_once_and_one_that_comes_back_is_alive() -> None:
    picture = read(_seen(Row("a", 3)), {"other": Row("a", LEFT)}, 11.0)
    assert standing(picture, "other", 11.0) is Standing.DEAD
    assert forgotten(picture, 11.0 + PACE.forgotten) == ["other"]
    picture = read(picture, {"other": Row("a", 0)}, 12.0)
    assert standing(picture, "other", 12.0) is Standing.ALIVE


def test_streams_are_handed_over_only_where_somebody_else_has_the_database() -> None:
    assert hands_over(15.0, True)
    assert not hands_over(5.0, True)
    assert not hands_over(3600.0, False)
