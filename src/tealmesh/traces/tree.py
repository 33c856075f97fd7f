"""A trace in the order in which it is read, and in one line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tealmesh.traces.span import FrozenTrace, Span


@dataclass(frozen=True)
class Row:
    """A span of the waterfall."""

    span: Span
    depth: int
    """0 for one that nothing caused that is known."""


@dataclass(frozen=True)
class Summary:
    """A trace in one line. Times are seconds since the epoch."""

    trace: str
    start: float
    seconds: float
    """From the first beginning to the last end that is known."""
    response_seconds: float
    """How long it took where it begins."""
    service: str
    """Where it begins, as far as is known; the rest is of that span."""
    name: str
    method: str
    url: str
    status: int
    services: tuple[str, ...]
    """All that take part."""
    spans: int
    error: bool
    fault: bool
    throttle: bool
    in_progress: bool
    refused: int
    """Spans that had no room."""

    @property
    def failed(self) -> bool:
        return self.error or self.fault or self.throttle


def rows(spans: Iterable[Span]) -> list[Row]:
    """Each span once, after the one that caused it, those with one cause by their beginning."""
    known = {span.id: span for span in spans}
    children: dict[str, list[Span]] = {}
    for span in known.values():
        cause = span.parent if span.parent in known else ""
        children.setdefault(cause, []).append(span)
    for each in children.values():
        each.sort(key=lambda span: (span.start, span.id))
    made: list[Row] = []
    seen: set[str] = set()

    def follow(first: Span) -> None:
        waiting = [Row(first, 0)]
        while waiting:
            row = waiting.pop()
            if row.span.id in seen:
                continue
            seen.add(row.span.id)
            made.append(row)
            below = children.get(row.span.id, ())
            waiting.extend(Row(span, row.depth + 1) for span in reversed(below))

    for root in children.get("", ()):
        follow(root)
    # Spans that cause one another in a circle have no beginning: nobody has checked what is told.
    for span in sorted(known.values(), key=lambda one: (one.start, one.id)):
        if span.id not in seen:
            follow(span)
    return made


def extent(spans: Sequence[Span]) -> tuple[float, float]:
    """When the first of these, which are not none, begins, and when the last is known to go on."""
    start = min(span.start for span in spans)
    return start, max(span.start if span.end is None else span.end for span in spans)


def summary(trace: FrozenTrace) -> Summary:
    """The trace, which has spans, in one line."""
    spans = trace.spans
    ids = {span.id for span in spans}
    roots = [span for span in spans if span.parent not in ids] or list(spans)
    # The one that nothing caused, else the earliest.
    root = min(roots, key=lambda span: (bool(span.parent), span.start, span.id))
    start, end = extent(spans)
    return Summary(
        trace=trace.id,
        start=start,
        seconds=max(0.0, end - start),
        response_seconds=root.seconds or 0.0,
        service=root.service,
        name=root.name,
        method=root.method,
        url=root.url,
        status=root.status,
        services=tuple(dict.fromkeys(span.service for span in spans)),
        spans=len(spans),
        error=any(span.error for span in spans),
        fault=any(span.fault for span in spans),
        throttle=any(span.throttle for span in spans),
        in_progress=any(span.end is None for span in spans),
        refused=trace.refused,
    )
