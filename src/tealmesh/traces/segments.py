"""From X-Ray's segment documents to spans. Pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

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

LONGEST_DOCUMENT = 64 * 1024
"""Bytes, X-Ray's own limit."""
_DEEPEST = 50

Json = Mapping[str, object]


def read(text: str, now: float, sender: str = "") -> list[Span]:
    """The segment of a document and its subsegments, those who cause others first.

    ``now``: seconds since the epoch. Raises ValueError, which says what is wrong, for a document
    that is none, or too large.
    """
    if len(text) > LONGEST_DOCUMENT or len(text.encode()) > LONGEST_DOCUMENT:
        raise ValueError(f"a segment document may have {LONGEST_DOCUMENT} bytes")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON, or nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("it must be a JSON object")
    trace = trace_id(document.get("trace_id"))
    parent = document.get("parent_id")
    cause = "" if parent is None else span_id(parent)
    whole = document.get("type") != "subsegment"
    first, *rest = _flattened(document, trace, cause, whole, sender)
    for one in (first, *rest):
        check_times(one.start, one.end, now)
    return [replace(first, document=text), *rest]


def identity(text: str) -> str:
    """The segment's id of a document that was refused, if it has one; else empty."""
    try:
        document = json.loads(text[:LONGEST_DOCUMENT])
        return span_id(document.get("id"))
    except (AttributeError, ValueError, RecursionError):
        return ""


def _flattened(document: Json, trace: str, parent: str, whole: bool, sender: str) -> Iterator[Span]:
    service = _text(document, "name", LONGEST_NAME)
    waiting = [(document, parent, service, whole, 0)]
    while waiting:
        one, cause, within, is_segment, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError(f"subsegments may be {_DEEPEST} deep")
        span = _span(one, trace, cause, within, is_segment, sender)
        yield span
        inner = one.get("subsegments") or []
        if not isinstance(inner, list):
            raise ValueError("subsegments must be a list")
        for sub in reversed(inner):
            if not isinstance(sub, dict):
                raise ValueError("subsegments must be objects")
            waiting.append((sub, span.id, span.service, False, depth + 1))


def _span(one: Json, trace: str, parent: str, service: str, is_segment: bool, sender: str) -> Span:
    name = _text(one, "name", LONGEST_NAME)
    http = _object(one, "http")
    request, response = _object(http, "request"), _object(http, "response")
    status = response.get("status")
    remote = not is_segment and one.get("namespace") in ("remote", "aws")
    kind: Kind = "server" if is_segment else "client" if remote else "internal"
    return Span(
        trace=trace,
        id=span_id(one.get("id")),
        parent=parent,
        service=service,
        name=_named(one, name, request, is_segment),
        kind=kind,
        start=_time(one, "start_time"),
        end=None if one.get("in_progress") is True else _time(one, "end_time"),
        error=one.get("error") is True,
        fault=one.get("fault") is True,
        throttle=one.get("throttle") is True,
        method=shortened(request.get("method") or "", 20),
        url=shortened(request.get("url") or ""),
        status=status if isinstance(status, int) and 100 <= status <= 999 else 0,
        remote=name if remote else "",
        message=_cause(one),
        tags=tuple(_tags(one)),
        sender=sender,
        source="xray",
    )


def _named(one: Json, name: str, request: Json, is_segment: bool) -> str:
    """What was done: a segment's name says only who did it."""
    if not is_segment:
        operation = _object(one, "aws").get("operation")
        return f"{name} {shortened(operation, LONGEST_NAME)}" if operation else name
    return shortened(request.get("method") or "request", 20)


def _cause(one: Json) -> str:
    """The first exception's message. A cause may also be the id of another segment's exception."""
    found = one.get("cause")
    exceptions = found.get("exceptions") if isinstance(found, dict) else None
    first = exceptions[0] if isinstance(exceptions, list) and exceptions else None
    if not isinstance(first, dict):
        return ""
    told = [first.get("type"), first.get("message")]
    return shortened(": ".join(one for one in told if isinstance(one, str) and one))


def _tags(one: Json) -> Iterator[tuple[str, str]]:
    left = MOST_TAGS
    for source in ("annotations", "sql", "aws"):
        for key, value in _object(one, source).items():
            if left and isinstance(value, str | int | float | bool):
                left -= 1
                prefix = "" if source == "annotations" else f"{source}."
                yield f"{prefix}{shortened(key, 100)}", shortened(value)


def _object(one: Json, member: str) -> Json:
    found = one.get(member)
    return found if isinstance(found, dict) else {}


def _text(one: Json, member: str, most: int) -> str:
    found = one.get(member)
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"{member} must be text")
    return shortened(found, most)


def _time(one: Json, member: str) -> float:
    found = one.get(member)
    # A number of JSON may be larger than any float.
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > 1e12:
        raise ValueError(f"{member} must be seconds since the epoch")
    if not math.isfinite(found):
        raise ValueError(f"{member} must be seconds since the epoch")
    return float(found)
