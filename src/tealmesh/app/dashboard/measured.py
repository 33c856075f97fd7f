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
    if len(several) == 1:  # nearly always
        requests, failures, seconds, p50, p99 = several[0]
        each_second = requests / seconds if seconds else 0
    else:
        requests = sum(rate.requests for rate in several)
        failures = sum(rate.failures for rate in several)
        each_second = per_second(several)
        # Of several listeners, the slower one is what somebody waits for.
        timed = [rate for rate in several if rate.p50 is not None and rate.p99 is not None]
        p50 = max((rate.p50 or 0.0 for rate in timed), default=None)
        p99 = max((rate.p99 or 0.0 for rate in timed), default=None)
    answer: dict[str, float] = {
        "requests": requests,
        "errors": failures,
        "perSecond": round(each_second, 2),
    }
    if total:
        answer["share"] = round(requests / total, 4)
    if p50 is not None and p99 is not None:
        answer["p50"] = round(p50, 2)
        answer["p99"] = round(p99, 2)
    return answer
