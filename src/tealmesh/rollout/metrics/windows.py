"""What callers saw, as their Envoys tell it: the receiving end of Envoy's metrics sink.

Every Envoy streams its counters (cumulative) and histograms (of the last flush) about its egress
clusters. A side of a service is judged by these, never by its own Envoy's. Totals grow over
restarts of an Envoy; a control plane that has just started takes an Envoy's first report as zero.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/metrics_service.proto
"""

from __future__ import annotations

import asyncio
import hmac
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from tealmesh.envoy.names import egress_cluster
from tealmesh.model.clock import Clock
from tealmesh.model.rollout import Traffic
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.system import ServiceSystem

COMPLETED = "upstream_rq_completed"
FAILED = "upstream_rq_5xx"
STARTED = "upstream_rq_total"
LATENCY = "upstream_rq_time"
MEMBERS = "membership_total"
MEMBERS_HEALTHY = "membership_healthy"
STATISTICS = (COMPLETED, FAILED, STARTED, LATENCY, MEMBERS, MEMBERS_HEALTHY)
"""The statistics of egress clusters that must be in the bootstrap's inclusion list. Envoy charges
a request's final code to the first two, however often it was tried, resets (503) and timeouts
(504) included; tries are in ``upstream_rq_total``.
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
"""

_COUNTERS = (COMPLETED, FAILED, STARTED)
_GAUGES = (MEMBERS, MEMBERS_HEALTHY)
_PREFIX = "cluster.cds_egress_"
# Envoy repeats these counters for parts of the requests, e.g. cluster.NAME.retry.upstream_rq_5xx.
_PARTS = (".retry", ".external", ".internal", ".canary")

_MAX_SAMPLES = 900
_STALE = 10.0
_FORGET = 3600.0


@dataclass(frozen=True)
class _Sample:
    """Totals at a time. ``buckets`` count requests up to each bound of the histogram."""

    at: float
    completed: int = 0
    failed: int = 0
    started: int = 0
    timed: int = 0
    buckets: tuple[int, ...] = ()


@dataclass
class _Cluster:
    """One egress cluster of one Envoy; ``raw`` has the counters as last told."""

    raw: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, int] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    samples: list[_Sample] = field(default_factory=list)

    def add(self, at: float, told: _Told, baseline: bool) -> None:
        last = self.samples[-1] if self.samples else _Sample(at)
        grown = {}
        for name in _COUNTERS:
            value = told.counters.get(name, self.raw.get(name, 0.0))
            before = self.raw.get(name, 0.0)
            # A counter that falls has begun anew.
            grown[name] = 0.0 if baseline else value - before if value >= before else value
            self.raw[name] = value
        self.gauges.update(told.gauges)
        if told.bounds:
            self.bounds = told.bounds
        self.samples.append(
            _Sample(
                at,
                last.completed + int(grown[COMPLETED]),
                last.failed + int(grown[FAILED]),
                last.started + int(grown[STARTED]),
                last.timed + told.timed,
                _added(last.buckets, told.buckets),
            )
        )
        if len(self.samples) > _MAX_SAMPLES:
            half = len(self.samples) // 2
            self.samples[:half] = self.samples[:half:2]


@dataclass
class _Told:
    """What one report says about one cluster."""

    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, int] = field(default_factory=dict)
    timed: int = 0
    buckets: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass
class _Envoy:
    streams: int = 0
    last_report: float = 0.0
    clusters: dict[str, _Cluster] = field(default_factory=dict)


