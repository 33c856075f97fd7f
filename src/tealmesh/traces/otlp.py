"""From an export of OpenTelemetry to spans. Pure.

https://opentelemetry.io/docs/specs/otlp/ and, for attributes, both the present names and those
that Envoy and older SDKs send: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tealmesh.traces import proto
from tealmesh.traces.span import (
    LONGEST_NAME,
    MOST_TAGS,
    Kind,
    Span,
    check_times,
    shortened,
    span_id,
    trace_id,
)

_METHODS = ("http.request.method", "http.method")
_URLS = ("url.full", "http.url", "url.path", "http.target")
_STATUSES = ("http.response.status_code", "http.status_code")
_REMOTES = ("peer.service", "db.system.name", "db.system", "rpc.service", "server.address")
_HIDDEN = frozenset({*_METHODS, *_URLS, *_STATUSES, "node_id", "zone", "guid:x-request-id"})
"""Attributes that are told by members of their own, or tell nothing."""


_HEALTH_CHECKS = "Envoy/HC"
"""Whose they are: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking"""


def service_name(batch: proto.ResourceSpans) -> str:
    """What says who sends: empty if nothing does."""
    attributes = _attributes(batch.resource.attributes)
    return attributes.get("service.name", "")


def read(
    batch: proto.ResourceSpans, now: float, sender: str = "", resource: str = ""
) -> Iterator[Span | ValueError]:
    """The spans of one resource, and the errors, which say what is wrong, in place of those that
    are none. ``resource``: what the sender is proved to be; its word counts for nothing then.
    ``now``: seconds since the epoch. Of an Envoy, the health checks of other Envoys are left out:
    they are no requests of anybody's.
    """
    service = shortened(service_name(batch) or "unknown_service", LONGEST_NAME)
    if resource:
        _, mesh, _, name = resource.split("/")
        service = f"{mesh}/{name}"
    for scope in batch.scope_spans:
        for one in scope.spans:
            try:
                span = _span(one, service, now, sender, resource)
            except ValueError as error:
                yield error
                continue
            if not resource or ("user_agent", _HEALTH_CHECKS) not in span.tags:
                yield span


def _span(one: proto.OtlpSpan, service: str, now: float, sender: str, resource: str) -> Span:
    attributes = _attributes(one.attributes)
    start = one.start_time_unix_nano / 1e9
    end = one.end_time_unix_nano / 1e9 if one.end_time_unix_nano else None
    check_times(start, end, now)
    status = _first(attributes, _STATUSES)
    code = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 0
    kind = _kind(one.kind)
    told = one.status.code == proto.ERROR
    told = told or attributes.get("error") == "true"
    fault = code >= 500 or (told and not 400 <= code < 500)
    return Span(
        trace=trace_id(one.trace_id.hex()),
        id=span_id(one.span_id.hex()),
        parent=span_id(one.parent_span_id.hex()) if one.parent_span_id else "",
        service=service,
        name=shortened(one.name or "span", LONGEST_NAME),
        kind=kind,
        start=start,
        end=end,
        error=400 <= code < 500,
        fault=fault,
        throttle=code == 429,
        method=shortened(_first(attributes, _METHODS), 20),
        url=shortened(_first(attributes, _URLS)),
        status=code,
        # An Envoy calls those of the mesh, whose own Envoys tell of themselves.
        remote="" if resource or kind != "client" else _first(attributes, _REMOTES),
        message=_message(one),
        tags=tuple((key, value) for key, value in list(attributes.items()) if key not in _HIDDEN)[
            :MOST_TAGS
        ],
        resource=resource,
        sender=sender,
    )


def _kind(kind: int) -> Kind:
    if kind in (proto.CLIENT, proto.PRODUCER):
        return "client"
    return "server" if kind in (proto.SERVER, proto.CONSUMER) else "internal"


def _message(one: proto.OtlpSpan) -> str:
    if one.status.message:
        return shortened(one.status.message)
    for event in one.events:
        if event.name == "exception":
            told = _attributes(event.attributes)
            parts = (told.get("exception.type", ""), told.get("exception.message", ""))
            return shortened(": ".join(part for part in parts if part))
    return ""


def _attributes(pairs: Iterable[proto.KeyValue]) -> dict[str, str]:
    made: dict[str, str] = {}
    for pair in pairs:
        if len(made) > 4 * MOST_TAGS:
            break
        text = _value(pair.value)
        if text is not None:
            made[shortened(pair.key, 100)] = text
    return made


def _value(value: proto.AnyValue) -> str | None:
    """As text; None for what is no single value."""
    match value.WhichOneof("value"):
        case "string_value":
            return shortened(value.string_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return f"{value.double_value:.10g}"
        case _:
            return None


def _first(attributes: Mapping[str, str], names: Iterable[str]) -> str:
    return next((attributes[name] for name in names if attributes.get(name)), "")
