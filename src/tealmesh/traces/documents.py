"""A trace as segment documents of X-Ray: those that were sent, and others made of spans. Pure."""

from __future__ import annotations

import json

from tealmesh.traces.span import FrozenTrace, Span, xray_trace_id


def documents(trace: FrozenTrace) -> list[tuple[str, str]]:
    """(id, document) of each segment, those that were sent as they were."""
    made = [(span.id, span.document) for span in trace.spans if span.document]
    known = {span.id: span for span in trace.spans}
    for span in trace.spans:
        if span.source == "otlp":
            made.append((span.id, json.dumps(_document(span, known.get(span.parent)))))
    return made


def _document(span: Span, cause: Span | None) -> dict[str, object]:
    inner = cause is not None and cause.service == span.service
    made: dict[str, object] = {
        "trace_id": xray_trace_id(span.trace),
        "id": span.id,
        "name": span.name if inner else span.service,
        "start_time": span.start,
    }
    if span.parent:
        made["parent_id"] = span.parent
    if inner:
        made["type"] = "subsegment"
    if span.kind == "client":
        made["namespace"] = "remote"
    made |= {"in_progress": True} if span.end is None else {"end_time": span.end}
    made |= {name: True for name in ("error", "fault", "throttle") if getattr(span, name)}
    if span.resource:
        made["origin"] = "AWS::AppMesh::Proxy"
    request = {"method": span.method, "url": span.url}
    request = {name: value for name, value in request.items() if value}
    if request or span.status:
        made["http"] = {"request": request, "response": {"status": span.status or None}}
    if span.message:
        made["cause"] = {"exceptions": [{"id": span.id, "message": span.message}]}
    if span.tags:
        made["annotations"] = dict(span.tags)
    return made