class Metrics:
    """Reports of all Envoys, and windows over them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._envoys: dict[str, _Envoy] = {}

    def connected(self, identity: str) -> None:
        self._envoys.setdefault(identity, _Envoy()).streams += 1

    def disconnected(self, identity: str) -> None:
        self._envoys[identity].streams -= 1

    def report(self, identity: str, families: Sequence[Any], first: bool) -> None:
        """Take in one message; ``first`` of its stream."""
        now = self._clock()
        envoy = self._envoys.setdefault(identity, _Envoy())
        told = _read(families)
        known = envoy.last_report > 0
        if known and first and _begun_anew(envoy, told):
            for cluster in envoy.clusters.values():
                cluster.raw.clear()
        for name, part in told.items():
            cluster = envoy.clusters.get(name) or _Cluster()
            if known and not cluster.samples:
                # It has reported before, without this cluster: all of it is new.
                cluster.samples.append(_Sample(envoy.last_report))
            cluster.add(now, part, baseline=not known)
            envoy.clusters[name] = cluster
        envoy.last_report = now
        self._forget(now)

    def traffic(self, mesh: str, node: str, since: float, port: int, protocol: str) -> Traffic:
        """What the callers of a virtual node saw, from their first report at or after ``since``
        (epoch seconds) to their last.
        """
        name = egress_cluster(mesh, node, protocol, port)
        now = self._clock()
        parts = []
        seen_until = []
        members: list[Mapping[str, int]] = []
        for envoy, cluster in self._with(name):
            start = bisect_left(cluster.samples, since, key=lambda sample: sample.at)
            if start == len(cluster.samples):
                continue
            parts.append((cluster.samples[start], cluster.samples[-1], cluster.bounds))
            if envoy.streams > 0 and now - envoy.last_report < _STALE:
                seen_until.append(cluster.samples[-1].at)
                members.append(cluster.gauges)
        buckets, bounds, timed = _histogram(parts)
        return Traffic(
            requests=sum(end.completed - start.completed for start, end, _ in parts),
            failures=sum(end.failed - start.failed for start, end, _ in parts),
            started=sum(end.started - start.started for start, end, _ in parts),
            p50=quantile(buckets, bounds, timed, 0.5),
            p99=quantile(buckets, bounds, timed, 0.99),
            reporters=len(seen_until),
            members=_least(members, MEMBERS),
            members_healthy=_least(members, MEMBERS_HEALTHY),
            seen_until=min(seen_until, default=0.0),
        )

    def callers_saw(self, service: ServiceSystem, side: str, since: float) -> Traffic:
        """`traffic` of one side of a service."""
        config = service.config
        return self.traffic(service.mesh, service.node(side), since, config.port, "http")

    def _with(self, name: str) -> Iterator[tuple[_Envoy, _Cluster]]:
        for envoy in self._envoys.values():
            cluster = envoy.clusters.get(name)
            if cluster is not None and cluster.samples:
                yield envoy, cluster

    def _forget(self, now: float) -> None:
        gone = [
            identity
            for identity, envoy in self._envoys.items()
            if envoy.streams <= 0 and now - envoy.last_report > _FORGET
        ]
        for identity in gone:
            del self._envoys[identity]


class MetricsServicer:
    """The gRPC service that Envoys stream to, beside ADS on the same server.

    ``token``: what a caller's ``authorization: Bearer TOKEN`` must say; empty lets all in.
    """

    def __init__(self, metrics: Metrics, token: str) -> None:
        self._metrics = metrics
        self._expected = f"Bearer {token}".encode() if token else b""
        self._reading: set[asyncio.Task[None]] = set()
        self._closing = False

    def close(self) -> None:
        """End every stream in order: those that a server which stops has to cancel are traceback
        after traceback in the log.
        """
        self._closing = True
        for reading in self._reading:
            reading.cancel()

    def add_to(self, server: Any) -> None:
        service, method = proto.METHOD.strip("/").split("/")
        handler = grpc.stream_unary_rpc_method_handler(
            self._stream_metrics,
            request_deserializer=proto.StreamMetricsMessage.FromString,
            response_serializer=proto.StreamMetricsResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )

    async def _stream_metrics(self, messages: AsyncIterator[Any], context: Any) -> Any:
        if not self._authorised(context.invocation_metadata()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or no bearer token")
        reading = asyncio.create_task(self._read(messages))
        self._reading.add(reading)
        try:
            await asyncio.wait([reading])
        finally:
            reading.cancel()
            self._reading.discard(reading)
        if self._closing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")
        await reading
        return proto.StreamMetricsResponse()

    async def _read(self, messages: AsyncIterator[Any]) -> None:
        identity = ""
        try:
            async for message in messages:
                # Envoy says who it is in the first message of a stream only.
                first = not identity
                if first:
                    identity = _identity(message.identifier.node)
                    self._metrics.connected(identity)
                self._metrics.report(identity, message.envoy_metrics, first)
        finally:
            if identity:
                self._metrics.disconnected(identity)

    def _authorised(self, metadata: Sequence[tuple[str, str | bytes]]) -> bool:
        if not self._expected:
            return True
        given = next((value for name, value in metadata if name == "authorization"), "")
        text = given if isinstance(given, bytes) else given.encode()
        return hmac.compare_digest(text, self._expected)


def quantile(buckets: Sequence[int], bounds: Sequence[float], total: int, q: float) -> float | None:
    """The ``q`` quantile of a histogram, linear within a bucket; None when it is empty.

    ``buckets`` count values up to each of ``bounds``; of ``total`` the rest lies above the last,
    which is then the answer.
    """
    if total <= 0 or not bounds:
        return None
    rank = q * total
    below, low = 0, 0.0
    for count, bound in zip(buckets, bounds, strict=True):
        if count >= rank and count > below:
            return low + (bound - low) * (rank - below) / (count - below)
        below, low = count, bound
    return low


def _identity(node: Any) -> str:
    """An Envoy's task, by its metadata ``tealmesh.task``; else its node id."""
    fields = node.metadata.fields
    task = fields["tealmesh"].struct_value.fields["task"].string_value if fields else ""
    return str(task or node.id)


