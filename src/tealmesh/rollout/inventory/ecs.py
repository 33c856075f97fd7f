"""ECS services and tasks that nothing else of a status shows. Pure."""

from __future__ import annotations

from tealmesh.model import wire
from tealmesh.model.ecs.names import cluster_of
from tealmesh.rollout.inventory.mesh import explain
from tealmesh.rollout.inventory.workloads import (
    EcsService,
    Workloads,
    application_image,
    family_of,
    resource_of,
)


def ecs_services(workloads: Workloads, shown: set[str]) -> list[wire.EcsServiceStatus]:
    """The services that are not ``shown``, by CLUSTER/NAME."""
    return [_service(s) for s in workloads.services.values() if s.label not in shown]


def tasks(workloads: Workloads) -> list[wire.TaskStatus]:
    """The tasks of no service that have not stopped."""
    answers: list[wire.TaskStatus] = []
    for task in workloads.standalone:
        if task["lastStatus"] == "STOPPED":
            continue
        definition = workloads.definition(task["taskDefinitionArn"])
        answer: wire.TaskStatus = {
            "task": task["taskArn"],
            "cluster": cluster_of(task),
            "taskDefinition": family_of(task),
            "status": task["lastStatus"],
        }
        if resource := resource_of(definition):
            answer["resource"] = str(resource)
        if image := application_image(definition):
            answer["image"] = image
        answers.append(answer)
    return answers


def _service(service: EcsService) -> wire.EcsServiceStatus:
    answer: wire.EcsServiceStatus = {
        "name": service.name,
        "cluster": service.cluster,
        "running": service.running,
        "desired": service.desired,
    }
    if service.resource:
        answer["resource"] = str(service.resource)
    if service.image:
        answer["image"] = service.image
    explain(answer, service.missing())
    return answer
