"""What windows of measurement say of each metric, as observations that can be compared. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from tealmesh.model.traffic.windows import Counts, SideWindow, Window
from tealmesh.rollout.gates.comparing import Arm, Observation, Pair

ERRORS, CLIENT_ERRORS, LATENCY = METRICS = ("errors", "client-errors", "latency")
OF = " of "
"""Between a metric and the name of the part that it is about."""

_AT_ONCE = 0.001
"""Seconds between two windows of which one begins when the other ends."""

_PART_SECONDS = 10
"""What was seen of the old side before is told in windows of so many seconds."""
_LEAST_PART_SECONDS = 6
"""The shortest of them."""


def what(metric: str) -> tuple[str, str]:
    """Which metric it is, and of which part; an empty one for the whole service."""
    kind, _, part = metric.partition(OF)
    return kind, part


def failed(old: SideWindow, new: SideWindow) -> Observation:
    """Failed requests."""
    seconds = _pairs(old.by_second, new.by_second, _failures)
    return Observation(_failures(old.counts), _failures(new.counts), seconds)


def blamed(old: SideWindow, new: SideWindow) -> Observation:
    """Requests that were answered with a client error."""
    seconds = _pairs(old.by_second, new.by_second, _client_errors)
    return Observation(_client_errors(old.counts), _client_errors(new.counts), seconds)


def failed_of(part: str, old: SideWindow, new: SideWindow) -> Observation:
    """Failed requests to a part."""
    return _summed(_pairs(old.by_part.get(part, ()), new.by_part.get(part, ()), _failures))


def blamed_of(part: str, old: SideWindow, new: SideWindow) -> Observation:
    """Requests to a part that were answered with a client error."""
    return _summed(_pairs(old.by_part.get(part, ()), new.by_part.get(part, ()), _client_errors))


def slow(old: SideWindow, new: SideWindow, bound: float) -> Observation:
    """The answers that took longer than a bound in milliseconds."""
    parts = tuple(
        Pair(_slower(old.bounds, a, bound), _slower(new.bounds, b, bound))
        for a, b in zip_longest(old.latency_by_second, new.latency_by_second, fillvalue=())
    )
    whole = [_slower(side.bounds, (*side.buckets, side.timed), bound) for side in (old, new)]
    return Observation(whole[0], whole[1], parts)


def slow_of(part: str, old: SideWindow, new: SideWindow, bound: float) -> Observation:
    """The same of the answers to a part."""
    both = [side.latency_by_part.get(part, ()) for side in (old, new)]
    return _summed(
        tuple(
            Pair(_slower(old.part_bounds, a, bound), _slower(new.part_bounds, b, bound))
            for a, b in zip_longest(*both, fillvalue=())
        )
    )


def unanswered(old: SideWindow, new: SideWindow, open_before: int) -> Observation:
    """Of the requests that began in the window, those without an answer at its end. Nobody counts
    them: of the old side all in flight are taken, of the new side only those that are more than
    before, so that it never looks worse than it is.
    """
    before = max(old.requests, old.active)
    return Observation(Arm(before, old.active), hanging(new, open_before))


def hanging(new: SideWindow, open_before: int) -> Arm:
    """Of the requests to the new side that began in the window, those by which the ones without an
    answer have become more.
    """
    hang = max(0, new.open - open_before)
    return Arm(max(new.requests + new.open - open_before, hang), hang)


def open_before(last: Window | None, window: Window) -> int:
    """The new side's requests in flight when the window began; if that is not known, as many as at
    its end.
    """
    if last is None:
        return 0 if window.index == 0 else window.new.open
    follows = abs(last.started_at + last.seconds - window.started_at) < _AT_ONCE
    return last.new.open if follows else window.new.open


def timed_of(part: str, side: SideWindow) -> tuple[int, ...]:
    """The histogram of a part over the whole window; empty if nothing was timed."""
    known = [one for one in side.latency_by_part.get(part, ()) if one]
    return tuple(sum(column) for column in zip(*known, strict=True)) if known else ()


def in_parts(before: SideWindow) -> Iterator[SideWindow]:
    """A long window in parts, with their seconds, from the first request on; those in which traffic
    paused are left out, as errors are not in bursts because requests are.
    """
    busy = (index for index, second in enumerate(before.by_second) if second.requests)
    for index in range(next(busy, 0), len(before.by_second), _PART_SECONDS):
        within = slice(index, index + _PART_SECONDS)
        seconds, timed = before.by_second[within], before.latency_by_second[within]
        quiet = sum(1 for second in seconds if not second.requests)
        if len(seconds) < _LEAST_PART_SECONDS or quiet > 1:
            continue
        whole = sum(seconds, Counts())
        known = [one for one in timed if one]
        histogram = [sum(column) for column in zip(*known, strict=True)] if known else []
        yield SideWindow(
            requests=whole.requests,
            failures=whole.failures,
            client_errors=whole.client_errors,
            timed=histogram[-1] if histogram else 0,
            bounds=before.bounds if histogram else (),
            buckets=tuple(histogram[:-1]),
            by_second=seconds,
            latency_by_second=timed,
            by_part={part: counts[within] for part, counts in before.by_part.items()},
            part_bounds=before.part_bounds,
            latency_by_part={p: times[within] for p, times in before.latency_by_part.items()},
        )


def _pairs(
    old: Sequence[Counts], new: Sequence[Counts], arm: Callable[[Counts], Arm]
) -> tuple[Pair, ...]:
    return tuple(Pair(arm(a), arm(b)) for a, b in zip_longest(old, new, fillvalue=Counts()))


def _summed(pairs: tuple[Pair, ...]) -> Observation:
    whole = sum(pairs, Pair())
    return Observation(whole.old, whole.new, pairs)


def _failures(counts: Counts) -> Arm:
    return Arm(counts.requests, counts.failures)


def _client_errors(counts: Counts) -> Arm:
    return Arm(counts.requests, counts.client_errors)


def _slower(bounds: Sequence[float], counts: Sequence[int], bound: float) -> Arm:
    """Of a histogram's counts up to each bound, and of all, those above ``bound`` or the next one
    that there is.
    """
    if len(counts) != len(bounds) + 1:
        return Arm()
    total = counts[-1]
    within = next((n for at, n in zip(bounds, counts, strict=False) if at >= bound), total)
    return Arm(total, max(0, total - within))
