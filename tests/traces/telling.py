"""Segments and spans as applications and Envoys tell them."""

from __future__ import annotations

import json
from typing import Any

from tealmesh.traces import proto
from tealmesh.traces.otlp import read
from tealmesh.traces.span import Span

NOW = 1_795_000_000.0
TRACE = "5759e988bd862e3fe1be46a994272793"


def segment(**members: Any) -> str:
    """A segment document."""
    whole = {
        "name": "web",
        "id": "70de5b6f19ff9a0a",
        "trace_id": f"1-{TRACE[:8]}-{TRACE[8:]}",
        "start_time": NOW,
        "end_time": NOW + 1,
        **members,
    }
    return json.dumps({key: value for key, value in whole.items() if value is not ...})


def made(number: int, parent: int = 0, **members: Any) -> Span:
    """A span with this number as its id."""
    whole = {
        "trace": TRACE,
        "service": "web",
        "name": "work",
        "kind": "server",
        "start": NOW,
        "end": NOW + 1,
        **members,
    }
    return Span(id=f"{number:016x}", parent=f"{parent:016x}" if parent else "", **whole)


def exported(service: str = "web", *spans: dict[str, Any]) -> Any:
    """An ExportTraceServiceRequest of one resource."""
    request: Any = proto.ExportTraceServiceRequest()
    batch = request.resource_spans.add()
    if service:
        pair = batch.resource.attributes.add(key="service.name")
        pair.value.string_value = service
    scope = batch.scope_spans.add()
    for members in spans or ({},):
        span = scope.spans.add(
            trace_id=bytes.fromhex(TRACE),
            span_id=b"\1" * 8,
            name="GET /",
            kind=proto.SERVER,
            start_time_unix_nano=int(NOW * 1e9),
            end_time_unix_nano=int((NOW + 1) * 1e9),
        )
        for name, value in members.items():
            if name == "attributes":
                for key, text in value.items():
                    attribute = span.attributes.add(key=key)
                    kind = "int_value" if isinstance(text, int) else "string_value"
                    setattr(attribute.value, kind, text)
            elif name == "failure":
                span.status.code, span.status.message = proto.ERROR, value
            else:
                setattr(span, name, value)
    return request


def spans(request: Any, resource: str = "") -> list[Span | ValueError]:
    return [one for batch in request.resource_spans for one in read(batch, NOW, "me", resource)]
