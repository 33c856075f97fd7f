"""One step of a request: a segment or subsegment of X-Ray, or a span of OpenTelemetry. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["server", "client", "internal"]
"""Whether it serves a request, sends one, or is work in between."""

MOST_TAGS = 24
"""Attributes of a span that are kept."""
LONGEST_NAME = 200
LONGEST_TEXT = 500
"""Characters of a name, and of any other text, that are kept."""
FUTURE_SECONDS = 3600.0
"""How far in the future a span may begin: clocks of containers differ."""
PAST_SECONDS = 30 * 86400.0
"""How old it may be when it comes, as at X-Ray, which keeps 30 days."""

_TRACE = re.compile(r"(?:1-)?([0-9a-f]{8})-?([0-9a-f]{24})")
_SPAN = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Span:
    """A step. Times are seconds since the epoch, by the clock of who tells; texts are as told."""

    trace: str
    """32 hexadecimal digits."""
    id: str
    """16 hexadecimal digits."""
    parent: str
    """The id of the span that caused it; empty for none."""
    service: str
    """Who did it: the segment's name, ``service.name``, or ``MESH/NAME`` of an Envoy."""
    name: str
    """What was done."""
    kind: Kind
    start: float
    end: float | None
    """None while it is in progress."""
    error: bool = False
    """The caller's mistake (4xx)."""
    fault: bool = False
    """A failure of the service (5xx, or an exception)."""
    throttle: bool = False
    """Refused as one too many (429)."""
    method: str = ""
    url: str = ""
    status: int = 0
    """HTTP status; 0 where there is none."""
    remote: str = ""
    """What it calls, where that may tell nothing of itself, such as a database; else empty."""
    message: str = ""
    """Why it failed."""
    tags: tuple[tuple[str, str], ...] = ()
    resource: str = ""
    """``mesh/M/virtualNode/N`` where an Envoy's token proves that; else empty."""
    sender: str = ""
    """Who sent it: the verified caller, or the Envoy's task."""
    source: Literal["xray", "otlp"] = "otlp"
    document: str = ""
    """The segment document as it was sent, with its subsegments; empty for every other span."""

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it is in progress."""
        return None if self.end is None else max(0.0, self.end - self.start)

    @property
    def failed(self) -> bool:
        return self.error or self.fault or self.throttle

    @property
    def weight(self) -> int:
        """About how many bytes of memory it needs."""
        texts = (
            self.service,
            self.name,
            self.method,
            self.url,
            self.remote,
            self.message,
            self.document,
        )
        tags = sum(len(key) + len(value) + 120 for key, value in self.tags)
        return 700 + sum(map(len, texts)) + tags


@dataclass(frozen=True)
class FrozenTrace:
    """A trace as it was at one moment."""

    id: str
    spans: tuple[Span, ...]
    refused: int = 0
    """Spans that had no room."""


def trace_id(text: object) -> str:
    """The 32 digits of a trace's id, in X-Ray's form ``1-5759e988-bd862e3fe1be46a994272793`` or
    OpenTelemetry's. Raises ValueError for anything else.
    """
    match = _TRACE.fullmatch(text.lower()) if isinstance(text, str) else None
    if match is None or not text or int(match[1] + match[2], 16) == 0:
        raise ValueError(
            f"trace id {shortened(text or '', 80)!r}: must be 1-, 8 hexadecimal digits, - and 24, "
            "or 32"
        )
    return match[1] + match[2]


def span_id(text: object) -> str:
    """The 16 digits of a span's id. Raises ValueError for anything else."""
    if not isinstance(text, str) or not _SPAN.fullmatch(text.lower()) or int(text, 16) == 0:
        raise ValueError(f"id {shortened(text or '', 80)!r}: must be 16 hexadecimal digits")
    return text.lower()


def xray_trace_id(trace: str) -> str:
    """A trace's id in X-Ray's form."""
    return f"1-{trace[:8]}-{trace[8:]}"


def shortened(value: object, most: int = LONGEST_TEXT) -> str:
    """A value as text of at most ``most`` characters, without control characters."""
    text = value if isinstance(value, str) else str(value)
    text = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def check_times(start: float, end: float | None, now: float) -> None:
    """Raise ValueError for times that are too far from ``now``; all since the epoch."""
    latest = now + FUTURE_SECONDS
    if not now - PAST_SECONDS <= start <= latest or (end is not None and end > latest):
        raise ValueError(
            "its times are more than 30 days ago or an hour in the future: are they in seconds, "
            "and is the clock right?"
        )
