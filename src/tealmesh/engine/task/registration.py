"""A task's entries in Cloud Map, as ECS makes them for ``serviceRegistries``. Changes for a
transaction.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.names import cluster_of, family_and_revision, service_of, task_id
from tealmesh.store import tables
from tealmesh.store.store import Transaction, View


def registries(view: View | Transaction, task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The service registries of the task's service; none for a task of its own."""
    name = service_of(task)
    document = view.get(tables.ECS_SERVICES, cluster_of(task), name) if name else None
    return list(document.body.get("serviceRegistries") or []) if document is not None else []


def register(
    tx: Transaction, task: Mapping[str, Any], containers: Sequence[Container], region: str
) -> list[str]:
    """Register the task; the ids of the Cloud Map services. A registry that has been deleted is
    left out.
    """
    registered = []
    for registry in registries(tx, task):
        service = last_part(registry["registryArn"])
        if tx.get(tables.SD_SERVICES, service) is None:
            continue
        identity = task_id(task)
        body = {
            "id": identity,
            "serviceId": service,
            "attributes": _attributes(task, registry, containers, region),
            "health": "HEALTHY",
            "draining": False,
        }
        tx.put(tables.INSTANCES, service, identity, body=body)
        registered.append(service)
    return registered


def _attributes(
    task: Mapping[str, Any],
    registry: Mapping[str, Any],
    containers: Sequence[Container],
    region: str,
) -> dict[str, str]:
    ports = [p for c in containers if c.role is Role.APPLICATION for p in c.ports]
    port = registry.get("containerPort") or registry.get("port") or (ports[0] if ports else None)
    found = {
        "AVAILABILITY_ZONE": f"{region}a",
        "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "AWS_INSTANCE_IPV4": task["teal"]["address"],
        "ECS_CLUSTER_NAME": cluster_of(task),
        "ECS_SERVICE_NAME": service_of(task),
        "ECS_TASK_DEFINITION_FAMILY": family_and_revision(task["taskDefinitionArn"])[0],
        "REGION": region,
    }
    if port:
        found["AWS_INSTANCE_PORT"] = str(port)
    return found


def drain(tx: Transaction, task: Mapping[str, Any]) -> bool:
    """Mark the task's entries as draining; whether there are any."""
    found = False
    for service in task["teal"].get("registered", []):
        document = tx.get(tables.INSTANCES, service, task_id(task))
        if document is None:
            continue
        found = True
        if not document.body.get("draining"):
            body = {**document.body, "draining": True}
            tx.put(tables.INSTANCES, service, task_id(task), body=body)
    return found


def deregister(tx: Transaction, task: Mapping[str, Any]) -> bool:
    """Take the task's entries away; whether there were any."""
    found = False
    for service in task["teal"].get("registered", []):
        found |= tx.get(tables.INSTANCES, service, task_id(task)) is not None
        tx.delete(tables.INSTANCES, service, task_id(task))
    return found
