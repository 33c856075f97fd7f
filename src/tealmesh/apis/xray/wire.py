"""The structures of X-Ray that are read and written here, as its model has them.

https://docs.aws.amazon.com/xray/latest/api/API_Types.html
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class PutTraceSegmentsInput(TypedDict):
    TraceSegmentDocuments: list[str]


class UnprocessedTraceSegment(TypedDict):
    Id: NotRequired[str]
    ErrorCode: str
    Message: str


class PutTraceSegmentsOutput(TypedDict):
    UnprocessedTraceSegments: list[UnprocessedTraceSegment]


class GetTraceSummariesInput(TypedDict):
    StartTime: float
    EndTime: float
    FilterExpression: NotRequired[str]
    NextToken: NotRequired[str]


class Http(TypedDict, total=False):
    HttpURL: str
    HttpStatus: int
    HttpMethod: str


class ServiceId(TypedDict):
    Name: str
    Names: list[str]
    AccountId: str


class TraceSummary(TypedDict):
    Id: str
    StartTime: float
    Duration: float
    ResponseTime: float
    HasFault: bool
    HasError: bool
    HasThrottle: bool
    IsPartial: bool
    Http: Http
    ServiceIds: list[ServiceId]
    EntryPoint: ServiceId


class GetTraceSummariesOutput(TypedDict):
    TraceSummaries: list[TraceSummary]
    ApproximateTime: float
    TracesProcessedCount: int
    NextToken: NotRequired[str]


class BatchGetTracesInput(TypedDict):
    TraceIds: list[str]


class Segment(TypedDict):
    Id: str
    Document: str


class Trace(TypedDict):
    Id: str
    Duration: float
    LimitExceeded: bool
    Segments: list[Segment]


class BatchGetTracesOutput(TypedDict):
    Traces: list[Trace]
    UnprocessedTraceIds: list[str]


class GetServiceGraphInput(TypedDict):
    StartTime: float
    EndTime: float
    GroupName: NotRequired[str]
    GroupARN: NotRequired[str]


class ErrorStatistics(TypedDict):
    ThrottleCount: int
    OtherCount: int
    TotalCount: int


class FaultStatistics(TypedDict):
    OtherCount: int
    TotalCount: int


class Statistics(TypedDict):
    OkCount: int
    ErrorStatistics: ErrorStatistics
    FaultStatistics: FaultStatistics
    TotalCount: int
    TotalResponseTime: float


class HistogramEntry(TypedDict):
    Value: float
    Count: int


class Edge(TypedDict):
    ReferenceId: int
    StartTime: float
    EndTime: float
    SummaryStatistics: Statistics
    ResponseTimeHistogram: list[HistogramEntry]


class Service(TypedDict):
    ReferenceId: int
    Name: str
    Names: list[str]
    Root: NotRequired[bool]
    AccountId: NotRequired[str]
    Type: NotRequired[str]
    State: str
    StartTime: float
    EndTime: float
    Edges: NotRequired[list[Edge]]
    SummaryStatistics: Statistics
    DurationHistogram: list[HistogramEntry]
    ResponseTimeHistogram: list[HistogramEntry]


class GetTraceGraphOutput(TypedDict):
    Services: list[Service]


class GetServiceGraphOutput(TypedDict):
    StartTime: float
    EndTime: float
    Services: list[Service]
    ContainsOldGroupVersions: bool


class SamplingRule(TypedDict):
    RuleName: str
    RuleARN: str
    ResourceARN: str
    Priority: int
    FixedRate: float
    ReservoirSize: int
    ServiceName: str
    ServiceType: str
    Host: str
    HTTPMethod: str
    URLPath: str
    Version: int
    Attributes: dict[str, str]


class SamplingRuleRecord(TypedDict):
    SamplingRule: SamplingRule
    CreatedAt: float
    ModifiedAt: float


class GetSamplingRulesOutput(TypedDict):
    SamplingRuleRecords: list[SamplingRuleRecord]


class SamplingStatistics(TypedDict):
    RuleName: str


class GetSamplingTargetsInput(TypedDict):
    SamplingStatisticsDocuments: list[SamplingStatistics]


class SamplingTarget(TypedDict):
    RuleName: str
    FixedRate: float
    ReservoirQuota: int
    ReservoirQuotaTTL: float
    Interval: int


class UnprocessedStatistics(TypedDict):
    RuleName: str
    ErrorCode: str
    Message: str


class GetSamplingTargetsOutput(TypedDict):
    SamplingTargetDocuments: list[SamplingTarget]
    LastRuleModification: float
    UnprocessedStatistics: list[UnprocessedStatistics]