def _read(families: Sequence[Any]) -> dict[str, _Told]:
    """What a message says about egress clusters, by cluster name."""
    found: dict[str, _Told] = {}
    for family in families:
        if not family.name.startswith(_PREFIX):
            continue
        path, _, statistic = family.name.rpartition(".")
        if statistic not in STATISTICS or path.endswith(_PARTS):
            continue
        told = found.setdefault(path.removeprefix("cluster."), _Told())
        for metric in family.metric:
            if statistic in _COUNTERS:
                told.counters[statistic] = metric.counter.value
            elif statistic in _GAUGES:
                told.gauges[statistic] = int(metric.gauge.value)
            elif family.type == proto.HISTOGRAM:
                told.timed = metric.histogram.sample_count
                told.buckets = tuple(b.cumulative_count for b in metric.histogram.bucket)
                told.bounds = tuple(b.upper_bound for b in metric.histogram.bucket)
    return found


def _begun_anew(envoy: _Envoy, told: Mapping[str, _Told]) -> bool:
    """Whether the Envoy has restarted since its last report: a counter has fallen or is gone
    (Envoy does not send counters that it has not used).
    """
    for name, part in told.items():
        cluster = envoy.clusters.get(name)
        for counter, before in cluster.raw.items() if cluster else ():
            if part.counters.get(counter, 0.0) < before:
                return True
    return False


def _added(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    if len(left) != len(right):
        return right or left
    return tuple(a + b for a, b in zip(left, right, strict=True))


_Parts = list[tuple[_Sample, _Sample, tuple[float, ...]]]


def _histogram(parts: _Parts) -> tuple[list[int], tuple[float, ...], int]:
    """Bucket counts, bounds and number of values of a window over several Envoys, which share
    Envoy's default bounds.
    """
    bounds = next((b for _, _, b in parts if b), ())
    buckets = [0] * len(bounds)
    timed = 0
    for start, end, own in parts:
        if own != bounds:
            continue
        timed += end.timed - start.timed
        earlier = start.buckets or (0,) * len(bounds)
        for index, count in enumerate(end.buckets):
            buckets[index] += count - earlier[index]
    return buckets, bounds, timed


def _least(gauges: Sequence[Mapping[str, int]], name: str) -> int | None:
    told = [values[name] for values in gauges if name in values]
    return min(told, default=None)
