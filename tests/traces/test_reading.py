"""Segments of X-Ray and spans of OpenTelemetry become the same; what is neither is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.traces import proto
from tealmesh.traces.segments import LONGEST_DOCUMENT, identity, read
from tealmesh.traces.span import Span
from tests.traces.telling import NOW, TRACE, exported, segment, spans


def test_a_segment_with_its_subsegments() -> None:
    sub = {
        "name": "DynamoDB",
        "id": "53995c3f42cd8ad8",
        "start_time": NOW + 0.1,
        "end_time": NOW + 0.4,
        "namespace": "aws",
        "aws": {"operation": "UpdateItem"},
        "throttle": True,
        "cause": {"exceptions": [{"id": "1", "type": "Throttled", "message": "too many"}]},
    }
    http = {"request": {"method": "GET", "url": "http://web/"}, "response": {"status": 429}}
    text = segment(
        subsegments=[sub], http=http, error=True, annotations={"user": "ann", "n": 3}, origin="x"
    )
    whole, call = read(text, NOW, "ann")
    assert (whole.trace, whole.service, whole.name, whole.kind) == (TRACE, "web", "GET", "server")
    assert (whole.status, whole.url, whole.error, whole.seconds) == (429, "http://web/", True, 1.0)
    assert whole.tags == (("user", "ann"), ("n", "3"))
    assert whole.document == text
    assert (call.parent, call.service, call.name) == (whole.id, "web", "DynamoDB UpdateItem")
    assert (call.kind, call.remote, call.message) == ("client", "DynamoDB", "Throttled: too many")
    assert call.sender == "ann"


def test_a_segment_in_progress_and_a_subsegment_by_itself() -> None:
    (going,) = read(segment(in_progress=True, end_time=...), NOW)
    assert going.end is None
    (own,) = read(segment(type="subsegment", parent_id="53995c3f42cd8ad8", namespace="remote"), NOW)
    assert (own.kind, own.remote, own.parent) == ("client", "web", "53995c3f42cd8ad8")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 60_000, "nested too deeply"),
        ("[]", "must be a JSON object"),
        (segment(trace_id="1-x"), "trace id '1-x'"),
        (segment(trace_id=f"1-{'0' * 8}-{'0' * 24}"), "trace id"),
        (segment(id=5), "id '5'"),
        (segment(name=" "), "name must be text"),
        (segment(start_time="now"), "start_time must be seconds"),
        (segment(end_time=...), "end_time must be seconds"),
        (segment(start_time=NOW + 7200), "is the clock right"),
        (segment(start_time=NOW * 100), "is the clock right"),
        (segment(end_time=NOW + 7200), "is the clock right"),
        (segment(start_time=10**400), "start_time must be seconds"),
        (segment(subsegments={"a": 1}), "subsegments must be a list"),
        (segment(subsegments=["x"]), "subsegments must be objects"),
        (segment(annotations={"x": "y" * LONGEST_DOCUMENT}), "may have 65536 bytes"),
    ],
)
def test_a_document_that_is_none_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(text, NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_MEMBERS = ("name", "id", "trace_id", "parent_id", "start_time", "end_time", "http", "cause")
_MORE = ("subsegments", "annotations", "aws", "sql", "namespace", "type", "in_progress", "error")


@given(st.dictionaries(st.sampled_from(_MEMBERS + _MORE), _JSON, max_size=3))
def test_whatever_is_told_is_a_bounded_span_or_a_reason(told: dict[str, Any]) -> None:
    text = segment(**told)
    try:
        found = read(text, NOW)
    except ValueError:
        identity(text)
        return
    assert all(one.weight < 40_000 + len(text) for one in found)
    assert all(one.seconds is None or one.seconds >= 0 for one in found)


def test_an_export_of_opentelemetry() -> None:
    attributes = {"http.method": "GET", "http.url": "http://web/", "http.status_code": "503"}
    (span,) = spans(exported("shop", {"attributes": {**attributes, "region": "eu"}}))
    assert isinstance(span, Span)
    assert (span.trace, span.id, span.parent) == (TRACE, "01" * 8, "")
    assert (span.service, span.kind, span.status, span.fault) == ("shop", "server", 503, True)
    assert span.tags == (("region", "eu"),)
    assert (span.seconds, span.sender) == (1.0, "me")


def test_names_of_newer_sdks_a_failure_and_what_is_called() -> None:
    called = {"db.system.name": "postgresql", "http.response.status_code": 404}
    first, second = spans(
        exported(
            "web",
            {"kind": proto.CLIENT, "attributes": called, "failure": "no row"},
            {"failure": "broken", "parent_span_id": b"\2" * 8, "end_time_unix_nano": 0},
        )
    )
    assert isinstance(first, Span)
    assert isinstance(second, Span)
    assert (first.remote, first.error, first.fault) == ("postgresql", True, False)
    assert (second.fault, second.message, second.parent) == (True, "broken", "02" * 8)
    assert second.end is None


def test_an_envoy_is_named_by_what_is_proved() -> None:
    request = exported("whatever it says", {"kind": proto.CLIENT, "attributes": {"db.system": "x"}})
    (span,) = spans(request, "mesh/shop/virtualNode/web")
    assert isinstance(span, Span)
    assert (span.service, span.resource) == ("shop/web", "mesh/shop/virtualNode/web")
    assert span.remote == ""


def test_health_checks_of_envoys_are_no_requests() -> None:
    checks = exported("x", {"attributes": {"user_agent": "Envoy/HC"}})
    assert spans(checks, "mesh/shop/virtualNode/web") == []
    assert len(spans(checks)) == 1


def test_spans_that_are_none_are_refused_and_others_kept() -> None:
    odd = [{"trace_id": b"1"}, {"span_id": b"\0" * 8}, {"start_time_unix_nano": 5}, {}]
    *refused, good = spans(exported("", *odd))
    assert [type(one) for one in refused] == [ValueError] * 3
    assert isinstance(good, Span)
    assert good.service == "unknown_service"


@given(st.binary(max_size=300))
def test_bytes_of_others_are_spans_or_reasons(data: bytes) -> None:
    request = exported("web", {"name": "x"})
    try:
        request.MergeFromString(data)
    except DecodeError:  # as gRPC refuses it
        return
    for one in spans(request):
        assert isinstance(one, Span | ValueError)


def test_text_is_kept_within_bounds() -> None:
    long = {f"key{n}": "v" * 5000 for n in range(200)}
    (span,) = spans(exported("w" * 9000, {"name": "\0" + "n" * 9000, "attributes": long}))
    assert isinstance(span, Span)
    assert span.weight < 30_000
    assert span.name.startswith(" n")
    json.dumps(span.tags)
