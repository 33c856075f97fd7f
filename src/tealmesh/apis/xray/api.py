"""One method per operation of X-Ray.

https://docs.aws.amazon.com/xray/latest/api/API_Operations.html
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence

from tealmesh.apis.xray import wire
from tealmesh.apis.xray.graph import described
from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.traces import filters
from tealmesh.traces.documents import documents
from tealmesh.traces.graph import service_map
from tealmesh.traces.ring import Traces
from tealmesh.traces.search import Wanted, page, place_of, told
from tealmesh.traces.segments import identity, read
from tealmesh.traces.span import FrozenTrace, trace_id, xray_trace_id
from tealmesh.traces.tree import Summary, extent

SUMMARIES = 500
"""In one answer."""
_RULE = "Default"
_RATE = 0.05
_RESERVOIR = 1
"""What X-Ray's default rule samples: one request a second, and 5 % of the others."""


class XRay:
    """The service. Operations raise AwsError with the codes of the model."""

    def __init__(self, traces: Traces, region: str, account: str, clock: Clock) -> None:
        self._traces = traces
        self._region = region
        self._account = account
        self._clock = clock

    async def put_trace_segments(
        self, caller: Caller, request: wire.PutTraceSegmentsInput
    ) -> wire.PutTraceSegmentsOutput:
        now = self._clock()
        refused: list[wire.UnprocessedTraceSegment] = []
        for text in request["TraceSegmentDocuments"]:
            try:
                without_room = self._traces.add(read(text, now, caller.actor))
            except ValueError as error:
                refused.append(_refused(identity(text), "InvalidSegment", str(error)))
                continue
            if without_room:
                told = f"the trace has no room for {len(without_room)} more segments"
                refused.append(_refused(without_room[0].id, "TraceTooLarge", told))
        return {"UnprocessedTraceSegments": refused}

    async def put_telemetry_records(
        self, caller: Caller, request: Mapping[str, object]
    ) -> Mapping[str, object]:
        return {}  # X-Ray keeps what daemons tell of themselves, and shows it to nobody

    async def get_trace_summaries(
        self, caller: Caller, request: wire.GetTraceSummariesInput
    ) -> wire.GetTraceSummariesOutput:
        _check_range(request["StartTime"], request["EndTime"])
        wanted = Wanted(since=request["StartTime"], until=request["EndTime"])
        matches = _filter(request.get("FilterExpression", ""))
        every = self._traces.summaries()
        found = [one for one in every if matches(one)]
        shown, after = page(found, wanted, SUMMARIES, _after(request.get("NextToken")))
        answer: wire.GetTraceSummariesOutput = {
            "TraceSummaries": [self._summary(one) for one in shown],
            "ApproximateTime": self._clock(),
            "TracesProcessedCount": len(every),
        }
        if after is not None:
            answer["NextToken"] = told(after)
        return answer

    async def batch_get_traces(
        self, caller: Caller, request: wire.BatchGetTracesInput
    ) -> wire.BatchGetTracesOutput:
        found, unknown = self._found(request["TraceIds"])
        return {"Traces": [_trace(one) for one in found], "UnprocessedTraceIds": unknown}

    async def get_service_graph(
        self, caller: Caller, request: wire.GetServiceGraphInput
    ) -> wire.GetServiceGraphOutput:
        since, until = request["StartTime"], request["EndTime"]
        _check_range(since, until)
        if request.get("GroupName") or request.get("GroupARN"):
            raise AwsError("InvalidRequestException", "there are no groups here: leave it out")
        every = self._traces.every()
        made = await asyncio.to_thread(service_map, every, since, until)
        services = described(made, since, until, self._account)
        return {
            "StartTime": since,
            "EndTime": until,
            "Services": services,
            "ContainsOldGroupVersions": False,
        }

    async def get_trace_graph(
        self, caller: Caller, request: wire.BatchGetTracesInput
    ) -> wire.GetTraceGraphOutput:
        found, _ = self._found(request["TraceIds"])
        if not found:
            return {"Services": []}
        start, end = extent([span for trace in found for span in trace.spans])
        return {"Services": described(service_map(found), start, end, self._account)}

    async def get_sampling_rules(
        self, caller: Caller, request: Mapping[str, object]
    ) -> wire.GetSamplingRulesOutput:
        rule: wire.SamplingRule = {
            "RuleName": _RULE,
            "RuleARN": f"arn:aws:xray:{self._region}:{self._account}:sampling-rule/{_RULE}",
            "ResourceARN": "*",
            "Priority": 10000,
            "FixedRate": _RATE,
            "ReservoirSize": _RESERVOIR,
            "ServiceName": "*",
            "ServiceType": "*",
            "Host": "*",
            "HTTPMethod": "*",
            "URLPath": "*",
            "Version": 1,
            "Attributes": {},
        }
        record: wire.SamplingRuleRecord = {
            "SamplingRule": rule,
            "CreatedAt": 0.0,
            "ModifiedAt": 0.0,
        }
        return {"SamplingRuleRecords": [record]}

    async def get_sampling_targets(
        self, caller: Caller, request: wire.GetSamplingTargetsInput
    ) -> wire.GetSamplingTargetsOutput:
        asked = [one["RuleName"] for one in request["SamplingStatisticsDocuments"]]
        target: wire.SamplingTarget = {
            "RuleName": _RULE,
            "FixedRate": _RATE,
            "ReservoirQuota": _RESERVOIR,
            "ReservoirQuotaTTL": self._clock() + 3600,
            "Interval": 300,
        }
        return {
            "SamplingTargetDocuments": [target] if _RULE in asked else [],
            "LastRuleModification": 0.0,
            "UnprocessedStatistics": [
                {"RuleName": name, "ErrorCode": "404", "Message": f"the only rule is {_RULE}"}
                for name in asked
                if name != _RULE
            ],
        }

    async def get_groups(
        self, caller: Caller, request: Mapping[str, object]
    ) -> Mapping[str, Sequence[object]]:
        return {"Groups": []}

    def _summary(self, one: Summary) -> wire.TraceSummary:
        http: wire.Http = {}
        if one.url:
            http["HttpURL"] = one.url
        if one.status:
            http["HttpStatus"] = one.status
        if one.method:
            http["HttpMethod"] = one.method
        return {
            "Id": xray_trace_id(one.trace),
            "StartTime": one.start,
            "Duration": one.seconds,
            "ResponseTime": one.response_seconds,
            "HasFault": one.fault,
            "HasError": one.error,
            "HasThrottle": one.throttle,
            "IsPartial": one.in_progress,
            "Http": http,
            "ServiceIds": [self._service(name) for name in one.services],
            "EntryPoint": self._service(one.service),
        }

    def _service(self, name: str) -> wire.ServiceId:
        return {"Name": name, "Names": [name], "AccountId": self._account}

    def _found(self, identities: Sequence[str]) -> tuple[list[FrozenTrace], list[str]]:
        """The traces with these ids, each once, and the ids of those that are unknown."""
        found: dict[str, FrozenTrace] = {}
        unknown = []
        for text in identities:
            try:
                trace = self._traces.get(trace_id(text))
            except ValueError as error:
                raise AwsError("InvalidRequestException", str(error)) from error
            if trace is None:
                unknown.append(text)
            else:
                found[trace.id] = trace
        return list(found.values()), unknown


def _trace(trace: FrozenTrace) -> wire.Trace:
    start, end = extent(trace.spans)
    return {
        "Id": xray_trace_id(trace.id),
        "Duration": max(0.0, end - start),
        "LimitExceeded": trace.refused > 0,
        "Segments": [
            {"Id": identity, "Document": document} for identity, document in documents(trace)
        ],
    }


def _refused(identity: str, code: str, message: str) -> wire.UnprocessedTraceSegment:
    refused: wire.UnprocessedTraceSegment = {"ErrorCode": code, "Message": message}
    if identity:
        refused["Id"] = identity
    return refused


def _filter(text: str) -> Callable[[Summary], bool]:
    if not text.strip():
        return lambda one: True
    try:
        return filters.parse(text)
    except ValueError as error:
        raise AwsError("InvalidRequestException", f"FilterExpression: {error}") from error


def _after(token: str | None) -> tuple[float, str] | None:
    try:
        return place_of(token) if token else None
    except ValueError as error:
        raise AwsError("InvalidRequestException", f"NextToken: {error}") from error


def _check_range(since: float, until: float) -> None:
    if not (math.isfinite(since) and math.isfinite(until)) or until < since:
        raise AwsError("InvalidRequestException", "EndTime must not be before StartTime")
