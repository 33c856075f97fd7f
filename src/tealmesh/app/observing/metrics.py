"""A control plane's own metrics, in OpenMetrics: streams, pushes, the store, API calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from tealmesh import __version__
from tealmesh.app.observing.calls import Calls
from tealmesh.app.observing.following import Following
from tealmesh.store import Store, tables
from tealmesh.supervision.trouble import Trouble
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.counts import Times


@dataclass(frozen=True)
class Sources:
    """What they are read from."""

    store: Store
    cache: AdsCache
    calls: Calls
    following: Following
    troubles: Callable[[], Iterable[Trouble]]
    why_not_ready: Callable[[], Iterable[str]]
    leases: Callable[[], Mapping[str, int]] = dict
    """The leases that this replica holds, with their fencing numbers."""
    lag: Callable[[], float] = field(default=lambda: 0.0)
    """For how many seconds the view has known of revisions that it lacks."""
    pages: Callable[[], float] = field(default=lambda: 0.0)
    """The seconds of processor time that open pages have taken."""


def families(sources: Sources) -> Iterator[Metric]:
    """All of them."""
    yield InfoMetricFamily("tealmesh_build", "The version.", value={"version": __version__})
    yield _gauge(
        "tealmesh_ready", "Whether it is ready.", not any(True for _ in sources.why_not_ready())
    )
    yield from _streams(sources)
    yield from _store(sources)
    yield from _calls(sources.calls)
    leases = GaugeMetricFamily(
        "tealmesh_lease_number", "Fencing number of a lease that it holds.", labels=["lease"]
    )
    for name, number in sorted(sources.leases().items()):
        leases.add_metric([name], number)
    yield leases
    text = "Processor time that open pages have taken, but for garbage and the history's thread."
    yield _counter("tealmesh_page_cpu_seconds", text, sources.pages())
    troubles = len(list(sources.troubles()))
    yield _gauge("tealmesh_failing_workers", "Workers that fail at present.", troubles)


def _streams(sources: Sources) -> Iterator[Metric]:
    cache, counts = sources.cache, sources.cache.counts
    streams = GaugeMetricFamily(
        "tealmesh_streams", "Envoys that are connected to this replica.", labels=["mesh"]
    )
    waiting = GaugeMetricFamily(
        "tealmesh_envoys_behind",
        "Envoys of the whole mesh that do not run with the newest revision, or are expected and not"
        " connected.",
        labels=["mesh"],
    )
    slow = GaugeMetricFamily(
        "tealmesh_envoys_slow",
        "Envoys that are connected to this replica and have not answered for 20 s.",
        labels=["mesh"],
    )
    refusing = GaugeMetricFamily(
        "tealmesh_resource_refused",
        "Envoys that are connected to this replica and refuse what their node or gateway gets.",
        labels=["mesh", "resource"],
    )
    for document in sources.store.view.list(tables.MESHES):
        mesh = document.body["meshName"]
        behind = cache.convergence(mesh, sources.store.revision).waiting
        streams.add_metric([mesh], cache.connected(mesh))
        waiting.add_metric([mesh], len(behind))
        slow.add_metric([mesh], cache.slow(mesh))
        own = [one.status for one in cache.here(mesh)]
        refused = [one.resource for one in own if one.rejected]
        for resource in sorted(set(refused)):
            refusing.add_metric([mesh, resource], refused.count(resource))
    yield from (streams, waiting, slow, refusing)
    yield _counter("tealmesh_pushes", "Responses that Envoys were sent.", counts.pushes)
    yield _counter("tealmesh_translations", "Translations of a snapshot.", cache.translations)
    refusals = CounterMetricFamily(
        "tealmesh_nacks", "Responses that Envoys refused.", labels=["type"]
    )
    for type_url, count in sorted(counts.refusals.items()):
        refusals.add_metric([type_url.rpartition(".")[2]], count)
    yield refusals
    text = "From a response to an Envoy to its acknowledgement."
    yield _histogram("tealmesh_ack_seconds", text, counts.answers)
    text = "From the answer of an API call until all Envoys of the mesh run with its change."
    yield _histogram("tealmesh_push_seconds", text, sources.following.times)
    text = "Changes that some Envoy had not acknowledged within a minute."
    yield _counter("tealmesh_unacknowledged_changes", text, sources.following.unfinished)


def _store(sources: Sources) -> Iterator[Metric]:
    store = sources.store
    yield _gauge("tealmesh_store_revision", "Newest revision of the view.", store.revision)
    yield _gauge("tealmesh_store_lag_seconds", "How long the view lags.", sources.lag())
    up, takes = not store.away(), not store.refusing()
    yield _gauge("tealmesh_database_up", "Whether the database answers.", up)
    yield _gauge("tealmesh_database_writable", "Whether it takes writes.", up and takes)


def _calls(calls: Calls) -> Iterator[Metric]:
    answered = CounterMetricFamily(
        "tealmesh_api_calls", "API calls.", labels=["service", "operation", "outcome"]
    )
    for names, count in sorted(calls.answered.items()):
        answered.add_metric(list(names), count)
    yield answered
    times = HistogramMetricFamily(
        "tealmesh_api_call_seconds", "Time to the answer.", labels=["service"], unit="seconds"
    )
    for service, found in sorted(calls.times.items()):
        times.add_metric([service], found.cumulated(), sum_value=found.total)
    yield times


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _histogram(name: str, text: str, times: Times) -> Metric:
    found = times.cumulated()
    return HistogramMetricFamily(name, text, buckets=found, sum_value=times.total, unit="seconds")
