"""Virtual services and virtual gateways with the tasks behind them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tealmesh.model import wire
from tealmesh.model.ecs import reasons
from tealmesh.model.mesh import Kind
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.model.status import Missing
from tealmesh.rollout.adopted import MeshService, MeshSide
from tealmesh.rollout.beginning import apart
from tealmesh.rollout.discovery import discover
from tealmesh.rollout.discovery.routes import route_targets
from tealmesh.rollout.effects import LiveRoute
from tealmesh.rollout.four_steps import Followed, SideNow, follow
from tealmesh.rollout.inventory.workloads import (
    EcsService,
    Resource,
    Workloads,
    application_image,
    labels,
    missing_of,
    resource_of_task,
)
from tealmesh.rollout.metrics.listeners import traffic_together
from tealmesh.rollout.system import Service
from tealmesh.store import View, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import VirtualGatewaySpec
    from tealmesh.model.ecs.bodies import TaskBody

REPORT_SECONDS = 3.0
"""Envoys report every second; what is older has been reported."""

NodeTraffic = Callable[[str, str, float, int, str], Traffic]
"""(mesh, virtual node, since, port, protocol) -> what its callers saw since then (epoch seconds).
"""


@dataclass(frozen=True)
class Window:
    """What the traffic of a status is counted over."""

    traffic: NodeTraffic
    since: float
    """Seconds since the epoch."""
    end: float
    """Now, likewise."""


def services(
    view: View, workloads: Workloads, window: Window, converged: Mapping[str, bool]
) -> list[wire.ServiceStatus]:
    """The services that are not of teal.toml. ``converged``: for each mesh, whether all its Envoys
    run with its present configuration.
    """
    return [
        _service(view, workloads, window, service, converged.get(service.mesh, False))
        for service in discover(view)
    ]


def _service(
    view: View, workloads: Workloads, window: Window, service: MeshService, converged: bool
) -> wire.ServiceStatus:
    weights = route_weights(view, service)
    seen = {
        side.name: traffic_together(
            [
                window.traffic(service.mesh, side.virtual_node, window.since, *listener)
                for listener in service.listeners
            ]
        )
        for side in service.found
    }
    total = sum(traffic.requests for traffic in seen.values())
    sides: list[wire.SideStatus] = []
    now: list[SideNow] = []
    for side in service.found:
        run_by = _run_by(service, side, workloads)
        weight, traffic = weights.get(side.virtual_node, 0), seen[side.name]
        shown = _side(side.name, side.virtual_node, weight, run_by, traffic, total)
        application = service.application(side.name)
        image = application_image(run_by[0].definition, application) if run_by else ""
        if image:
            shown["image"] = image
        sides.append(shown)
        now.append(_now(side, weights, run_by, traffic))
    answer = _answer(service, sides)
    if problem := apart_words(view, service):
        answer.setdefault("problem", problem)
        return answer
    reported = window.end - REPORT_SECONDS
    followed = follow(now, service.gates, converged=converged, window_end=reported)
    if followed:
        answer["release"] = release(followed)
    return answer


def _run_by(service: MeshService, side: MeshSide, workloads: Workloads) -> list[EcsService]:
    key = service.ecs_service(side.name)
    return [workloads.services[key]] if key in workloads.services else []


def _now(
    side: MeshSide, weights: Mapping[str, int], run_by: Sequence[EcsService], traffic: Traffic
) -> SideNow:
    """The side as the four steps see it."""
    return SideNow(
        name=side.name,
        exists=side.exists or bool(run_by),
        weight=weights.get(side.virtual_node, 0),
        tasks=_tasks(run_by),
        traffic=traffic,
        targeted=side.virtual_node in weights,
        since=min((s.body.get("createdAt", 0.0) for s in run_by), default=0.0),
    )


def _answer(service: MeshService, sides: list[wire.SideStatus]) -> wire.ServiceStatus:
    answer: wire.ServiceStatus = {
        "name": service.name,
        "mesh": service.mesh,
        "hostname": service.hostname,
        "port": service.port,
        "sides": sides,
    }
    leading = max(sides, key=lambda side: side["weight"], default=None)
    if leading and "image" in leading:
        answer["image"] = leading["image"]
    if service.problem:
        answer["problem"] = service.problem
    return answer


def release(followed: Followed) -> wire.ReleaseStep:
    """The step as our API answers it."""
    return {
        "step": int(followed.step),
        "summary": followed.summary,
        "following": followed.following,
        "safe": followed.safe,
        "verdicts": [gate.to_wire() for gate in followed.gates],
    }


def apart_words(view: View, service: MeshService) -> str:
    """That the service's routes stand at different weights; empty if they do not."""
    by_route: dict[str, dict[str, int]] = {}
    sides = {side.virtual_node: side.name for side in service.found}
    for document in view.list(tables.ROUTES, service.mesh, service.router):
        if document.body["name"] in service.routes:
            targets = route_targets(document.body["spec"])
            weights = {sides[node]: weight for node, weight in targets.items() if node in sides}
            by_route[document.body["name"]] = weights
    return apart(service, LiveRoute(by_route=by_route).apart)


