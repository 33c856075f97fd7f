"""A task's instances in Cloud Map, one for each of its service's ``serviceRegistries``, as ECS
registers them. For use inside a transaction.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.state import TaskState
from tealmesh.engine.task import targets
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.names import cluster_of, family_and_revision, service_of, task_id
from tealmesh.model.errors import EngineError
from tealmesh.store import instances, tables
from tealmesh.store.views import Transaction

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ServiceRegistryTypeDef

    from tealmesh.model.cloudmap import InstanceBody
    from tealmesh.model.ecs.bodies import TaskBody


def _registries(tx: Transaction, task: TaskBody) -> list[ServiceRegistryTypeDef]:
    """The registries of the task's service; none for a standalone task."""
    name = service_of(task)
    service = tx.get(tables.ECS_SERVICES, cluster_of(task), name) if name else None
    return service.body.get("serviceRegistries") or [] if service is not None else []


def register(
    tx: Transaction, task: TaskBody, containers: Sequence[Container], region: str
) -> list[str]:
    """Register the task; return the ids of the Cloud Map services that list it now. Raises
    EngineError for a registry that has been deleted: a task that its callers cannot find does not
    count as started.
    """
    identity = task_id(task)
    services: list[str] = []
    for registry in _registries(tx, task):
        service = last_part(registry["registryArn"])
        if tx.get(tables.SD_SERVICES, service) is None:
            raise EngineError(
                f"failed to register instance in (service-registry {registry['registryArn']}) with "
                f"(error ServiceNotFound: The service {service} can't be found.)"
            )
        instance: InstanceBody = {
            "id": identity,
            "serviceId": service,
            "attributes": _attributes(task, registry, containers, region),
            "health": "HEALTHY",
            "draining": False,
        }
        instances.put(tx, instance)
        services.append(service)
    return services


def _attributes(
    task: TaskBody,
    registry: ServiceRegistryTypeDef,
    containers: Sequence[Container],
    region: str,
) -> dict[str, str]:
    ports = [p for c in containers if c.role is Role.APPLICATION for p in c.ports]
    port = registry.get("containerPort") or registry.get("port") or (ports[0] if ports else None)
    attributes = {
        "AVAILABILITY_ZONE": f"{region}a",
        "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "AWS_INSTANCE_IPV4": TaskState.of(task).address,
        "ECS_CLUSTER_NAME": cluster_of(task),
        "ECS_SERVICE_NAME": service_of(task),
        "ECS_TASK_DEFINITION_FAMILY": family_and_revision(task["taskDefinitionArn"])[0],
        "REGION": region,
    }
    if port:
        attributes["AWS_INSTANCE_PORT"] = str(port)
    return attributes


def drain(tx: Transaction, task: TaskBody) -> bool:
    """Mark the task's instances as draining; return whether it has any."""
    registered = False
    for service in TaskState.of(task).registered:
        instance = tx.get(tables.INSTANCES, service, task_id(task))
        if instance is None:
            continue
        registered = True
        instances.put(tx, {**instance.body, "draining": True})
    return registered


def deregister(tx: Transaction, task: TaskBody) -> bool:
    """Delete the task's instances and its targets; return whether it had any instances."""
    targets.remove(tx, task)
    registered = False
    for service in TaskState.of(task).registered:
        registered |= instances.remove(tx, service, task_id(task))
    return registered
