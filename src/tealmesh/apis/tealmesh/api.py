"""Tealmesh's own API, 2026-11-01: what App Mesh's and ECS's APIs have no operation for.

The model is ``aws/models/tealmesh/2026-11-01/service-2.json``. Deployments run elsewhere: this is
their front. What it needs from other parts it is given as the ports below.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

from tealmesh.apis.tealmesh import events, wire
from tealmesh.model.caller import Caller
from tealmesh.model.config.nouns import Strategy, TealConfig
from tealmesh.model.config.parse import parse
from tealmesh.model.convergence import Convergence, EnvoyStatus
from tealmesh.model.errors import AwsError, ConfigError
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.status import AppliedSystem, GatewayStatus, ServiceStatus
from tealmesh.store import Store, View, tables

Request = Mapping[str, Any]
Answer = dict[str, Any]

_CANARY_STEPS = (10, 50, 100)
_WINDOW = 10
_LINES = 100
_ENTRIES = 1000
_EVENTS = 100


class Rollouts(Protocol):
    """`rollout.operations.Operations`. Its methods raise AwsError."""

    async def apply(self, actor: str, config: TealConfig, base_directory: str) -> AppliedSystem: ...
    async def deploy(
        self, actor: str, service: str, image: str, strategy: Strategy | None, token: str
    ) -> Deployment: ...
    async def approve(self, service: str) -> Deployment: ...
    async def rollback(self, actor: str, service: str) -> Deployment: ...
    async def set_weights(
        self, name: str, weights: Mapping[str, int]
    ) -> tuple[int, Mapping[str, int]]: ...
    async def status(self, window: float) -> tuple[list[ServiceStatus], list[GatewayStatus]]: ...
    def strategy(self, service: str) -> Strategy: ...
    def current(self, service: str) -> Deployment | None: ...


class Envoys(Protocol):
    """`xds.cache.AdsCache`, as far as it is asked here."""

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence: ...
    def envoys(self, mesh: str) -> Sequence[EnvoyStatus]: ...


@dataclass(frozen=True)
class ContainerLine:
    """A line of a container's output; ``container`` is its name in the task definition."""

    container: str
    line: str


Logs = Callable[[str, int], Awaitable[Sequence[ContainerLine]]]
"""(task ARN, lines): the last lines that each container of a task has written."""

Stop = Callable[[bool], Awaitable[int]]
"""Stop the control plane once the present answer is out; True: stop all tasks first, draining
each. Answers how many tasks were stopped."""


