"""The operations of our API that show traces."""

from __future__ import annotations

import asyncio

from tealmesh.model import wire
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.base64url import decoded, encoded
from tealmesh.model.identity.caller import Caller
from tealmesh.traces.graph import Counts, ServiceMap, service_map
from tealmesh.traces.ring import Traces
from tealmesh.traces.search import Wanted, page, place_of, told
from tealmesh.traces.span import FrozenTrace, shortened, trace_id, xray_trace_id
from tealmesh.traces.tree import Row, Summary, rows, summary

DEFAULT_TRACES = 100
_FEWEST_DIGITS = 4
"""Of the beginning of an id."""


class TraceOperations:
    """The part of the service that shows traces."""

    _traces: Traces

    async def list_traces(
        self, caller: Caller, request: wire.ListTracesInput
    ) -> wire.ListTracesOutput:
        wanted = Wanted(
            service=request.get("service", ""),
            failed=request.get("failedOnly", False),
            least_seconds=request.get("minSeconds", 0.0),
            since=request.get("since"),
            until=request.get("until"),
        )
        place = _place(request.get("nextToken"))
        every = self._traces.summaries()
        shown, after = page(every, wanted, request.get("limit", DEFAULT_TRACES), place)
        answer: wire.ListTracesOutput = {
            "traces": [_described(one) for one in shown],
            "kept": len(every),
            "services": sorted({name for one in every for name in one.services}),
        }
        if after is not None:
            answer["nextToken"] = encoded(told(after).encode())
        return answer

    async def get_trace(self, caller: Caller, request: wire.GetTraceInput) -> wire.GetTraceOutput:
        found = self._trace(request["traceId"])
        return {
            "trace": _described(summary(found)),
            "spans": [_span(row) for row in rows(found.spans)],
        }

    async def get_service_map(
        self, caller: Caller, request: wire.GetServiceMapInput
    ) -> wire.GetServiceMapOutput:
        every = self._traces.every()
        made = await asyncio.to_thread(
            service_map, every, request.get("since"), request.get("until")
        )
        return _map(made)

    def _trace(self, text: str) -> FrozenTrace:
        """The trace with this id, or the only one whose id begins so."""
        digits = text.lower().removeprefix("1-").replace("-", "")
        if len(digits) >= _FEWEST_DIGITS and len(digits) < 32:
            found = self._traces.beginning(digits)
            if len(found) > 1:
                raise AwsError(
                    "BadRequestException",
                    f"the ids of {len(found)} traces begin with {shortened(text, 80)!r}: give more",
                )
            digits = found[0] if found else ""
        else:
            try:
                digits = trace_id(text)
            except ValueError as error:
                raise AwsError("BadRequestException", str(error)) from error
        trace = self._traces.get(digits)
        if trace is None:
            raise AwsError(
                "NotFoundException",
                f"no trace {shortened(text, 80)} is kept: `teal traces` lists those that are, "
                f"{len(self._traces)} at present",
            )
        return trace


def _place(token: str | None) -> tuple[float, str] | None:
    try:
        return place_of(decoded(token).decode("utf-8", "replace")) if token else None
    except ValueError as error:
        raise AwsError("BadRequestException", f"nextToken: {error}") from error


def _described(one: Summary) -> wire.TraceSummary:
    made: wire.TraceSummary = {
        "traceId": xray_trace_id(one.trace),
        "startedAt": one.start,
        "seconds": one.seconds,
        "service": one.service,
        "name": one.name,
        "services": list(one.services),
        "spans": one.spans,
    }
    if one.method:
        made["method"] = one.method
    if one.url:
        made["url"] = one.url
    if one.status:
        made["status"] = one.status
    if one.error:
        made["error"] = True
    if one.fault:
        made["fault"] = True
    if one.throttle:
        made["throttle"] = True
    if one.in_progress:
        made["inProgress"] = True
    if one.refused:
        made["refused"] = one.refused
    return made


def _span(row: Row) -> wire.SpanDescription:
    span = row.span
    made: wire.SpanDescription = {
        "spanId": span.id,
        "depth": row.depth,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "startedAt": span.start,
    }
    if span.parent:
        made["parentId"] = span.parent
    if (seconds := span.seconds) is not None:
        made["seconds"] = seconds
    if span.error:
        made["error"] = True
    if span.fault:
        made["fault"] = True
    if span.throttle:
        made["throttle"] = True
    if span.method:
        made["method"] = span.method
    if span.url:
        made["url"] = span.url
    if span.status:
        made["status"] = span.status
    if span.remote:
        made["remote"] = span.remote
    if span.message:
        made["message"] = span.message
    if span.tags:
        made["tags"] = dict(span.tags)
    if span.resource:
        made["resource"] = span.resource
    if span.sender:
        made["sender"] = span.sender
    return made


def _map(made: ServiceMap) -> wire.GetServiceMapOutput:
    nodes = []
    for key, counts in sorted(made.nodes.items(), key=lambda item: item[0].id):
        node: wire.MapNode = {
            "id": key.id,
            "kind": key.kind,
            "name": key.name,
            "requests": counts.requests,
            "errors": counts.errors,
            "faults": counts.faults,
            "throttles": counts.throttles,
        }
        if key in made.resources:
            node["resource"] = made.resources[key]
        _add_times(node, counts)
        nodes.append(node)
    edges = []
    for (caller, called), counts in sorted(
        made.edges.items(), key=lambda item: (item[0][0].id, item[0][1].id)
    ):
        edge: wire.MapEdge = {
            "source": caller.id,
            "target": called.id,
            "requests": counts.requests,
            "errors": counts.errors,
            "faults": counts.faults,
            "throttles": counts.throttles,
        }
        _add_times(edge, counts)
        edges.append(edge)
    return {"nodes": nodes, "edges": edges, "traces": made.traces}


def _add_times(one: wire.MapNode | wire.MapEdge, counts: Counts) -> None:
    p50, p99 = counts.quantile(0.5), counts.quantile(0.99)
    if p50 is not None and p99 is not None:
        one["p50"], one["p99"] = p50 * 1000, p99 * 1000
