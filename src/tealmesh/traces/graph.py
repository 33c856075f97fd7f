"""The map of services that traces make: who calls whom, how often, how fast. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from tealmesh.traces.span import FrozenTrace, Span

NodeKind = Literal["client", "service", "remote"]
"""client: whoever began the traces. remote: what is called and tells nothing of itself."""

CLIENT = "client"
"""The name of whoever began the traces."""


@dataclass
class Counts:
    """What requests came to."""

    requests: int = 0
    errors: int = 0
    faults: int = 0
    throttles: int = 0
    times: list[float] = field(default_factory=list)
    """Seconds, of those that have ended."""

    def add(self, outcome: Span, seconds: float | None) -> None:
        self.requests += 1
        self.faults += outcome.fault
        self.throttles += outcome.throttle and not outcome.fault
        self.errors += outcome.error and not outcome.fault and not outcome.throttle
        if seconds is not None:
            self.times.append(seconds)

    @property
    def failed(self) -> int:
        return self.errors + self.faults + self.throttles

    def quantile(self, share: float) -> float | None:
        """The time within which this share of the requests ended; None without any."""
        if not self.times:
            return None
        self.times.sort()
        return self.times[min(len(self.times), max(1, ceil(share * len(self.times)))) - 1]


@dataclass(frozen=True)
class Key:
    """A node of the map."""

    kind: NodeKind
    name: str

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class ServiceMap:
    """Nodes with what they served, edges with what went over them."""

    nodes: Mapping[Key, Counts]
    edges: Mapping[tuple[Key, Key], Counts]
    resources: Mapping[Key, str]
    """Which node or gateway of a mesh it is proved to be."""
    traces: int


def service_map(
    traces: Iterable[FrozenTrace], since: float | None = None, until: float | None = None
) -> ServiceMap:
    """The map of the traces that begin in that time, seconds since the epoch."""
    nodes: dict[Key, Counts] = {}
    edges: dict[tuple[Key, Key], Counts] = {}
    resources: dict[Key, str] = {}
    counted = 0
    for trace in traces:
        start = min((span.start for span in trace.spans), default=None)
        if start is None or (since is not None and start < since):
            continue
        if until is not None and start >= until:
            continue
        counted += 1
        for node, edge, outcome, seconds in _calls(trace.spans):
            if outcome.resource and node.kind == "service":
                resources.setdefault(node, outcome.resource)
            nodes.setdefault(node, Counts()).add(outcome, seconds)
            if edge is not None:
                nodes.setdefault(edge, Counts())
                edges.setdefault((edge, node), Counts()).add(outcome, seconds)
    return ServiceMap(nodes, edges, resources, counted)


def _calls(spans: Sequence[Span]) -> Iterable[tuple[Key, Key | None, Span, float | None]]:
    """Each time that a service was entered: the service, who called it, how it ended and how long
    that took, as the caller saw it if it tells.
    """
    known = {span.id: span for span in spans}
    answered = {span.parent for span in spans if span.parent in known}
    answered = {
        span.parent
        for span in spans
        if span.parent in answered and known[span.parent].service != span.service
    }
    for span in spans:
        cause = known.get(span.parent)
        if cause is None:
            caller = None if span.parent else Key("client", CLIENT)
            yield Key("service", span.service), caller, span, span.seconds
        elif cause.service != span.service:
            seconds = cause.seconds if cause.kind == "client" else span.seconds
            yield Key("service", span.service), Key("service", cause.service), span, seconds
        if span.remote and span.id not in answered:
            yield Key("remote", span.remote), Key("service", span.service), span, span.seconds
