"""Removes a service or gateway of teal.toml by the AWS APIs, in the order that loses least."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from tealmesh.model.errors import NoSuchResource
from tealmesh.rollout.belongings import Removal
from tealmesh.rollout.drivers.aws import Aws


async def remove(aws: Aws, wanted: Removal) -> list[str]:
    """Delete what can be deleted by now. Returns what still has to stop, in words; empty when all
    is deleted. Every call is idempotent. Raises DriverError.
    """
    for noun, names in wanted.first:
        await _delete(aws, noun, names)
    waiting = []
    for name in wanted.ecs_services:
        service = await aws.ecs_service(wanted.cluster, name)
        if service is not None and service["status"] == "ACTIVE":
            await aws.ecs(
                partial(_delete_service, cluster=wanted.cluster, name=name),
            )
        if service is not None and service["status"] != "INACTIVE":
            count = service["runningCount"]
            tasks = "the last task" if count <= 1 else f"{count} tasks"
            waiting.append(f"{tasks} of {name} to stop")
    if waiting:
        return waiting
    for noun, names in wanted.rest:
        await _delete(aws, noun, names)
    if wanted.registry:
        with contextlib.suppress(NoSuchResource):
            await aws.cloud_map(lambda client: client.delete_service(Id=wanted.registry))
    for arn in wanted.task_definitions:
        await aws.ecs(partial(_deregister, arn=arn))
    return []


async def _delete(aws: Aws, noun: str, names: Mapping[str, str]) -> None:
    with contextlib.suppress(NoSuchResource):
        await aws.appmesh(partial(_delete_mesh_resource, noun=noun, names=names))


def _delete_mesh_resource(client: Any, noun: str, names: Mapping[str, str]) -> None:
    getattr(client, f"delete_{noun}")(**names)


def _delete_service(client: Any, cluster: str, name: str) -> None:
    client.delete_service(cluster=cluster, service=name, force=True)


def _deregister(client: Any, arn: str) -> None:
    client.deregister_task_definition(taskDefinition=arn)
