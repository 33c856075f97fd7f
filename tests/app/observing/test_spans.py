"""Traces of writes, as a collector of OpenTelemetry gets them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tealmesh.app.observing import spans
from tealmesh.app.observing.calls import Write
from tealmesh.app.observing.following import Pushed
from tealmesh.app.observing.spans import Spans
from tealmesh.model.convergence import Convergence
from tealmesh.model.identity.answering import Answering
from tests.support.programs.server import serve

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ExportTraceServiceRequest]]:
    """What a collector has been sent."""
    found: list[ExportTraceServiceRequest] = []

    async def take(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        found.append(ExportTraceServiceRequest.FromString(body))
        return Response(b"", media_type="application/x-protobuf")

    with serve(Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        yield found


def test_a_write_is_traced_from_the_call_to_the_last_acknowledgement(
    got: list[ExportTraceServiceRequest],
) -> None:
    call = Answering(
        "the-request", f"00-{TRACE}-{CALLER}-01", "appmesh", "UpdateRoute", "owner", revision=7
    )
    convergence = Convergence(7, ("one", "two"), False, ("two",))
    told = Spans("replica-1")
    told.tell(Pushed(Write(call, 200, 1000.0, 0.25), "shop", 60.0, convergence))
    told.close()
    (sent,) = [resource for request in got for resource in request.resource_spans]
    about = {pair.key: pair.value.string_value for pair in sent.resource.attributes}
    assert (about["service.name"], about["service.instance.id"]) == ("tealmesh", "replica-1")
    found = {span.name: span for span in sent.scope_spans[0].spans}
    root, commit = found["appmesh UpdateRoute"], found["commit revision 7"]
    push = found["push to mesh shop"]
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, CALLER)
    assert {commit.parent_span_id, push.parent_span_id} == {root.span_id}
    assert _seconds(root) == (1000.0, 1060.25)
    assert _seconds(commit) == (1000.0, 1000.25)
    assert _seconds(push) == (1000.25, 1060.25)
    assert push.status.message == "1 Envoys have not acknowledged it"
    named = {pair.key: pair.value for pair in root.attributes}
    assert named["aws.request_id"].string_value == "the-request"


def test_nothing_is_sent_unless_somebody_says_where_to() -> None:
    assert not spans.wanted({})
    assert spans.wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"})
    disabled = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}
    assert not spans.wanted(disabled)


def _seconds(span: Span) -> tuple[float, float]:
    return span.start_time_unix_nano / 1e9, span.end_time_unix_nano / 1e9