def route_weights(view: View, service: Service) -> dict[str, int]:
    """The weights of the service's routes, by virtual node; of all its router's routes together
    where it is not clear which ones count. Where they stand apart, a node has the most that any
    gives it.
    """
    weights: dict[str, int] = {}
    for document in view.list(tables.ROUTES, service.mesh, service.router):
        if not service.routes or document.body["name"] in service.routes:
            for node, weight in route_targets(document.body["spec"]).items():
                weights[node] = max(weight, weights.get(node, 0))
    return weights


def _tasks(run_by: Sequence[EcsService]) -> SideTasks:
    gave_up = any(why.gave_up for s in run_by if (why := s.missing()))
    return SideTasks(
        desired=sum(s.desired for s in run_by),
        running=sum(s.running for s in run_by),
        healthy=sum(s.healthy for s in run_by),
        failed=sum(s.failed for s in run_by),
        failure=reasons.told("the tasks failed to start") if gave_up else "",
        pending=sum(s.pending for s in run_by),
    )


def _side(
    name: str,
    node: str,
    weight: int,
    run_by: Sequence[EcsService],
    traffic: Traffic,
    total: int,
) -> wire.SideStatus:
    tasks = _tasks(run_by)
    answer: wire.SideStatus = {
        "side": name,
        "virtualNode": node,
        "weight": weight,
        "running": tasks.running,
        "desired": tasks.desired,
        "healthy": tasks.healthy,
        "requests": traffic.requests,
        "errors": traffic.failures,
    }
    if traffic.kinds:
        answer["errorKinds"] = dict(traffic.kinds)
    if total:
        answer["share"] = traffic.requests / total
    if tasks.pending:
        answer["pending"] = tasks.pending
    if run_by:
        answer["ecsService"] = run_by[0].label
    _latencies(answer, traffic)
    explain(answer, missing_of(run_by))
    return answer


def virtual_services(
    view: View, workloads: Workloads, window: Window, shown: set[tuple[str, str]]
) -> list[wire.VirtualServiceStatus]:
    """The virtual services that are not ``shown``, by (mesh, name)."""
    answers: list[wire.VirtualServiceStatus] = []
    for document in view.list(tables.VIRTUAL_SERVICES):
        mesh, name = document.body["meshName"], document.body["name"]
        if (mesh, name) in shown:
            continue
        provider = document.body["spec"].get("provider", {})
        answer: wire.VirtualServiceStatus = {"name": name, "mesh": mesh, "nodes": []}
        if "virtualNode" in provider:
            node = provider["virtualNode"]["virtualNodeName"]
            answer["provider"] = f"{Kind.VIRTUAL_NODE.value}/{node}"
            answer["nodes"] = [_node(view, workloads, window, mesh, node)]
        elif "virtualRouter" in provider:
            router = provider["virtualRouter"]["virtualRouterName"]
            answer["provider"] = f"{Kind.VIRTUAL_ROUTER.value}/{router}"
        answers.append(answer)
    return answers


