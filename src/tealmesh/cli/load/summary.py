"""What became of the requests of `teal load`. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

FIRST_FAILING_STATUS = 500
"""An answer from this status on is a failure, as gates count it."""
_DIGITS = 3
"""Latencies are kept to so many significant digits: a long run needs no more memory than a short
one."""


class SummaryLine(TypedDict):
    """A `Summary` as JSON. Latencies are in milliseconds."""

    url: str
    seconds: float
    requests: int
    failed: int
    statuses: dict[str, int]
    failures: dict[str, int]
    versions: dict[str, int]
    p50: float | None
    p99: float | None
    max: float | None


@dataclass
class Summary:
    """Counts of answers and failures, to which a running load adds."""

    version_header: str
    """In lower case."""
    requests: int = 0
    """Those that have an answer or have failed."""
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """By reason: no answer, or a status from `FIRST_FAILING_STATUS` on."""
    latencies: Counter[float] = field(default_factory=Counter)
    """Milliseconds of successes, rounded to three significant digits."""

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def judge(self, status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """Count an answer; return its version, and why it is a failure, empty if it is none."""
        self.statuses[status] += 1
        version = headers.get(self.version_header) or _version_in(body)
        if version:
            self.versions[version] += 1
        if status >= FIRST_FAILING_STATUS:
            return "", f"status {status}"
        return version or "-", ""

    def add(self, sent: int, failures: Mapping[str, int], latencies: Iterable[float]) -> None:
        """Add what is known of an interval."""
        self.requests += sent
        self.failures.update(failures)
        self.latencies.update(_rounded(ms) for ms in latencies)

    def quantile(self, share: float) -> float | None:
        """The latency below which ``share`` (0 to 1) of the successes are; None without any."""
        wanted = math.ceil(share * sum(self.latencies.values()))
        seen = 0
        for ms in sorted(self.latencies):
            seen += self.latencies[ms]
            if seen >= max(wanted, 1):
                return ms
        return None

    def to_json(self, url: str, seconds: float) -> SummaryLine:
        return {
            "url": url,
            "seconds": round(seconds, 3),
            "requests": self.requests,
            "failed": self.failed,
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
            "failures": dict(self.failures.most_common()),
            "versions": dict(sorted(self.versions.items())),
            "p50": self.quantile(0.5),
            "p99": self.quantile(0.99),
            "max": self.quantile(1.0),
        }


def lines(summary: Summary, url: str, seconds: float) -> Iterator[str]:
    """The summary for people; each line is short enough for a narrow terminal."""
    rate = summary.requests / seconds if seconds else 0.0
    noun = "request" if summary.requests == 1 else "requests"
    yield url
    yield f"{summary.requests:,} {noun} in {seconds:.1f} s ({rate:.1f} per second)"
    if not summary.requests:
        return
    good = summary.requests - summary.failed
    yield f"  succeeded  {good:,} ({good / summary.requests * 100:.2f} %)"
    for reason, count in summary.failures.most_common():
        yield f"  failed     {count:,}: {reason}"
    for status, count in sorted(summary.statuses.items()):
        yield f"  status     {status}: {count:,}"
    answered = sum(summary.versions.values())
    for version, count in sorted(summary.versions.items()):
        yield f"  version    {version}: {count:,} ({count / answered * 100:.1f} %)"
    if summary.latencies:
        named = (("p50", 0.5), ("p99", 0.99), ("longest", 1.0))
        shown = [f"{name} {_milliseconds(summary.quantile(share))}" for name, share in named]
        yield f"  latency    {', '.join(shown)}"


def progress(summary: Summary, seconds: float) -> str:
    """One line about a load that runs."""
    versions = "".join(
        f", version {name}: {count:,}" for name, count in sorted(summary.versions.items())
    )
    noun = "request" if summary.requests == 1 else "requests"
    return f"{seconds:.0f} s: {summary.requests:,} {noun}, {summary.failed:,} failed{versions}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:g} ms"


def _rounded(ms: float) -> float:
    if ms <= 0:
        return 0.0
    return round(ms, _DIGITS - 1 - math.floor(math.log10(ms)))


def _version_in(body: bytes) -> str:
    """``version`` of a JSON body; empty for any other body."""
    if not body.startswith(b"{"):
        return ""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    version = answer.get("version") if isinstance(answer, dict) else None
    return str(version) if isinstance(version, str | int | float) else ""
