"""Counts what callers saw, from their Envoys' reports, and sums it up over windows of time.

Every Envoy reports its counters (cumulative) and histograms (since the last flush) of its egress
clusters. A side of a service is judged by its callers' reports, never by its own Envoy's. Totals
keep growing when an Envoy restarts; after a restart of the control plane, an Envoy's first report
is the baseline.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tealmesh.envoy.names import BesideKind, beside_cluster, egress_cluster
from tealmesh.model.clock import SteadyClock
from tealmesh.model.rollout import Traffic
from tealmesh.model.said import counted, say
from tealmesh.model.traffic.windows import SideWindow
from tealmesh.rollout.metrics import outcomes, part_times, parts, proto, tasks
from tealmesh.rollout.metrics.listeners import traffic_together, window_together
from tealmesh.rollout.metrics.part_times import PartTimes
from tealmesh.rollout.metrics.parts import PartCounters
from tealmesh.rollout.metrics.rates import Grown
from tealmesh.rollout.metrics.reports import MEMBERS, MEMBERS_HEALTHY, Reader, counters
from tealmesh.rollout.metrics.samples import (
    FEWEST_SAMPLES,
    MOST_SAMPLES,
    Cluster,
    Sample,
    restarted,
)
from tealmesh.rollout.metrics.shared import Here
from tealmesh.rollout.metrics.sums import Histogram, Span, Tally, fewest, histogram, quantile
from tealmesh.rollout.metrics.tasks import TaskCounters
from tealmesh.rollout.system import Service

_STALE_AFTER_SECONDS = 10.0
"""A connected Envoy that has not reported for so long is no reporter any more; one that reports
rarely, after the time of `_MISSED` of its reports."""
_MISSED = 2.5

_FORGET_AFTER_SECONDS = 3600.0
"""An Envoy that has been gone for so long is forgotten, with what it counted."""

_FORGET_EVERY_SECONDS = 60.0

_SAMPLES_IN_ALL = 200_000
"""Samples that are kept of all Envoys, about: 150 MB where all clusters are busy all the time."""


@dataclass
class _Envoy:
    streams: int = 0
    elsewhere: bool = False
    """Whether it reports to another replica."""
    lost: bool = False
    """Whether it did, and nothing is heard of that one."""
    last_report: float = 0.0
    every: float = 0.0
    """Seconds between its latest two reports."""
    clusters: dict[str, Cluster] = field(default_factory=dict)
    parts: PartCounters = field(default_factory=PartCounters)
    part_times: PartTimes = field(default_factory=PartTimes)
    tasks: TaskCounters = field(default_factory=TaskCounters)


class Metrics:
    """The reports of all Envoys, and windows over them."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._envoys: dict[str, _Envoy] = {}
        self._reader = Reader()
        self._callers: dict[str, dict[str, _Envoy]] = {}
        """Of each cluster, the Envoys that have it, by identity."""
        self._clusters = 0
        """Clusters of all Envoys."""
        self._slowest: dict[frozenset[str], tuple[_Envoy, float]] = {}
        self._forgotten_at = 0.0
        self._task_bounds: tuple[float, ...] = ()
        self._listeners: set[asyncio.Event] = set()
        self.here: Here | None = None
        """What other replicas are told; None where there are none."""

    @contextlib.contextmanager
    def waking(self, event: asyncio.Event) -> Iterator[None]:
        """Set ``event`` after each report, for as long as the context lasts."""
        self._listeners.add(event)
        try:
            yield
        finally:
            self._listeners.discard(event)

    def connected(self, identity: str) -> None:
        """An Envoy has opened a stream."""
        self._envoys.setdefault(identity, _Envoy()).streams += 1

    def disconnected(self, identity: str) -> None:
        """A stream of an Envoy has ended."""
        self._envoys[identity].streams -= 1

    def report(self, identity: str, families: Sequence[proto.MetricFamily], first: bool) -> None:
        """Add one message of an Envoy's stream; ``first``: the stream's first message."""
        now = self._clock()
        if self.here is not None:
            self.here.hear(identity, families, first, now)
        self._add(identity, families, first, now)

    def reported_elsewhere(
        self, identity: str, families: Sequence[proto.MetricFamily], first: bool, at: float
    ) -> None:
        """Add what an Envoy has reported to another replica ``at`` that time. What it has reported
        here since then has all of that in it.
        """
        envoy = self._envoys.setdefault(identity, _Envoy())
        envoy.elsewhere = True
        if at > envoy.last_report and not envoy.streams:
            self._add(identity, families, first, at)

    def elsewhere(self, present: Collection[str], lost: Collection[str]) -> None:
        """``present`` are all Envoys that report to other replicas, and ``lost`` those that did to
        one of which nothing is heard.
        """
        for identity, envoy in self._envoys.items():
            envoy.elsewhere, envoy.lost = identity in present, identity in lost

    def missing(self, service: Service) -> str:
        """Why what callers saw of a service is not known at present, for people; empty if it is."""
        callers = {
            identity
            for side in service.sides
            for port, protocol in service.listeners
            for identity, envoy in self._callers.get(
                egress_cluster(service.mesh, service.node(side), protocol, port), {}
            ).items()
            if envoy.lost and not envoy.streams
        }
        if not callers:
            return ""
        named = ", ".join(sorted(callers)[:3])
        return say(
            "{envoys} of its callers reported to a control plane of which nothing is heard: "
            "{named}",
            envoys=counted(len(callers), "Envoy"),
            named=named,
        )

    def counts_here(self, identity: str) -> bool:
        """Whether an Envoy reports to this replica."""
        envoy = self._envoys.get(identity)
        return envoy is not None and envoy.streams > 0

    def _add(
        self, identity: str, families: Sequence[proto.MetricFamily], first: bool, now: float
    ) -> None:
        envoy = self._envoys.setdefault(identity, _Envoy())
        reports, logged = self._reader.read(families)
        known = envoy.last_report > 0
        if known and first and restarted(envoy.clusters, reports):
            envoy.parts.restarted()
            envoy.tasks.restarted()
            for cluster in envoy.clusters.values():
                cluster.restarted()
        before = envoy.last_report if known else None
        envoy.tasks.add(now, logged, before)
        most = max(FEWEST_SAMPLES, min(MOST_SAMPLES, _SAMPLES_IN_ALL // max(1, self._clusters)))
        for name, report in reports.items():
            cluster = envoy.clusters.get(name) or self._new_cluster(identity, envoy, name)
            if known and not cluster.samples:
                # Earlier reports were without this cluster, so all its counts are new.
                cluster.samples.append(Sample(envoy.last_report))
            cluster.add(now, report, not known, envoy.tasks.unanswered[name], most)
        envoy.parts.add(now, logged, before)
        envoy.part_times.add(now, logged, first=not known)
        self._task_bounds = tuple(tasks.bounds(logged)) or self._task_bounds
        envoy.every = now - envoy.last_report if known else 0.0
        envoy.last_report = now
        self._forget(now)
        for event in self._listeners:
            event.set()

    def _new_cluster(self, identity: str, envoy: _Envoy, name: str) -> Cluster:
        cluster = envoy.clusters[name] = Cluster(counters(name))
        self._callers.setdefault(name, {})[identity] = envoy
        self._clusters += 1
        return cluster

    def reported_until(self, service: Service) -> float:
        """Every caller of a service that reports has done so at or after this time; 0 if none
        reports. Whoever waits asks at each report of anybody: until the slowest has reported, the
        answer is the last one.
        """
        names = frozenset(
            egress_cluster(service.mesh, service.node(side), protocol, port)
            for side in service.sides
            for port, protocol in service.listeners
        )
        if names in self._slowest:
            envoy, at = self._slowest[names]
            if envoy.last_report == at and self._reports(envoy):
                return at
            del self._slowest[names]
        callers = [one for name in names for one in self._callers.get(name, {}).values()]
        reporting = [envoy for envoy in callers if self._reports(envoy)]
        if not reporting:
            return 0.0
        slowest = min(reporting, key=lambda envoy: envoy.last_report)
        self._slowest[names] = slowest, slowest.last_report
        return slowest.last_report

    def traffic(self, mesh: str, node: str, since: float, port: int, protocol: str) -> Traffic:
        """What the callers of a virtual node saw, from each caller's first report at or after
        ``since`` (by its clock) to its last.
        """
        return self._traffic(egress_cluster(mesh, node, protocol, port), since, protocol)

    def _traffic(self, name: str, since: float, protocol: str) -> Traffic:
        spans: list[Span] = []
        counted: Counter[str] = Counter()
        gone = waiting = under_way = 0
        seen_until: list[float] = []
        seconds = every = 0.0
        members: list[Mapping[str, int]] = []
        for _, envoy, cluster in self._envoys_with(name):
            start = cluster.first_since(since)
            if start == len(cluster.samples):
                continue
            spans.append((cluster.samples[start], cluster.samples[-1], cluster.bounds))
            grown = cluster.grown(start)
            lost = 0 if protocol == "tcp" else cluster.gone(start, outcomes.left_requests(grown))
            counted.update(grown)
            gone += lost
            # A connection counts when it is made, a request when it ends.
            under_way += 0 if protocol == "tcp" else cluster.samples[start].active
            seconds = max(seconds, cluster.samples[-1].at - cluster.begun(start, since))
            if self._reports(envoy):
                every = max(every, envoy.every)
                seen_until.append(cluster.samples[-1].at)
                members.append(cluster.gauges)
                waiting += 0 if protocol == "tcp" else cluster.waiting(start, lost)
        latency = histogram(spans)
        became = outcomes.outcome(protocol, counted, gone)
        return Traffic(
            requests=became.requests,
            failures=became.failures,
            client_errors=became.client_errors,
            started=became.started,
            kinds=became.kinds,
            waiting=waiting,
            under_way=under_way,
            p50=quantile(latency.buckets, latency.bounds, latency.total, 0.5),
            p99=quantile(latency.buckets, latency.bounds, latency.total, 0.99),
            timed=latency.total,
            bounds=latency.bounds,
            buckets=latency.buckets,
            reporters=len(seen_until),
            members=fewest(members, MEMBERS),
            members_healthy=fewest(members, MEMBERS_HEALTHY),
            seen_until=min(seen_until, default=0.0),
            every=every,
            seconds=seconds,
        )

    def window(self, mesh: str, node: str, after: float, port: int, protocol: str) -> SideWindow:
        """What the callers of a virtual node saw from each caller's last report at or before
        ``after`` (by its clock), or its first one if there is none, to its last. Windows that begin
        when the one before was taken leave nothing out and count nothing twice.
        """
        name = egress_cluster(mesh, node, protocol, port)
        callers = [(*found, found[2].last_until(after)) for found in self._envoys_with(name)]
        first = min(
            (
                one.samples[start + 1].at
                for *_, one, start in callers
                if start + 1 < len(one.samples)
            ),
            default=0.0,
        )
        tally = Tally(protocol, first)
        for identity, envoy, cluster, start in callers:
            tally.add(identity, cluster, start, len(cluster.samples) - 1, self._reports(envoy))
        return tally.window()

    def grown_since(self, since: float) -> Iterator[Grown]:
        """Every Envoy with each cluster that it has sent anything to since then, by the clock."""
        for identity, envoy in self._envoys.items():
            for name, cluster in envoy.clusters.items():
                if not cluster.grew_after(since):
                    continue
                start, last = cluster.first_since(since), len(cluster.samples) - 1
                newest = cluster.samples[last]
                if start >= last and newest.at == envoy.last_report and self._reports(envoy):
                    # It reports rarely.
                    start = max(0, last - 1)
                # The samples of a cluster that is idle share their counts.
                if start <= last and cluster.samples[start].counts is not newest.counts:
                    yield identity, name, cluster, start

    def latency(self, mesh: str, node: str, port: int, protocol: str) -> Histogram:
        """How long requests to a virtual node took, as its callers have measured since their first
        reports.
        """
        name = egress_cluster(mesh, node, protocol, port)
        seen = [cluster for _, _, cluster in self._envoys_with(name)]
        return histogram((one.samples[0], one.samples[-1], one.bounds) for one in seen)

    def callers_saw(self, service: Service, side: str, since: float) -> Traffic:
        """`traffic` of one side of a service."""
        mesh, node = service.mesh, service.node(side)
        seen = [self.traffic(mesh, node, since, *listener) for listener in service.listeners]
        ended: Counter[tuple[str, str]] = Counter()
        for envoy, cluster in self._counting_parts(service, node):
            ended.update(envoy.parts.ended_since(cluster, since))
        return replace(traffic_together(seen), parts=parts.traffic(ended, service.gates.watch))

    def callers_saw_beside(
        self, service: Service, side: str, since: float, kind: BesideKind
    ) -> Traffic:
        """`traffic` of the requests that reached a side beside its weight."""
        mesh, node = service.mesh, service.node(side)
        return traffic_together(
            [
                self._traffic(
                    beside_cluster(kind, egress_cluster(mesh, node, protocol, port)),
                    since,
                    protocol,
                )
                for port, protocol in service.listeners
            ]
        )

    def callers_saw_after(self, service: Service, side: str, after: float) -> SideWindow:
        """`window` of one side of a service."""
        mesh, node = service.mesh, service.node(side)
        seen = [self.window(mesh, node, after, *listener) for listener in service.listeners]
        counting, watch = list(self._counting_parts(service, node)), service.gates.watch
        counted = [envoy.parts.seconds_after(cluster, after) for envoy, cluster in counting]
        timed = [
            (envoy.part_times.bounds, envoy.part_times.seconds_after(cluster, after))
            for envoy, cluster in counting
        ]
        by_task = tasks.together(
            envoy.tasks.since(egress_cluster(mesh, node, protocol, port), after)
            for port, protocol in service.listeners
            for envoy in self._envoys.values()
        )
        bounds, latency_by_part = part_times.by_second(timed, watch)
        return replace(
            window_together(seen),
            by_part=parts.by_second(counted, watch),
            part_bounds=bounds,
            latency_by_part=latency_by_part,
            by_task=by_task,
            task_bounds=self._task_bounds if by_task else (),
        )

    def _counting_parts(self, service: Service, node: str) -> Iterator[tuple[_Envoy, str]]:
        """Every Envoy with every cluster of a side whose parts are watched."""
        for port, protocol in service.listeners if service.gates.watch else ():
            for envoy in self._envoys.values():
                yield envoy, egress_cluster(service.mesh, node, protocol, port)

    def _reports(self, envoy: _Envoy) -> bool:
        """Whether the Envoy is connected and reports."""
        silent = self._clock() - envoy.last_report
        present = envoy.streams > 0 or envoy.elsewhere
        return present and silent < max(_STALE_AFTER_SECONDS, _MISSED * envoy.every)

    def _envoys_with(self, name: str) -> Iterator[tuple[str, _Envoy, Cluster]]:
        for identity, envoy in self._callers.get(name, {}).items():
            cluster = envoy.clusters[name]
            if cluster.samples:
                yield identity, envoy, cluster

    def _forget(self, now: float) -> None:
        """Forget, once in a while, who has gone, and clusters that their Envoys have not any
        more.
        """
        if now - self._forgotten_at < _FORGET_EVERY_SECONDS:
            return
        self._forgotten_at = now
        long_ago = now - _FORGET_AFTER_SECONDS
        self._slowest.clear()
        for identity, envoy in list(self._envoys.items()):
            gone = envoy.streams <= 0 and envoy.last_report < long_ago
            for name, cluster in list(envoy.clusters.items()):
                if gone or (cluster.samples and cluster.samples[-1].at < long_ago):
                    del envoy.clusters[name]
                    self._clusters -= 1
                    del self._callers[name][identity]
                    if not self._callers[name]:
                        del self._callers[name]
            if gone:
                del self._envoys[identity]
