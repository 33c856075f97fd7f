"""Traces: what requests did, hop by hop, and the map of services made of them."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class ListTracesInput(TypedDict):
    """Input of ListTraces."""

    service: NotRequired[str]
    """Only those in which it takes part."""
    failedOnly: NotRequired[bool]
    """Whether only those are listed of which a part failed. Default false."""
    minSeconds: NotRequired[float]
    """Only those that took so long, or longer."""
    since: NotRequired[float]
    """Only those that begin then or later."""
    until: NotRequired[float]
    """Only those that begin before."""
    limit: NotRequired[int]
    """Default 100."""
    nextToken: NotRequired[str]
    """From the answer before."""


class TraceSummary(TypedDict):
    """A trace in one line."""

    traceId: str
    """In X-Ray's form: 1-, 8 hexadecimal digits, - and 24."""
    startedAt: float
    seconds: float
    """From the first beginning to the last end that is known."""
    service: str
    """Where it begins, as far as is known; name, method, url and status are of that step."""
    name: str
    method: NotRequired[str]
    url: NotRequired[str]
    status: NotRequired[int]
    services: list[str]
    """All that take part."""
    spans: int
    error: NotRequired[bool]
    """Whether a part failed by the caller's mistake; absent if not, as the next two."""
    fault: NotRequired[bool]
    """Whether a part failed by the service's own."""
    throttle: NotRequired[bool]
    """Whether a part was refused as one too many."""
    inProgress: NotRequired[bool]
    refused: NotRequired[int]
    """Spans for which there was no room; absent for none."""


class ListTracesOutput(TypedDict):
    """What ListTraces answers."""

    traces: list[TraceSummary]
    """The newest first."""
    kept: int
    """How many are kept at all."""
    services: list[str]
    """Of all that are kept."""
    nextToken: NotRequired[str]
    """Absent at the end."""


class GetTraceInput(TypedDict):
    """Input of GetTrace."""

    traceId: str
    """In X-Ray's form or OpenTelemetry's, or the beginning of it."""


class SpanDescription(TypedDict):
    """A step of a trace: a segment, a subsegment or a span."""

    spanId: str
    parentId: NotRequired[str]
    """What caused it; absent where it begins."""
    depth: int
    """How many of these steps lead to it."""
    service: str
    name: str
    kind: str
    """server, client or internal."""
    startedAt: float
    seconds: NotRequired[float]
    """Absent while it is in progress."""
    error: NotRequired[bool]
    fault: NotRequired[bool]
    throttle: NotRequired[bool]
    method: NotRequired[str]
    url: NotRequired[str]
    status: NotRequired[int]
    remote: NotRequired[str]
    """What it calls."""
    message: NotRequired[str]
    """Why it failed."""
    tags: NotRequired[dict[str, str]]
    resource: NotRequired[str]
    """The node or gateway of a mesh, where an Envoy's token proves it."""
    sender: NotRequired[str]
    """Who sent it."""


class GetTraceOutput(TypedDict):
    """What GetTrace answers."""

    trace: TraceSummary
    spans: list[SpanDescription]
    """Each after the one that caused it."""


class GetServiceMapInput(TypedDict):
    """Input of GetServiceMap."""

    since: NotRequired[float]
    """Of the traces that begin then or later. Default: of all that are kept."""
    until: NotRequired[float]
    """Of those that begin before."""


class MapNode(TypedDict):
    """A service of the map, with what it was asked."""

    id: str
    kind: str
    """client: whoever began the traces. service. remote: it is called, and tells nothing."""
    name: str
    resource: NotRequired[str]
    """The node or gateway of a mesh, where an Envoy's token proves it."""
    requests: int
    errors: int
    faults: int
    throttles: int
    p50: NotRequired[float]
    """Milliseconds; absent where nothing was timed, as the next."""
    p99: NotRequired[float]


class MapEdge(TypedDict):
    """Who calls whom, with what came of it."""

    source: str
    """The id of a node."""
    target: str
    """The id of a node."""
    requests: int
    errors: int
    faults: int
    throttles: int
    p50: NotRequired[float]
    """Milliseconds, as the caller saw it if it tells."""
    p99: NotRequired[float]


class GetServiceMapOutput(TypedDict):
    """What GetServiceMap answers."""

    nodes: list[MapNode]
    edges: list[MapEdge]
    traces: int
    """How many it is made of."""
