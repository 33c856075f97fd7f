"""PREPARE, a task's first phase: keep what is needed of its definition, and open its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.sidecar import control_plane_elsewhere, resource_of
from tealmesh.engine.scheduler import documents
from tealmesh.engine.state import Phase, TaskState
from tealmesh.engine.task.record import set_containers, set_network, set_phase
from tealmesh.engine.task.task import Task
from tealmesh.model.errors import EngineError
from tealmesh.store.views import Transaction

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import KeptDefinition, TaskBody, TaskDefinitionBody, TaskEnvoy


async def prepare(task: Task) -> None:
    """Give the task its network and enter START. Raises EngineError if the task definition is gone
    or cannot be used.
    """
    body = task.record.body
    arn = body["taskDefinitionArn"]
    definition = documents.definition(task.context.store.view, arn)
    if definition is None:
        raise EngineError(f"the task definition {arn} is gone: register it again")
    kept = _kept(definition)
    parsed = task.parse(kept)
    envoy = _resource(parsed)
    role = (body.get("overrides") or {}).get("taskRoleArn") or definition.get("taskRoleArn", "")
    state = replace(task.record.state, envoy=envoy, definition=kept, role=role)
    network = await task.context.runtime.open(task.spec(parsed, state), task.reserve)
    task.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def change(_: Transaction, body: TaskBody) -> None:
        if "cpu" in definition:
            body.setdefault("cpu", definition["cpu"])
        if "memory" in definition:
            body.setdefault("memory", definition["memory"])
        state = TaskState.of(body)
        kept_state = replace(state, envoy=envoy, definition=kept, role=role, handles={})
        replace(kept_state, keyed=True).write(body)
        set_network(body, network, task.context.region)
        set_containers(body, parsed)
        set_phase(body, Phase.START)

    await task.record.change("TaskPrepared", change)


def _kept(definition: TaskDefinitionBody) -> KeptDefinition:
    """What the task needs of its definition even after the revision is deleted."""
    kept: KeptDefinition = {"containerDefinitions": definition["containerDefinitions"]}
    if "proxyConfiguration" in definition:
        kept["proxyConfiguration"] = definition["proxyConfiguration"]
    if "volumes" in definition:
        kept["volumes"] = definition["volumes"]
    if "cpu" in definition:
        kept["cpu"] = definition["cpu"]
    if "memory" in definition:
        kept["memory"] = definition["memory"]
    if "registeredBy" in definition:
        kept["registeredBy"] = definition["registeredBy"]
    return kept


def _resource(parsed: Sequence[Container]) -> TaskEnvoy | None:
    """The mesh resource that the task's Envoy stands for; None without an Envoy."""
    envoy = next((c for c in parsed if c.role is Role.ENVOY), None)
    if envoy is None:
        return None
    resource = resource_of(envoy.environment)
    if resource is None:
        raise EngineError(
            f"container {envoy.name} does not say for what it stands: set "
            f"APPMESH_RESOURCE_ARN to mesh/MESH/virtualNode/NAME"
        )
    return (
        {**resource, "elsewhere": True} if control_plane_elsewhere(envoy.environment) else resource
    )
