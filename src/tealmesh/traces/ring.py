"""The newest traces, in memory, within limits. Pure.

Nothing of them is durable: traces are looked at while something goes on, and a control plane that
was killed begins without any. When the room is used up, the traces that have been quiet for longest
go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tealmesh.traces.span import FrozenTrace, Span
from tealmesh.traces.tree import Summary, summary

MOST_BYTES = 64 << 20
MOST_TRACES = 5_000
MOST_SPANS = 1_000
"""Of one trace."""
MOST_BYTES_OF_ONE = 1 << 20
"""Of one trace."""


@dataclass(frozen=True)
class Limits:
    """How much is kept."""

    bytes: int = MOST_BYTES
    traces: int = MOST_TRACES
    spans_of_one: int = MOST_SPANS
    bytes_of_one: int = MOST_BYTES_OF_ONE


@dataclass(eq=False)
class Trace:
    """What is known of one trace."""

    id: str
    spans: dict[str, Span] = field(default_factory=dict)
    """By id, in the order in which they came."""
    weight: int = 0
    refused: int = 0
    """Spans that had no room."""
    told: Summary | None = None
    """In one line, if it is known; None after a change."""

    def frozen(self) -> FrozenTrace:
        return FrozenTrace(self.id, tuple(self.spans.values()), self.refused)

    def summary(self) -> Summary:
        if self.told is None:
            self.told = summary(self.frozen())
        return self.told


class Traces:
    """The newest traces."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._weight = 0

    def add(self, spans: Iterable[Span]) -> list[Span]:
        """Keep the spans; returns those for which their trace has no room.

        One that is told again takes the place of the former, as segments in progress are told
        twice; but what has ended stays as it is told first if it is told again in progress.
        """
        without_room = []
        for span in spans:
            trace = self._traces.get(span.trace) or Trace(span.trace)
            if not self._put(trace, span):
                without_room.append(span)
            if trace.spans:
                self._traces[span.trace] = trace
                self._traces.move_to_end(span.trace)
        self._make_room()
        return without_room

    def _put(self, trace: Trace, span: Span) -> bool:
        trace.told = None
        former = trace.spans.get(span.id)
        if former is not None and former.end is not None and span.end is None:
            return True
        more = span.weight - (former.weight if former else 0)
        full = former is None and len(trace.spans) >= self._limits.spans_of_one
        if full or trace.weight + more > self._limits.bytes_of_one:
            trace.refused += 1
            return False
        trace.spans[span.id] = span
        trace.weight += more
        self._weight += more
        return True

    def _make_room(self) -> None:
        while self._traces and (
            self._weight > self._limits.bytes or len(self._traces) > self._limits.traces
        ):
            _, gone = self._traces.popitem(last=False)
            self._weight -= gone.weight

    def get(self, trace: str) -> FrozenTrace | None:
        """The trace with these 32 digits; None if there is none, or none any more."""
        found = self._traces.get(trace)
        return found.frozen() if found else None

    def beginning(self, digits: str) -> list[str]:
        """The ids that begin so."""
        return [one for one in self._traces if one.startswith(digits)]

    def every(self) -> list[FrozenTrace]:
        """All that are kept, the one that was told of last at the end."""
        return [trace.frozen() for trace in self._traces.values()]

    def summaries(self) -> list[Summary]:
        """All that are kept, in one line each."""
        return [trace.summary() for trace in self._traces.values()]

    def __len__(self) -> int:
        return len(self._traces)

    @property
    def weight(self) -> int:
        """About how many bytes all spans need."""
        return self._weight