def _node(
    view: View, workloads: Workloads, window: Window, mesh: str, node: str
) -> wire.NodeStatus:
    run_by = workloads.of_node(mesh, node)
    document = view.get(tables.VIRTUAL_NODES, mesh, node)
    listeners = document.body["spec"].get("listeners", []) if document else []
    traffic = Traffic()
    if listeners:
        mapping = listeners[0]["portMapping"]
        traffic = window.traffic(mesh, node, window.since, mapping["port"], mapping["protocol"])
    tasks = _tasks(run_by)
    answer: wire.NodeStatus = {
        "virtualNode": node,
        "running": tasks.running,
        "desired": tasks.desired,
        "healthy": tasks.healthy,
        "requests": traffic.requests,
        "errors": traffic.failures,
    }
    if run_by:
        answer["ecsServices"] = labels(run_by)
        if run_by[0].image:
            answer["image"] = run_by[0].image
    _latencies(answer, traffic)
    explain(answer, missing_of(run_by))
    return answer


def gateways(
    view: View, workloads: Workloads, shown: set[tuple[str, str]]
) -> list[wire.GatewayStatus]:
    """The virtual gateways that are not ``shown``, by (mesh, name)."""
    answers: list[wire.GatewayStatus] = []
    for document in view.list(tables.VIRTUAL_GATEWAYS):
        mesh, name = document.body["meshName"], document.body["name"]
        if (mesh, name) in shown:
            continue
        run_by = workloads.of_gateway(mesh, name)
        listeners = document.body["spec"]["listeners"]
        resource = Resource(mesh, Kind.VIRTUAL_GATEWAY.value, name)
        hosts = [
            address
            for task in workloads.tasks
            if resource_of_task(task) == resource and (address := _address(workloads, task))
        ]
        answer: wire.GatewayStatus = {
            "name": name,
            "mesh": mesh,
            "address": hosts[0] if hosts else "",
            "port": listeners[0]["portMapping"]["port"] if listeners else 0,
            "running": sum(s.running for s in run_by),
            "desired": sum(s.desired for s in run_by),
            "ecsServices": labels(run_by),
            "addresses": gateway_urls(document.body["spec"], hosts),
        }
        explain(answer, missing_of(run_by))
        answers.append(answer)
    return answers


def gateway_urls(spec: VirtualGatewaySpec, hosts: Iterable[str]) -> list[str]:
    """Where clients reach a gateway whose Envoys listen at ``hosts``, each once."""
    ends = [
        ("https" if "tls" in one and one["tls"]["mode"] == "STRICT" else "http", one["portMapping"])
        for one in spec["listeners"]
    ]
    return [
        f"{scheme}://{host}:{mapping['port']}/"
        for host in dict.fromkeys(hosts)
        for scheme, mapping in ends
    ]


def _address(workloads: Workloads, task: TaskBody) -> str:
    """Where the running Envoy of a gateway listens: at TEAL_PUBLISH_ADDRESS if it is set, else at
    its task's own address. Empty if the task does not run.
    """
    if task["lastStatus"] != "RUNNING":
        return ""
    definition = workloads.definition(task["taskDefinitionArn"])
    for container in definition["containerDefinitions"] if definition else ():
        for variable in container.get("environment", []):
            if variable.get("name") == "TEAL_PUBLISH_ADDRESS" and variable.get("value"):
                return variable["value"]
    return task.get("teal", {}).get("address", "")


def _latencies(answer: wire.SideStatus | wire.NodeStatus, traffic: Traffic) -> None:
    measured: dict[Literal["p50", "p99"], float | None] = {"p50": traffic.p50, "p99": traffic.p99}
    for member, value in measured.items():
        if value is not None:
            answer[member] = value


def explain(
    answer: wire.SideStatus | wire.NodeStatus | wire.GatewayStatus | wire.EcsServiceStatus,
    missing: Missing | None,
) -> None:
    """Add why tasks are missing."""
    if missing and missing.reason:
        answer["reason"] = missing.reason
    if missing and missing.gave_up:
        answer["gaveUp"] = True
