"""How a deployment begins: what is pinned of its service, and its first state. Pure."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, SideTasks
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.system import Service


def refuse_problem(service: Service) -> None:
    """Raise BadRequestException if a service that others made cannot be deployed."""
    if isinstance(service, MeshService) and service.problem:
        raise AwsError(
            "BadRequestException", f"{service.name} cannot be deployed: {service.problem}"
        )


def created(
    service: Service, old: str, tasks: SideTasks, image: str, deployment_id: str, now: float
) -> Deployment:
    """A deployment of ``image`` to the side that is not ``old``, which has ``tasks``."""
    return Deployment(
        id=deployment_id,
        service=service.name,
        mesh=service.mesh,
        old_side=old,
        new_side=next(side for side in service.sides if side != old),
        old_image=tasks.image,
        new_image=image,
        desired_count=service.desired_count or tasks.desired,
        strategy=service.strategy,
        gates=service.gates,
        created_at=now,
        updated_at=now,
        entered_at=now,
        phase_at=now,
    )


def pinned(service: Service, old: str, tasks: SideTasks) -> Service:
    """The service as its deployment will see it, however the state changes: a side that does not
    exist now is deleted again when it has no weight, and one that exists is kept without tasks.
    Raises ConflictException if the side with weight has no tasks to be replaced.
    """
    if not isinstance(service, MeshService):
        return service
    if not tasks.desired:
        raise AwsError(
            "ConflictException",
            f"{service.name}: side {old} has all the weight, but its ECS service "
            f"{service.ecs_service(old)[1]} has a desired count of 0",
        )
    cleaned = service.clean_up or ("stop" if service.other(old).exists else "delete")
    return replace(service, clean_up=cleaned)


def of_image(tasks: SideTasks, image: str) -> SideTasks:
    """The tasks; failed if they run another image, as after a rollback by ECS's circuit breaker."""
    if tasks.failure or not tasks.image or tasks.image == image:
        return tasks
    return replace(tasks, failure=f"they run {tasks.image}")
