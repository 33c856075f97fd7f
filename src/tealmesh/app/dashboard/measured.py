"""What was measured of several clusters together, as the stream tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tealmesh.rollout.metrics.rates import Rate

Cluster = tuple[str, str, str]
"""Mesh, virtual node and protocol of an egress cluster."""


def per_second(several: Sequence[Rate]) -> float:
    """The requests a second."""
    return sum(rate.requests / rate.seconds for rate in several if rate.seconds)


def side_traffic(several: Sequence[Rate], total: int) -> Mapping[str, float]:
    """A SideTraffic. ``total``: the requests of all that it is a share of; 0 for no share."""
    if len(several) == 1:
        return _side_traffic(several[0], total)  # nearly always
    requests = sum(rate.requests for rate in several)
    answer: dict[str, float] = {
        "requests": requests,
        "errors": sum(rate.failures for rate in several),
        "perSecond": round(per_second(several), 2),
    }
    if total:
        answer["share"] = round(requests / total, 4)
    timed = [rate for rate in several if rate.p50 is not None and rate.p99 is not None]
    if timed:
        # Of several listeners, the slower one is what somebody waits for.
        answer["p50"] = round(max(rate.p50 or 0.0 for rate in timed), 2)
        answer["p99"] = round(max(rate.p99 or 0.0 for rate in timed), 2)
    return answer


def _side_traffic(rate: Rate, total: int) -> Mapping[str, float]:
    """`side_traffic` of one cluster."""
    requests, failures, seconds, p50, p99 = rate
    answer: dict[str, float] = {
        "requests": requests,
        "errors": failures,
        "perSecond": round(requests / seconds, 2) if seconds else 0,
    }
    if total:
        answer["share"] = round(requests / total, 4)
    if p50 is not None and p99 is not None:
        answer["p50"] = round(p50, 2)
        answer["p99"] = round(p99, 2)
    return answer
