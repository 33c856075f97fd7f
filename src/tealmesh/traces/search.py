"""Which traces somebody looks for, page by page. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tealmesh.traces.span import shortened, trace_id
from tealmesh.traces.tree import Summary


@dataclass(frozen=True)
class Wanted:
    """What a trace must be; by default any is. Times are seconds since the epoch."""

    service: str = ""
    """Takes part in it."""
    failed: bool = False
    """A span of it failed: a fault, an error or a throttle."""
    least_seconds: float = 0.0
    since: float | None = None
    """It begins then or later."""
    until: float | None = None
    """It begins before."""

    def matches(self, one: Summary) -> bool:
        return (
            (not self.service or self.service in one.services)
            and (not self.failed or one.failed)
            and one.seconds >= self.least_seconds
            and (self.since is None or one.start >= self.since)
            and (self.until is None or one.start < self.until)
        )


def page(
    all_of: Iterable[Summary], wanted: Wanted, limit: int, after: tuple[float, str] | None = None
) -> tuple[list[Summary], tuple[float, str] | None]:
    """The newest that are wanted, at most ``limit``, of those after ``after``; and what to go on
    ``after``, None at the end. Traces that come meanwhile move nothing.
    """
    found = [one for one in all_of if wanted.matches(one)]
    found.sort(key=_place)
    if after is not None:
        place = (-after[0], after[1])
        found = [one for one in found if _place(one) > place]
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return shown, (last.start, last.trace) if last else None


def _place(one: Summary) -> tuple[float, str]:
    return (-one.start, one.trace)


def told(place: tuple[float, str]) -> str:
    """The place where a page ends, as text."""
    return f"{place[0]!r}/{place[1]}"


def place_of(text: str) -> tuple[float, str]:
    """The place that was `told`. Raises ValueError for any other text."""
    start, _, trace = text.partition("/")
    try:
        return float(start), trace_id(trace)
    except ValueError as error:
        raise ValueError(f"{shortened(text, 80)!r} is not from an answer before") from error
