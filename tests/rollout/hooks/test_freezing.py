"""Times without deployments: days, midnight, and clocks that are set forth and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.outside import DAYS, Freeze, minutes, zone
from tealmesh.rollout.hooks.freezing import frozen, upcoming

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
WEEKEND = (
    Freeze(("fri",), "16:00", "24:00", "Europe/Berlin", "weekend"),
    Freeze(("sat", "sun"), "00:00", "24:00", "Europe/Berlin", "weekend"),
)


def at(text: str, place: str = "Europe/Berlin", fold: int = 0) -> float:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(place), fold=fold)
    return local.timestamp()


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-11-27 15:59:59", None),
        ("2026-11-27 16:00", "2026-11-30 00:00"),
        ("2026-11-29 23:59", "2026-11-30 00:00"),
        ("2026-11-30 00:00", None),
        ("2026-11-26 18:00", None),
    ],
)
def test_windows_that_follow_one_another_are_one(when: str, until: str | None) -> None:
    found = frozen(WEEKEND, at(when))
    assert (found.until if found else None) == (at(until) if until else None)


def test_the_words_name_end_zone_and_reason() -> None:
    found = frozen(WEEKEND, at("2026-11-28 12:00"))
    assert found is not None
    assert found.words() == "a freeze until Mon 30 Nov 00:00 Europe/Berlin (weekend)"


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    nights = (Freeze(("fri",), "22:00", "06:00", "Europe/Berlin"),)
    assert frozen(nights, at("2026-11-27 23:00"))
    assert frozen(nights, at("2026-11-28 05:59"))
    assert not frozen(nights, at("2026-11-28 06:00"))
    assert not frozen(nights, at("2026-11-28 23:00"))
    assert not frozen(nights, at("2026-11-27 05:00"))


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        # On 25 October 2026 the hour from 2 to 3 comes twice in Berlin.
        ("01:00", "02:30", at("2026-10-25 01:00"), at("2026-10-25 02:30", fold=1)),
        ("02:30", "04:00", at("2026-10-25 02:30", fold=0), at("2026-10-25 04:00")),
    ],
)
def test_an_hour_that_comes_twice_is_within_one_window(
    start: str, end: str, first: float, last: float
) -> None:
    window = (Freeze(("sun",), start, end, "Europe/Berlin"),)
    assert not frozen(window, first - 1)
    for now in (first, (first + last) / 2, last - 1):
        found = frozen(window, now)
        assert found is not None
        assert found.until == last
    assert not frozen(window, last)


def test_an_hour_that_is_left_out_is_no_hole() -> None:
    # On 29 March 2026 the hour from 2 to 3 does not exist in Berlin.
    window = (Freeze(("sun",), "02:15", "02:45", "Europe/Berlin"),)
    assert frozen(window, at("2026-03-29 03:01"))
    whole = (Freeze(("sun",), "01:00", "05:00", "Europe/Berlin"),)
    found = frozen(whole, at("2026-03-29 01:30"))
    assert found is not None
    assert found.until == at("2026-03-29 05:00")
    assert found.until - at("2026-03-29 01:00") == 3 * 3600


def test_a_freeze_that_is_near_is_known() -> None:
    found = upcoming(WEEKEND, at("2026-11-27 15:55"), 3600.0)
    assert found is not None
    assert (found[0], found[1].until) == (300.0, at("2026-11-30 00:00"))
    assert upcoming(WEEKEND, at("2026-11-27 14:59"), 3600.0) is None
    assert upcoming(WEEKEND, at("2026-11-27 16:00"), 3600.0) is None
    nights = (Freeze(("sat",), "00:00", "06:00", "Europe/Berlin"),)
    assert upcoming(nights, at("2026-11-27 23:50"), 3600.0) is not None


def test_a_freeze_of_the_whole_week_has_no_end() -> None:
    found = frozen((Freeze(zone="UTC", why="sold"),), 1_800_000_000.0)
    assert found is not None
    assert found.until is None
    assert found.words() == "a freeze without an end (sold)"


freezes = st.builds(
    Freeze,
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple),
    st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}"),
    st.integers(0, 1440).map(lambda m: f"{m // 60:02}:{m % 60:02}"),
    st.sampled_from(ZONES),
)


@given(st.lists(freezes, min_size=1, max_size=3), st.integers(1_767_225_600, 1_830_000_000))
def test_a_freeze_lasts_until_its_end_and_no_longer(every: list[Freeze], now: int) -> None:
    found = frozen(every, float(now))
    if found is None or found.until is None:
        return
    assert found.until > now
    assert not frozen(every, found.until)
    between = frozen(every, (now + found.until) / 2)
    assert between is not None
    assert between.until == found.until


@given(freezes, st.integers(1_767_225_600, 1_830_000_000))
def test_the_clock_of_the_zone_decides(one: Freeze, now: int) -> None:
    """By a second way: what the clock on the wall shows. Around changes of the clock a window may
    be longer than that, never shorter.
    """
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(one.zone))
    start, end = minutes(one.start), minutes(one.end)
    assert start is not None
    assert end is not None
    minute = local.hour * 60 + local.minute
    today, before = DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()]
    if end > start:
        shown = today in one.days and start <= minute < end
    else:
        shown = (today in one.days and minute >= start) or (before in one.days and minute < end)
    if shown:
        assert frozen((one,), float(now))
    quiet = len({local.replace(hour=h, minute=0).utcoffset() for h in (0, 6, 12, 23)}) == 1
    yesterday = local - timedelta(days=1)
    if quiet and yesterday.utcoffset() == local.utcoffset() and not shown:
        assert not frozen((one,), float(now))


@pytest.mark.parametrize("text", ["", "24:01", "7:00", "07:60", "0700", "-1:00", "ab:cd", "²²:00"])
def test_other_times_are_refused(text: str) -> None:
    assert minutes(text) is None


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "a\0b"])
def test_other_zones_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone(name)
