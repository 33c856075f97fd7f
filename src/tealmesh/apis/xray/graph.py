"""The map of services in X-Ray's form. Pure."""

from __future__ import annotations

from collections import Counter

from tealmesh.apis.xray import wire
from tealmesh.traces.graph import Counts, Key, ServiceMap


def described(made: ServiceMap, since: float, until: float, account: str) -> list[wire.Service]:
    """The nodes, each with the edges that begin there. Times are seconds since the epoch."""
    numbers = {key: number for number, key in enumerate(sorted(made.nodes, key=lambda k: k.id))}
    entered = {called for caller, called in made.edges if caller.kind == "client"}
    services = []
    for key, number in numbers.items():
        service = _service(key, number, made.nodes[key], since, until)
        service["AccountId"] = account
        service["Root"] = key in entered or key.kind == "client"
        service["Edges"] = [
            _edge(numbers[called], counts, since, until)
            for (caller, called), counts in made.edges.items()
            if caller == key
        ]
        if key in made.resources:
            service["Type"] = "AWS::AppMesh::Proxy"
        services.append(service)
    return services


def _service(key: Key, number: int, counts: Counts, since: float, until: float) -> wire.Service:
    service: wire.Service = {
        "ReferenceId": number,
        "Name": key.name,
        "Names": [key.name],
        "State": "active",
        "StartTime": since,
        "EndTime": until,
        "SummaryStatistics": _statistics(counts),
        "DurationHistogram": _histogram(counts),
        "ResponseTimeHistogram": _histogram(counts),
    }
    if key.kind != "service":
        service["Type"] = key.kind
    return service


def _edge(number: int, counts: Counts, since: float, until: float) -> wire.Edge:
    return {
        "ReferenceId": number,
        "StartTime": since,
        "EndTime": until,
        "SummaryStatistics": _statistics(counts),
        "ResponseTimeHistogram": _histogram(counts),
    }


def _statistics(counts: Counts) -> wire.Statistics:
    errors = counts.errors + counts.throttles
    return {
        "OkCount": counts.requests - counts.failed,
        "ErrorStatistics": {
            "ThrottleCount": counts.throttles,
            "OtherCount": counts.errors,
            "TotalCount": errors,
        },
        "FaultStatistics": {"OtherCount": counts.faults, "TotalCount": counts.faults},
        "TotalCount": counts.requests,
        "TotalResponseTime": sum(counts.times),
    }


def _histogram(counts: Counts) -> list[wire.HistogramEntry]:
    """By milliseconds below a second, and by three digits above."""
    rounded = Counter(round(one, 3) if one < 1 else float(f"{one:.3g}") for one in counts.times)
    return [{"Value": value, "Count": count} for value, count in sorted(rounded.items())]