class Tealmesh:
    """The service: one method an operation."""

    def __init__(
        self, store: Store, rollouts: Rollouts, envoys: Envoys, logs: Logs, stop: Stop
    ) -> None:
        self._store = store
        self._rollouts = rollouts
        self._envoys = envoys
        self._logs = logs
        self._stop = stop

    async def apply(self, caller: Caller, request: Request) -> Answer:
        try:
            config = parse(request["text"], request["file"])
        except ConfigError as error:
            raise AwsError("BadRequestException", str(error)) from error
        done = await self._rollouts.apply(caller.access_key, config, request["baseDirectory"])
        return {
            "services": [wire.applied(one) for one in done.services],
            "gateways": [wire.applied(one) for one in done.gateways],
            "summary": list(done.summary),
        }

    async def deploy(self, caller: Caller, request: Request) -> Answer:
        service = request["service"]
        strategy = _strategy(self._rollouts.strategy(service), request)
        deployment = await self._rollouts.deploy(
            caller.access_key,
            service,
            request["image"],
            strategy,
            request.get("clientToken", ""),
        )
        return {"deployment": wire.deployment(deployment)}

    async def approve(self, caller: Caller, request: Request) -> Answer:
        return {"deployment": wire.deployment(await self._rollouts.approve(request["service"]))}

    async def rollback(self, caller: Caller, request: Request) -> Answer:
        deployment = await self._rollouts.rollback(caller.access_key, request["service"])
        return {"deployment": wire.deployment(deployment)}

    async def set_weights(self, caller: Caller, request: Request) -> Answer:
        revision, weights = await self._rollouts.set_weights(request["service"], request["weights"])
        return {"revision": revision, "weights": dict(weights)}

    async def get_status(self, caller: Caller, request: Request) -> Answer:
        services, gateways = await self._rollouts.status(request.get("windowSeconds", _WINDOW))
        return {
            "revision": self._store.revision,
            "services": [wire.service_status(one) for one in services],
            "gateways": [wire.gateway_status(one) for one in gateways],
        }

    async def get_deployment(self, caller: Caller, request: Request) -> Answer:
        return {"deployment": wire.deployment(self._deployment(request))}

    async def list_deployments(self, caller: Caller, request: Request) -> Answer:
        service = request["service"]
        current = self._rollouts.current(service)
        found = _deployments(self._store.view, service)
        # The running one has newer observations than were worth a write.
        newest = [current] if current else []
        older = [d for d in found if not current or d.id != current.id]
        return {"deployments": [wire.deployment(d) for d in (*newest, *older)]}

    async def list_journal(self, caller: Caller, request: Request) -> Answer:
        deployment = self._deployment(request).id
        after = request.get("after", 0)
        limit = request.get("limit", _ENTRIES)
        entries: list[JournalEntry] = []
        try:
            async with asyncio.timeout(request.get("waitSeconds", 0) or None):
                async for view in self._store.watch():
                    entries = _journal(view, deployment, after)
                    if entries or not request.get("waitSeconds"):
                        break
        except TimeoutError:
            entries = []
        return {
            "deploymentId": deployment,
            "entries": [wire.journal_entry(entry) for entry in entries[:limit]],
        }

    async def list_events(self, caller: Caller, request: Request) -> Answer:
        limit = request.get("limit", _EVENTS)
        entries = await self._store.history(limit, () if request.get("all") else events.OWN)
        return {"events": [events.event(entry) for entry in entries]}

    async def get_convergence(self, caller: Caller, request: Request) -> Answer:
        mesh = self._mesh(request["mesh"])
        revision = request.get("revision", self._store.revision)
        found = await self._envoys.wait_converged(mesh, revision, request.get("waitSeconds", 0))
        return {
            "mesh": mesh,
            "revision": revision,
            "converged": found.converged,
            "expected": len(found.expected),
            "acknowledged": len(found.expected) - len(found.waiting),
            "waiting": list(found.waiting),
            "rejected": [
                {"envoy": envoy, "message": message} for envoy, message in found.rejected.items()
            ],
        }

    async def list_envoys(self, caller: Caller, request: Request) -> Answer:
        found = self._envoys.envoys(self._mesh(request["mesh"]))
        return {
            "envoys": [
                wire.present(
                    id=envoy.id,
                    resource=envoy.resource,
                    connected=envoy.connected,
                    revision=envoy.acknowledged or None,
                    message=envoy.rejected or envoy.note or None,
                )
                for envoy in found
            ]
        }

    async def get_logs(self, caller: Caller, request: Request) -> Answer:
        service = request["service"]
        self._rollouts.strategy(service)  # NotFoundException where there is no such service
        lines = request.get("lines", _LINES)
        answer = []
        for side, task in _tasks(self._store.view, service, request.get("side")):
            for one in await self._logs(task, lines):
                answer.append(
                    {"task": task, "side": side, "container": one.container, "line": one.line}
                )
        return {"lines": answer}

    async def shutdown(self, caller: Caller, request: Request) -> Answer:
        return {"stoppedTasks": await self._stop(request.get("stopTasks", False))}

    def _deployment(self, request: Request) -> Deployment:
        """The deployment that is asked for. Raises NotFoundException."""
        service = request["service"]
        identity = request.get("deploymentId")
        current = self._rollouts.current(service)
        if current and identity in (None, current.id):
            return current
        for deployment in _deployments(self._store.view, service):
            if deployment.id == identity:
                return deployment
        which = f"deployment {identity}" if identity else "deployment yet"
        raise AwsError("NotFoundException", f"{service} has no {which}")

    def _mesh(self, name: str) -> str:
        if self._store.view.get(tables.MESHES, name) is None:
            raise AwsError("NotFoundException", f"there is no mesh {name}")
        return name


def _deployments(view: View, service: str) -> list[Deployment]:
    found = [Deployment.from_json(d.body) for d in view.list(tables.DEPLOYMENTS, service)]
    return sorted(found, key=lambda d: d.created_at, reverse=True)


def _journal(view: View, deployment: str, after: int) -> list[JournalEntry]:
    found = [JournalEntry.from_json(d.body) for d in view.list(tables.JOURNAL, deployment)]
    return [entry for entry in found if entry.sequence > after]


def _tasks(view: View, service: str, side: str | None) -> list[tuple[str, str]]:
    """(side, task ARN) of a service's tasks, the oldest first, stopped ones included as long as ECS
    shows them.

    Raises NotFoundException for a side that it does not have.
    """
    document = view.get(tables.SYSTEMS, service)
    sides: list[str] = list(document.body["config"]["sides"]) if document else []
    if side is not None and side not in sides:
        raise AwsError(
            "NotFoundException", f"{service} has no side {side} (there is: {', '.join(sides)})"
        )
    groups = {f"service:{service}-{one}": one for one in sides if side in (None, one)}
    return [
        (groups[task.body["group"]], task.body["taskArn"])
        for task in sorted(view.list(tables.TASKS), key=lambda d: d.body["createdAt"])
        if task.body.get("group") in groups
    ]


def _strategy(configured: Strategy, request: Request) -> Strategy | None:
    """The strategy that a Deploy asks for; None to take the one of teal.toml.

    Raises BadRequestException for steps that do not rise to 100.
    """
    kind, sent = request.get("strategy"), request.get("steps")
    if kind is None and sent is None:
        return None
    kind = kind or ("canary" if len(sent or ()) > 1 else configured.type)
    if sent is not None:
        steps = tuple(sent)
    elif kind == "bluegreen":
        steps = (100,)
    else:
        steps = configured.steps if configured.type == "canary" else _CANARY_STEPS
    if steps[-1] != 100 or any(a >= b for a, b in pairwise(steps)):
        raise AwsError(
            "BadRequestException", f"steps = {list(steps)}: must be rising and end with 100"
        )
    if kind == "bluegreen" and steps != (100,):
        raise AwsError(
            "BadRequestException", f"steps = {list(steps)}: must be [100] for strategy bluegreen"
        )
    return replace(configured, type=kind, steps=steps)
