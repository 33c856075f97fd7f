"""Cron expressions of AWS: minutes, hours, day of month, month, day of week and year. Pure.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_MONTHS = {name.upper(): n for n, name in enumerate(calendar.month_abbr) if n}
_DAYS = {name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_LONGEST = 366 * 28
"""Days after which every date that an expression can name has come: 29 February of a certain
weekday comes once in 28 years (40 across 2100, which nobody waits for).
"""


@dataclass(frozen=True)
class Cron:
    """A parsed expression."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: str
    """The field of the day of month as written; ``?`` if the day of week counts."""
    months: frozenset[int]
    weekdays: str
    """The field of the day of week as written; ``?`` if the day of month counts."""
    years: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read the six fields. Raises ValueError, which says what is wrong."""
        fields = text.upper().split()
        if len(fields) == 5:
            fields.append("*")
        if len(fields) != 6:
            raise ValueError(
                "must have the fields minutes, hours, day of month, month, day of week and year,"
                f" not {len(fields)} fields"
            )
        minutes, hours, days, months, weekdays, years = fields
        if (days == "?") == (weekdays == "?"):
            raise ValueError("exactly one of day of month and day of week must be '?'")
        parsed = cls(
            _values(minutes, 0, 59),
            _values(hours, 0, 23),
            days,
            _values(months, 1, 12, _MONTHS),
            weekdays,
            _values(years, _FIRST_YEAR, _LAST_YEAR),
        )
        parsed._matches(date(2024, 1, 1))  # reads the fields of days
        return parsed

    def following(self, after: datetime) -> Iterator[datetime]:
        """The times later than ``after``, without a time zone, in order."""
        day = after.date()
        for _ in range(_LONGEST):
            if day.year > _LAST_YEAR:
                return
            if day.year in self.years and day.month in self.months and self._matches(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        at = datetime(day.year, day.month, day.day, hour, minute)
                        if at > after:
                            yield at
            day += timedelta(days=1)

    def _matches(self, day: date) -> bool:
        if self.weekdays == "?":
            return any(_is_day(part, day) for part in self.days.split(","))
        return any(_is_weekday(part, day) for part in self.weekdays.split(","))


def _is_day(part: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if part == "L":
        return day.day == last
    if part == "LW":
        return day.day == _nearest_weekday(day, last)
    if match := re.fullmatch(r"(\d+)W", part):
        return day.day == _nearest_weekday(day, min(_number(match[1], 1, 31, {}), last))
    return day.day in _values(part, 1, 31)


def _nearest_weekday(day: date, wanted: int) -> int:
    """The day of the month from Monday to Friday that is nearest to ``wanted``."""
    last = calendar.monthrange(day.year, day.month)[1]
    weekday = day.replace(day=wanted).weekday()
    if weekday == 5:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 6:
        return wanted + 1 if wanted < last else wanted - 2
    return wanted


def _is_weekday(part: str, day: date) -> bool:
    weekday = day.isoweekday() % 7 + 1
    if part == "L":
        return weekday == 7
    if match := re.fullmatch(r"(\w+)L", part):
        last = calendar.monthrange(day.year, day.month)[1]
        return weekday == _number(match[1], 1, 7, _DAYS) and day.day > last - 7
    if match := re.fullmatch(r"(\w+)#(\d+)", part):
        nth = _number(match[2], 1, 5, {})
        return weekday == _number(match[1], 1, 7, _DAYS) and (day.day - 1) // 7 + 1 == nth
    return weekday in _values(part, 1, 7, _DAYS)


def _values(
    field: str, least: int, most: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    """The values of one field: ``*``, ``5``, ``1-5``, ``*/15``, ``MON,WED``."""
    values: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        low, dash, high = span.partition("-")
        if span == "*":
            first, last = least, most
        else:
            first = _number(low, least, most, names or {})
            last = _number(high, least, most, names or {}) if dash else most if slash else first
        every = _number(step, 1, most, {}) if slash else 1
        # FRI-MON goes over the end.
        spanned = (
            range(first, last + 1)
            if first <= last
            else [*range(first, most + 1), *range(least, last + 1)]
        )
        values |= set(list(spanned)[::every])
    return frozenset(values)


def _number(text: str, least: int, most: int, names: dict[str, int]) -> int:
    value = names.get(text, int(text) if text.isdecimal() and text.isascii() else -1)
    if not least <= value <= most:
        allowed = f"{least} to {most}" + (f" or {', '.join(names)}" if names else "")
        raise ValueError(f"{text!r} must be {allowed}")
    return value
