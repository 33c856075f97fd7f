"""Times of the week in which no version gets more weight. Pure.

A window belongs to the day on which it begins. Its ends are moments, found once from the clock of
its zone, so an hour that this clock shows twice or skips makes it longer, and never tears it apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from tealmesh.model.config.outside import DAYS, Freeze, minutes, zone
from tealmesh.model.said import say

_MOST_JOINED = 60
"""Windows that follow one another without a gap, before their end is not looked for any further:
that is a freeze without an end."""


@dataclass(frozen=True)
class Frozen:
    """A freeze that lasts now."""

    until: float | None
    """When it ends (epoch seconds), with those that follow without a gap; None if it never does."""
    zone: str
    why: str

    def words(self) -> str:
        """Such as ``a freeze until Mon 30 Nov 00:00 Europe/Berlin (weekend)``."""
        if self.until is None:
            told = say("a freeze without an end")
        else:
            end = datetime.fromtimestamp(self.until, zone(self.zone))
            told = say(
                "a freeze until {time}", time=f"{end:%a} {end.day} {end:%b %H:%M} {self.zone}"
            )
        return say("{told} ({why})", told=told, why=self.why) if self.why else told


def frozen(freezes: Iterable[Freeze], now: float) -> Frozen | None:
    """The freeze that lasts at ``now`` (epoch seconds), with the reason of the first that does;
    None outside all of them.
    """
    every = tuple(freezes)
    first = next((one for one in every if _end(one, now) is not None), None)
    if first is None:
        return None
    until = now
    for _ in range(_MOST_JOINED):
        ends = [end for one in every if (end := _end(one, until)) is not None]
        if not ends:
            return Frozen(until, first.zone, first.why)
        until = max(ends)
    return Frozen(None, first.zone, first.why)


def upcoming(freezes: Iterable[Freeze], now: float, within: float) -> tuple[float, Frozen] | None:
    """The next freeze that begins within so many seconds: in how many, and what it is. None if none
    does, or while one lasts.
    """
    every = tuple(freezes)
    if frozen(every, now) is not None:
        return None
    begins = [begin for one in every for begin in _begins(one, now) if now < begin <= now + within]
    if not begins:
        return None
    found = frozen(every, min(begins))
    return (min(begins) - now, found) if found else None


def _begins(freeze: Freeze, now: float) -> Iterator[float]:
    """When the windows of these days begin."""
    place = zone(freeze.zone)
    today = datetime.fromtimestamp(now, place).date()
    for days in (0, 1):
        begin, end = _window(freeze, today + timedelta(days=days), place)
        if begin < end:
            yield begin


def _end(freeze: Freeze, now: float) -> float | None:
    """When the window ends that ``now`` is in; None outside."""
    place = zone(freeze.zone)
    today = datetime.fromtimestamp(now, place).date()
    for days in (-1, 0, 1):  # The next day's may have begun where the clock was set over midnight.
        begin, end = _window(freeze, today + timedelta(days=days), place)
        if begin <= now < end:
            return end
    return None


def _window(freeze: Freeze, day: date, place: tzinfo) -> tuple[float, float]:
    """The moments at which the window of a day begins and ends; empty if it has none."""
    if DAYS[day.weekday()] not in freeze.days:
        return (0.0, 0.0)
    start, end = minutes(freeze.start) or 0, minutes(freeze.end) or 0
    if end <= start:
        end += 24 * 60
    return min(_moments(day, start, place)), max(_moments(day, end, place))


def _moments(day: date, minute: int, place: tzinfo) -> tuple[float, float]:
    """The moments that the clock of a zone may mean: two where it is set back, or skips it."""
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    return tuple(  # type: ignore[return-value]
        local.replace(tzinfo=place, fold=fold).timestamp() for fold in (0, 1)
    )
