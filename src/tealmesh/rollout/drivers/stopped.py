"""The tasks of an ECS service that have stopped, for as long as ECS shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.batches import batches
from tealmesh.model.ecs.limits import DESCRIBED_TASKS

if TYPE_CHECKING:
    from types_boto3_ecs.client import ECSClient
    from types_boto3_ecs.type_defs import TaskTypeDef


class StoppedTasks:
    """Describes each once: one that has stopped changes no more, and of a service that cannot start
    there may be hundreds.
    """

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str], dict[str, TaskTypeDef]] = {}
        """By cluster and service, then by ARN."""

    def of(self, client: ECSClient, cluster: str, name: str) -> list[TaskTypeDef]:
        """Those of one service, in no order. Raises what boto3 does."""
        pages = client.get_paginator("list_tasks").paginate(
            cluster=cluster, serviceName=name, desiredStatus="STOPPED"
        )
        arns = [arn for page in pages for arn in page["taskArns"]]
        known = self._ended.get((cluster, name), {})
        found = {arn: known[arn] for arn in arns if arn in known}
        for part in batches([arn for arn in arns if arn not in found], DESCRIBED_TASKS):
            for task in client.describe_tasks(cluster=cluster, tasks=part)["tasks"]:
                found[task["taskArn"]] = task
        self._ended[cluster, name] = {
            arn: task for arn, task in found.items() if task["lastStatus"] == "STOPPED"
        }
        return list(found.values())
