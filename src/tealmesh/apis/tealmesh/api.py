"""Tealmesh's own API, 2026-11-01: one method per operation.

Described by ``aws/models/tealmesh/2026-11-01/service-2.json``, which documents each operation. The
parts that do the work (deployments, Envoys, task logs) are handed in through the ports below.
"""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.apis.tealmesh import answers, control, events, telling
from tealmesh.apis.tealmesh.health import add_callers, add_health
from tealmesh.apis.tealmesh.pages import PageOperations, Shown
from tealmesh.apis.tealmesh.ports import ContainerLine as ContainerLine
from tealmesh.apis.tealmesh.ports import (
    ControlPlanes,
    Deployments,
    Envoys,
    Inventory,
    LoadBalancers,
    Logs,
    Operations,
    ShiftWeights,
    Stop,
    TasksHealth,
    Troubles,
    WithoutEffect,
)
from tealmesh.apis.tealmesh.tokens import Sessions
from tealmesh.apis.tealmesh.tracing import TraceOperations
from tealmesh.model import wire
from tealmesh.model.absent import absent
from tealmesh.model.clock import system_clock
from tealmesh.model.config.parse import parse_applied
from tealmesh.model.errors import AwsError, ConfigError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.teal import AdoptionBody
from tealmesh.store import Store, tables
from tealmesh.traces.ring import Traces

DEFAULT_WINDOW_SECONDS = 10
CONVERGENCE_SECONDS = 0.2
"""How long a status waits for Envoys to acknowledge what has just changed."""
DEFAULT_LOG_LINES = 100


