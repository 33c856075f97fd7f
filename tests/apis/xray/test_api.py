"""The X-Ray API over HTTP by boto3, and our own of the same traces: both say the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tealmesh.apis.tealmesh.tracing import TraceOperations
from tealmesh.apis.xray.api import XRay
from tealmesh.aws.clients import client
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.clock import system_clock
from tealmesh.traces.ring import Traces
from tests.support.programs.server import serve
from tests.traces.telling import segment

WHOLE = f"1-{'a' * 8}-{'b' * 24}"
BROKEN = f"1-{'c' * 8}-{'d' * 24}"


class Ours(TraceOperations):
    """The operations of our own API that show traces."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    traces = Traces()
    services = {
        "xray": XRay(traces, DEFAULT_REGION, DEFAULT_ACCOUNT, system_clock),
        "tealmesh": Ours(traces),
    }
    with serve(build_gateway(services, {n: load_model(n) for n in services}, dict)) as url:
        yield url


@pytest.fixture(scope="module")
def xray(url: str) -> Any:
    return client("xray", url)


@pytest.fixture(scope="module")
def now(xray: Any) -> float:
    """When two traces were told, of edge that calls web, and one of web that failed."""
    now = time.time()
    times = {"start_time": now - 2, "end_time": now - 1}
    call = {"name": "web", "id": "0000000000000002", "namespace": "remote", **times}
    documents = [
        segment(trace_id=WHOLE, name="edge", id="0000000000000001", subsegments=[call], **times),
        segment(
            trace_id=WHOLE,
            name="web",
            id="0000000000000003",
            parent_id="0000000000000002",
            start_time=now - 1.8,
            end_time=now - 1.5,
        ),
        segment(trace_id=BROKEN, id="0000000000000004", fault=True, **times),
        "nonsense",
        segment(trace_id="1-x"),
    ]
    answer = xray.put_trace_segments(TraceSegmentDocuments=documents)
    first, second = answer["UnprocessedTraceSegments"]
    assert "JSON" in first["Message"]
    assert (second["Id"], second["ErrorCode"]) == ("70de5b6f19ff9a0a", "InvalidSegment")
    return now


def test_summaries_agree(xray: Any, url: str, now: float) -> None:
    def ids(expression: str = "") -> list[str]:
        found = xray.get_trace_summaries(
            StartTime=now - 60, EndTime=now + 60, FilterExpression=expression
        )
        return sorted(one["Id"] for one in found["TraceSummaries"])

    ours = client("tealmesh", url)
    assert ids() == sorted(one["traceId"] for one in ours.list_traces()["traces"])
    assert ids() == [WHOLE, BROKEN]
    assert ids("fault") == [BROKEN]
    assert [one["traceId"] for one in ours.list_traces(failedOnly=True)["traces"]] == [BROKEN]
    assert ids('service("edge")') == [WHOLE]
    found = ours.list_traces(limit=1)
    assert (found["kept"], found["services"]) == (2, ["edge", "web"])
    rest = ours.list_traces(limit=1, nextToken=found["nextToken"])
    assert "nextToken" not in rest
    assert {one["traceId"] for one in found["traces"] + rest["traces"]} == {WHOLE, BROKEN}
    with pytest.raises(ClientError, match="FilterExpression: 'edge' is not understood"):
        ids('edge("a", "b")')


def test_a_trace_by_both(xray: Any, url: str, now: float) -> None:
    unknown = f"1-{'e' * 8}-{'e' * 24}"
    answer = xray.batch_get_traces(TraceIds=[WHOLE, unknown])
    assert answer["UnprocessedTraceIds"] == [unknown]
    (trace,) = answer["Traces"]
    assert [one["Id"] for one in trace["Segments"]] == ["0000000000000001", "0000000000000003"]
    found = client("tealmesh", url).get_trace(traceId=WHOLE[:9])
    assert found["trace"]["traceId"] == WHOLE
    assert [(one["depth"], one["service"]) for one in found["spans"]] == [
        (0, "edge"),
        (1, "edge"),
        (2, "web"),
    ]
    with pytest.raises(ClientError, match=r"no trace .* is kept"):
        client("tealmesh", url).get_trace(traceId=unknown)
    with pytest.raises(ClientError, match="trace id 'x'"):
        client("tealmesh", url).get_trace(traceId="x")


def test_maps_agree(xray: Any, url: str, now: float) -> None:
    ours = client("tealmesh", url).get_service_map()
    theirs = xray.get_service_graph(StartTime=now - 60, EndTime=now + 60)["Services"]
    names = {one["ReferenceId"]: one["Name"] for one in theirs}
    edges = {
        (one["Name"], names[edge["ReferenceId"]], edge["SummaryStatistics"]["TotalCount"])
        for one in theirs
        for edge in one["Edges"]
    }
    assert edges == {("client", "edge", 1), ("edge", "web", 1), ("client", "web", 1)}
    assert edges == {
        (edge["source"].split("/")[1], edge["target"].split("/")[1], edge["requests"])
        for edge in ours["edges"]
    }
    (failed,) = [one for one in ours["nodes"] if one["faults"]]
    assert (failed["name"], failed["requests"]) == ("web", 2)
    (alone,) = xray.get_trace_graph(TraceIds=[BROKEN])["Services"][1:]
    assert alone["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1


def test_samplers_are_answered(xray: Any, now: float) -> None:
    (record,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert record["SamplingRule"]["RuleName"] == "Default"
    counted = {"ClientID": "0" * 24, "Timestamp": now, "RequestCount": 1, "SampledCount": 1}
    asked = [{"RuleName": name, **counted} for name in ("Default", "own")]
    answer = xray.get_sampling_targets(SamplingStatisticsDocuments=asked)
    assert [one["RuleName"] for one in answer["SamplingTargetDocuments"]] == ["Default"]
    assert [one["RuleName"] for one in answer["UnprocessedStatistics"]] == ["own"]
    assert xray.get_groups()["Groups"] == []
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": now}])


def test_what_is_not_there_is_refused_by_name_with_its_reason(xray: Any) -> None:
    names = [n for n in load_model("xray").operation_names if not hasattr(XRay, xform_name(n))]
    assert "CreateGroup" in names
    with pytest.raises(ClientError, match="does not implement xray CreateGroup: there are no grou"):
        xray.create_group(GroupName="x")
