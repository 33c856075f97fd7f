"""The OpenMetrics page: how rollouts stand, and what Envoys report. For Prometheus and the like.

https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tealmesh.model.convergence import EnvoyStatus
from tealmesh.model.rollout import Deployment, State, Status, Traffic, Verdict
from tealmesh.rollout.metrics.sums import Histogram
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import View, tables

PATH = "/_teal/metrics"


@dataclass(frozen=True)
class NodeSeen:
    """What the callers of one listener of a virtual node have seen since they are known."""

    mesh: str
    node: str
    port: int
    traffic: Traffic
    latency: Histogram


@dataclass(frozen=True)
class Standing:
    """All that the page shows, at one moment."""

    histories: tuple[tuple[Deployment, ...], ...] = ()
    """The deployments of each service, newest first."""
    envoys: tuple[tuple[str, EnvoyStatus], ...] = ()
    """Each Envoy with its mesh."""
    seen: tuple[NodeSeen, ...] = ()


Families = Callable[[], Iterable[Metric]]
"""Further metrics, as they are."""


def route(standing: Callable[[], Standing], more: Families = tuple) -> Route:
    """The page. ``standing`` tells what is at the moment of a request."""

    async def show(request: Request) -> Response:
        return Response(page(standing(), more), media_type=CONTENT_TYPE_LATEST)

    return Route(PATH, show, methods=["GET"])


def page(standing: Standing, more: Families = tuple) -> bytes:
    """The page in OpenMetrics' text format."""

    class Now(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from _rollouts(standing.histories)
            yield from _gates(standing.histories)
            yield from _envoys(standing.envoys)
            yield from _requests(standing.seen)
            yield from more()

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Now())
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


def standing(
    view: View, latest: Iterable[list[Deployment]], metrics: Metrics, envoys: Envoys
) -> Standing:
    """What is now. ``latest``: the deployments of each service that has any, newest first."""
    meshes = [document.key for document in view.list(tables.MESHES)]
    return Standing(
        histories=tuple(tuple(history) for history in latest if history),
        envoys=tuple((mesh, envoy) for mesh in meshes for envoy in envoys(mesh)),
        seen=tuple(_seen(view, metrics)),
    )


Envoys = Callable[[str], list[EnvoyStatus]]
"""The Envoys of a mesh."""


def _seen(view: View, metrics: Metrics) -> Iterator[NodeSeen]:
    for document in view.list(tables.VIRTUAL_NODES):
        mesh, _, node = document.key.partition("/")
        for listener in document.body["spec"].get("listeners", []):
            port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
            traffic = metrics.traffic(mesh, node, 0.0, port, protocol)
            yield NodeSeen(mesh, node, port, traffic, metrics.latency(mesh, node, port, protocol))


def _rollouts(histories: Iterable[tuple[Deployment, ...]]) -> Iterator[Metric]:
    state = StateSetMetricFamily(
        "tealmesh_deployment_state", "State of the newest deployment.", labels=["mesh", "service"]
    )
    step = GaugeMetricFamily(
        "tealmesh_deployment_step", "Its step, from 1; 0 before.", labels=["mesh", "service"]
    )
    weight = GaugeMetricFamily(
        "tealmesh_deployment_weight",
        "Weight of a side in the route, as last seen.",
        labels=["mesh", "service", "side"],
    )
    healthy = GaugeMetricFamily(
        "tealmesh_deployment_healthy_tasks",
        "Healthy tasks of a side, as last seen.",
        labels=["mesh", "service", "side"],
    )
    ended = CounterMetricFamily(
        "tealmesh_deployments", "Finished deployments.", labels=["mesh", "service", "status"]
    )
    for history in histories:
        newest = history[0]
        names = [newest.mesh, newest.service]
        state.add_metric(names, {one.value: one is newest.state for one in State})
        step.add_metric(names, newest.step + 1 if newest.evidence else 0)
        for side, value in sorted((newest.seen or newest.weights).items()):
            weight.add_metric([*names, side], value)
        for side, tasks in sorted(newest.healthy.items()):
            healthy.add_metric([*names, side], tasks)
        for status in Status:
            count = sum(d.finished and d.status is status for d in history)
            if status not in (Status.IN_PROGRESS, Status.ROLLBACK_IN_PROGRESS):
                ended.add_metric([*names, status.value], count)
    yield from (state, step, weight, healthy, ended)


