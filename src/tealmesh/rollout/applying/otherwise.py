"""Hints that what runs is otherwise than teal.toml says, which `apply` leaves as it is."""

from __future__ import annotations

from tealmesh.model.rollout import SideTasks
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.system import GatewaySystem, ServiceSystem


async def of_service(driver: SystemDriver, service: ServiceSystem) -> list[str]:
    """Hints if the service runs another image, or another number of tasks, than teal.toml names.
    Raises DriverError.
    """
    weights = (await driver.route(service)).weights
    notes = []
    for side, weight in weights.items():
        tasks = await driver.observe(service, side) if weight else SideTasks()
        image, wanted = tasks.image, service.config.image
        if image and image != wanted:
            notes.append(
                f"{service.name} runs {image}; teal.toml names {wanted}: "
                f"`teal deploy {service.name} --image {wanted}`"
            )
        if image and tasks.desired != service.config.desired_count:
            place = service.ecs_service(side)
            notes.append(_other_count(place, tasks.desired, service.config.desired_count))
    return notes


async def of_gateway(driver: SystemDriver, gateway: GatewaySystem) -> list[str]:
    """A hint if the gateway has another number of tasks. Raises DriverError."""
    _, desired = await driver.running(gateway.cluster, gateway.name)
    wanted = gateway.config.desired_count
    place = (gateway.cluster, gateway.name)
    return [_other_count(place, desired, wanted)] if desired not in (0, wanted) else []


def _other_count(place: tuple[str, str], desired: int, told: int) -> str:
    cluster, name = place
    return (
        f"{name} has a desired count of {desired}, which stays; teal.toml says {told}, for its "
        f"first start: `aws ecs update-service --cluster {cluster} --service {name} "
        f"--desired-count {told}`"
    )
