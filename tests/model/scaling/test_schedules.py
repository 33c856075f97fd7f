"""Schedules: when they are due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.scaling.schedules import Schedule

BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def due(schedule: str, after: str, timezone: str = "") -> str | None:
    at = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found = Schedule.parse(schedule, timezone).following(at, BEGIN)
    return found and datetime.fromtimestamp(found, UTC).isoformat()[:16]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("at(2026-03-01T10:00:00)", "2026-02-01T00:00", "2026-03-01T10:00"),
        ("at(2026-03-01T10:00:00)", "2026-03-01T10:00", None),
        ("rate(5 minutes)", "2026-01-01T00:00", "2026-01-01T00:05"),
        ("rate(1 day)", "2026-01-03T07:00", "2026-01-04T00:00"),
        ("cron(0 9 * * ? *)", "2026-01-01T09:00", "2026-01-02T09:00"),
        ("cron(*/15 8-9 ? * MON-FRI *)", "2026-01-02T09:45", "2026-01-05T08:00"),
        ("cron(0 0 L * ? *)", "2026-02-01T00:00", "2026-02-28T00:00"),
        ("cron(0 0 15W * ? *)", "2026-02-01T00:00", "2026-02-16T00:00"),
        ("cron(0 0 ? * FRIL *)", "2026-01-01T00:00", "2026-01-30T00:00"),
        ("cron(0 0 ? * 2#3 *)", "2026-01-01T00:00", "2026-01-19T00:00"),
        ("cron(30 6 1 JAN ? 2028)", "2026-01-01T07:00", "2028-01-01T06:30"),
        ("cron(0 0 29 2 ? *)", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("cron(0 0 30 2 ? *)", "2026-01-01T00:00", None),
    ],
)
def test_when_it_is_due(schedule: str, after: str, expected: str | None) -> None:
    assert due(schedule, after) == expected


def test_the_time_zone_counts() -> None:
    berlin = ("cron(0 9 * * ? *)", "2026-07-01T00:00", "Europe/Berlin")
    assert due(*berlin) == "2026-07-01T07:00"
    # 02:30 comes twice in the night of 25 October, and is due once in each.
    assert due("cron(30 2 * * ? *)", "2026-10-25T00:30", "Europe/Berlin") == "2026-10-26T01:30"


@pytest.mark.parametrize(
    ("schedule", "named"),
    [
        ("every day", "must be at("),
        ("rate(1 minutes)", "must be a number of minutes"),
        ("rate(5 weeks)", "must be a number of minutes"),
        (f"rate({'9' * 400} days)", "must be a number of minutes"),
        ("cron(0 9 * * * *)", "exactly one of"),
        ("cron(60 9 * * ? *)", "'60' must be 0 to 59"),
        ("cron(0 9 * FOO ? *)", "'FOO' must be 1 to 12"),
        ("cron(0 9 ?)", "fields"),
        ("at(2026-02-30T00:00:00)", "at(2026-02-30"),
    ],
)
def test_what_is_wrong_is_named(schedule: str, named: str) -> None:
    with pytest.raises(ValueError, match="Schedule") as wrong:
        Schedule.parse(schedule)
    assert named in str(wrong.value)


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(ValueError, match="Timezone = 'Mars/Olympus'"):
        Schedule.parse("rate(1 day)", "Mars/Olympus")


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
    st.floats(BEGIN, BEGIN + 400 * 86400),
)
def test_a_daily_schedule_is_due_within_a_day(m: int, h: int, zone: str, after: float) -> None:
    found = Schedule.parse(f"cron({m} {h} * * ? *)", zone).following(after, BEGIN)
    assert found is not None
    # An hour more where the clock is put back.
    assert after < found <= after + 25 * 3600