def _gates(histories: Iterable[tuple[Deployment, ...]]) -> Iterator[Metric]:
    labels = ["mesh", "service", "gate"]
    verdict = StateSetMetricFamily(
        "tealmesh_gate_verdict", "Newest verdict of a gate of the newest deployment.", labels=labels
    )
    have = GaugeMetricFamily(
        "tealmesh_gate_value", "What the gate has of what it needs.", labels=[*labels, "counted"]
    )
    need = GaugeMetricFamily(
        "tealmesh_gate_bound", "What the gate needs to pass.", labels=[*labels, "counted"]
    )
    e_value = GaugeMetricFamily(
        "tealmesh_gate_log_e",
        "Natural logarithm of a comparison's e-value: that the new side is worse, or is alike, or "
        "is below the objective.",
        labels=[*labels, "that"],
    )
    e_bound = GaugeMetricFamily(
        "tealmesh_gate_log_e_bound",
        "Where it fails (by worse) and passes (by alike or below).",
        labels=[*labels, "verdict"],
    )
    phi = GaugeMetricFamily(
        "tealmesh_gate_phi", "How much the old side's bad requests come in bursts.", labels=labels
    )
    for history in histories:
        newest = history[0]
        for gate in newest.evidence[-1].verdicts if newest.evidence else ():
            names = [newest.mesh, newest.service, gate.gate]
            verdict.add_metric(names, {one.value: one is gate.verdict for one in Verdict})
            if gate.have is not None and gate.need is not None:
                have.add_metric([*names, gate.unit], gate.have)
                need.add_metric([*names, gate.unit], gate.need)
            if gate.judged is not None:
                e_value.add_metric([*names, "worse"], gate.judged.log_e_worse)
                e_value.add_metric([*names, "alike"], gate.judged.log_e_alike)
                if gate.judged.log_e_below is not None:
                    e_value.add_metric([*names, "below"], gate.judged.log_e_below)
                e_bound.add_metric([*names, "FAIL"], gate.judged.fail_at)
                e_bound.add_metric([*names, "PASS"], gate.judged.pass_at)
                phi.add_metric(names, gate.judged.phi)
    yield from (verdict, have, need, e_value, e_bound, phi)


def _envoys(envoys: Iterable[tuple[str, EnvoyStatus]]) -> Iterator[Metric]:
    labels = ["mesh", "resource", "envoy"]
    connected = GaugeMetricFamily(
        "tealmesh_envoy_connected", "Whether an expected Envoy is connected.", labels=labels
    )
    acknowledged = GaugeMetricFamily(
        "tealmesh_envoy_acknowledged_revision",
        "Newest revision that an Envoy runs with.",
        labels=labels,
    )
    rejecting = GaugeMetricFamily(
        "tealmesh_envoy_rejecting", "Whether an Envoy refuses its newest resources.", labels=labels
    )
    for mesh, envoy in envoys:
        names = [mesh, envoy.resource, envoy.id]
        connected.add_metric(names, int(envoy.connected))
        acknowledged.add_metric(names, envoy.acknowledged)
        rejecting.add_metric(names, int(bool(envoy.rejected)))
    yield from (connected, acknowledged, rejecting)


def _requests(seen: Iterable[NodeSeen]) -> Iterator[Metric]:
    labels = ["mesh", "virtual_node", "port"]
    requests = CounterMetricFamily(
        "tealmesh_requests", "Requests to a virtual node, as its callers saw them.", labels=labels
    )
    failures = CounterMetricFamily(
        "tealmesh_request_failures", "Those that failed, by kind.", labels=[*labels, "kind"]
    )
    latency = HistogramMetricFamily(
        "tealmesh_request_duration_seconds",
        "Time to the end of the answer; Envoy times only part of the requests.",
        labels=labels,
        unit="seconds",
    )
    for one in seen:
        names = [one.mesh, one.node, str(one.port)]
        requests.add_metric(names, one.traffic.requests)
        for kind, count in sorted(one.traffic.kinds.items()):
            failures.add_metric([*names, kind], count)
        if one.latency.bounds:
            pairs = zip(one.latency.bounds, one.latency.buckets, strict=True)
            buckets = [(str(bound / 1000), count) for bound, count in pairs]
            latency.add_metric(names, [*buckets, ("+Inf", one.latency.total)], sum_value=None)
    yield from (requests, failures, latency)
