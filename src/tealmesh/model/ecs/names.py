"""Names and ids, as they are written in ECS documents and ARNs. Pure."""

from __future__ import annotations

import re

from tealmesh.model.arn import last_part
from tealmesh.model.ecs.bodies import ServiceBody, ServiceDeploymentBody, TaskBody

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""Of a cluster, a service, a family, a container, a volume or a capacity provider."""


def task_id(task: TaskBody) -> str:
    """The id at the end of the task's ARN."""
    return last_part(task["taskArn"])


def service_of(task: TaskBody) -> str:
    """The name of the service that the task belongs to; empty for a standalone task."""
    group = task.get("group", "")
    return group.removeprefix("service:") if group.startswith("service:") else ""


def cluster_of(body: TaskBody | ServiceBody | ServiceDeploymentBody) -> str:
    """The name of the cluster of a task, a service or a service deployment."""
    return last_part(body["clusterArn"])


def revision_key(revision: int | str) -> str:
    """A task definition's revision as the store's keys spell it, so that they sort by number."""
    return f"{int(revision):06d}"


def family_and_revision(definition_arn: str) -> tuple[str, str]:
    """Family and revision in an ARN that ends in ``task-definition/FAMILY:REVISION``."""
    family, _, revision = last_part(definition_arn).partition(":")
    return family, revision