class Tealmesh(PageOperations, TraceOperations):
    """The service. Operations raise AwsError with the codes of the model."""

    def __init__(
        self,
        store: Store,
        deployments: Deployments,
        operations: Operations,
        inventory: Inventory,
        envoys: Envoys,
        load_balancers: LoadBalancers,
        logs: Logs,
        shift: ShiftWeights,
        stop: Stop,
        without_effect: WithoutEffect,
        sessions: Sessions,
        shown: Shown,
        troubles: Troubles = tuple,
        health: TasksHealth = tuple,
        traces: Traces | None = None,
        control_planes: ControlPlanes = tuple,
    ) -> None:
        super().__init__(store, deployments, operations, inventory, troubles)
        self._envoys = envoys
        self._load_balancers = load_balancers
        self._logs = logs
        self._shift = shift
        self._stop = stop
        self._without_effect = without_effect
        self._sessions = sessions
        self._shown = shown
        self._health = health
        self._traces = Traces() if traces is None else traces
        self._control_planes = control_planes

    async def apply(self, caller: Caller, request: wire.ApplyInput) -> wire.ApplyOutput:
        try:
            config = parse_applied(request["text"], request["file"])
        except ConfigError as error:
            raise AwsError("BadRequestException", str(error)) from error
        directory = request["baseDirectory"]
        if request.get("plan"):
            return answers.applied_system(await self._operations.plan(config, directory))
        system = await self._operations.apply(caller.actor, config, directory)
        return answers.applied_system(system)

    async def remove(self, caller: Caller, request: wire.RemoveInput) -> wire.RemoveOutput:
        planned = request.get("plan", False)
        removed = await self._operations.remove(caller.actor, request["name"], dry_run=planned)
        return answers.removed(removed)

    async def set_weights(
        self, caller: Caller, request: wire.SetWeightsInput
    ) -> wire.SetWeightsOutput:
        revision, weights = await self._operations.set_weights(
            request["service"], request["weights"]
        )
        return {"revision": revision, "weights": dict(weights)}

    async def shift_weights(
        self, caller: Caller, request: wire.ShiftWeightsInput
    ) -> wire.ShiftWeightsOutput:
        self._mesh(request["mesh"])
        routes = await self._shift(caller, request)
        return {"revision": self._store.revision, "routes": routes}

    async def adopt(self, caller: Caller, request: wire.AdoptInput) -> wire.AdoptOutput:
        told: AdoptionBody = {}
        if "sides" in request:
            told["sides"] = {side: {**one} for side, one in request["sides"].items()}
        if "container" in request:
            told["container"] = request["container"]
        if "routes" in request or "route" in request:
            told["routes"] = request.get("routes") or [request.get("route", "")]
        if "cleanUp" in request:
            told["cleanUp"] = request["cleanUp"]
        described = await self._operations.adopt(caller.actor, request["service"], told)
        return {"service": answers.service_description(described)}

    async def get_service(
        self, caller: Caller, request: wire.GetServiceInput
    ) -> wire.GetServiceOutput:
        described = await self._operations.describe(request["service"])
        return {"service": answers.service_description(described)}

    async def get_status(
        self, caller: Caller, request: wire.GetStatusInput
    ) -> wire.GetStatusOutput:
        window = request.get("windowSeconds", DEFAULT_WINDOW_SECONDS)
        mesh = self._mesh(request["mesh"]) if "mesh" in request else None
        services, gateways = await self._operations.status(window)
        answer = self._inventory.others(window, await self._converged())
        for service in answer["services"]:
            self._add_deployment(service)
        answer["services"] = [*map(answers.service_status, services), *answer["services"]]
        answer["gateways"] = [*map(answers.gateway_status, gateways), *answer["gateways"]]
        for one in (*answer["services"], *answer["gateways"]):
            if self._store.view.get(tables.REMOVALS, one["name"]) is not None:
                one["removing"] = True
        for service in answer["services"]:
            self._add_lock(service)
        add_health(answer, self._health())
        answer["meshes"] = [answers.mesh_status(m, self._envoys.envoys(m)) for m in self._meshes()]
        troubles = self._troubles()
        for service in answer["services"]:
            if "deployment" in service:
                self._explain(service["deployment"], troubles)
        if troubles:
            answer["troubles"] = [answers.trouble(one, system_clock()) for one in troubles]
        if planes := self._control_planes():
            answer["controlPlanes"] = list(planes)
        if mesh is not None:
            return answers.of_mesh(answer, mesh)
        answer["loadBalancers"] = await self._load_balancers.load_balancers()
        port, problem = self._load_balancers.by_host_port(), self._load_balancers.by_host_problem()
        if port is not None:
            answer["byHostPort"] = port
        if problem:
            answer["byHostProblem"] = problem
        return answer

    async def list_events(
        self, caller: Caller, request: wire.ListEventsInput
    ) -> wire.ListEventsOutput:
        return {"events": await events.search(self._store, request)}

    async def get_convergence(
        self, caller: Caller, request: wire.GetConvergenceInput
    ) -> wire.GetConvergenceOutput:
        mesh = self._mesh(request["mesh"])
        revision = request.get("revision", self._store.revision)
        wait_seconds = request.get("waitSeconds", 0)
        convergence = await self._envoys.wait_converged(mesh, revision, wait_seconds)
        return {
            "mesh": mesh,
            "revision": revision,
            "converged": convergence.converged,
            "expected": len(convergence.expected),
            "acknowledged": len(convergence.expected) - len(convergence.waiting),
            "waiting": list(convergence.waiting),
            "rejected": [
                {"envoy": envoy, "message": message}
                for envoy, message in convergence.rejected.items()
            ],
        }

    async def list_envoys(
        self, caller: Caller, request: wire.ListEnvoysInput
    ) -> wire.ListEnvoysOutput:
        meshes = [self._mesh(request["mesh"])] if "mesh" in request else self._meshes()
        envoys = [
            answers.envoy_status(envoy, self._inventory.envoy_resource)
            for mesh in meshes
            for envoy in self._envoys.envoys(mesh)
        ]
        add_callers(envoys, self._health())
        return {"envoys": envoys}

    async def list_members_without_effect(
        self, caller: Caller, request: Mapping[str, object]
    ) -> wire.ListMembersWithoutEffectOutput:
        return {"members": self._without_effect(self._store.view)}

    async def get_logs(self, caller: Caller, request: wire.GetLogsInput) -> wire.GetLogsOutput:
        sources = self._inventory.log_sources(request["service"], request.get("side"))
        if request.get("runningOnly"):
            sources = [source for source in sources if not source.stopped] or sources[-1:]
        applications_only = request.get("applicationsOnly", False)
        lines = request.get("lines", DEFAULT_LOG_LINES)
        return {
            "lines": [
                answers.log_line(source, output.container, output.line)
                for source in sources
                for output in answers.in_order(
                    source, await self._logs(source.task, lines), applications_only
                )
            ]
        }

    async def shutdown(self, caller: Caller, request: wire.ShutdownInput) -> wire.ShutdownOutput:
        return {"stoppedTasks": await self._stop(request.get("stopTasks", False))}

    def _mesh(self, name: str) -> str:
        meshes = self._meshes()
        if name not in meshes:
            raise AwsError("NotFoundException", absent("mesh", name, meshes))
        return name

    def _meshes(self) -> list[str]:
        return [document.body["meshName"] for document in self._store.view.list(tables.MESHES)]

    async def _converged(self) -> dict[str, bool]:
        """For each mesh, whether all its Envoys run with its present configuration."""
        revision = self._store.revision
        states = {
            mesh: await self._envoys.wait_converged(mesh, revision, CONVERGENCE_SECONDS)
            for mesh in self._meshes()
        }
        return {mesh: state.converged for mesh, state in states.items()}

    def _add_lock(self, service: wire.ServiceStatus) -> None:
        """Add who locked a service, and its side that is kept for a way back."""
        present = self._store.view.get(tables.LOCKS, service["name"])
        if present is not None:
            since, seconds = present.body["since"], present.body["seconds"]
            if not seconds or self._store.now().left(since, seconds):
                service["lock"] = control.service_lock(present.body)
        kept = self._store.view.get(tables.KEPT, service["name"])
        if kept is not None:
            service["kept"] = control.kept_side(kept.body)

    def _add_deployment(self, service: wire.ServiceStatus) -> None:
        """Add the latest deployment of a service; while one runs, it says where the service is."""
        latest = self._deployments.latest(service["name"])
        if latest is not None:
            service["deployment"] = answers.deployment(latest)
            telling.add_beside(service["deployment"], self._store.view)
            if not latest.finished:
                service.pop("release", None)
