"""What a load generator counts in one interval."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypedDict

INTERVAL_SECONDS = 0.1
"""What one tally covers."""


class TallyLine(TypedDict):
    """A `Tally` as a line of JSON."""

    at: float
    sent: int
    versions: dict[str, int]
    failures: dict[str, int]
    latencies: list[float]
    held: int


@dataclass
class Tally:
    """What became of the requests that were due within one interval."""

    at: float
    """When the interval begins, in epoch seconds."""
    sent: int = 0
    """Requests that have succeeded or failed."""
    versions: Counter[str] = field(default_factory=Counter)
    """Successes by version."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failures by reason."""
    latencies: list[float] = field(default_factory=list)
    """In milliseconds, of the successes."""
    held: int = 0
    """Requests that were due and were not sent, since too many had no answer yet."""

    def to_json(self) -> TallyLine:
        return {
            "at": round(self.at, 4),
            "sent": self.sent,
            "versions": dict(self.versions),
            "failures": dict(self.failures),
            "latencies": [round(ms, 2) for ms in self.latencies],
            "held": self.held,
        }

    @classmethod
    def from_json(cls, data: TallyLine) -> Tally:
        return cls(
            at=data["at"],
            sent=data["sent"],
            versions=Counter(data["versions"]),
            failures=Counter(data["failures"]),
            latencies=data["latencies"],
            held=data["held"],
        )
