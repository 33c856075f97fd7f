"""The names in ECS documents and ARNs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def task_id(body: Mapping[str, Any]) -> str:
    return str(body["taskArn"].rpartition("/")[2])


def service_of(task: Mapping[str, Any]) -> str:
    """The name of the service that the task belongs to; empty for a task of its own."""
    group = str(task.get("group", ""))
    return group.removeprefix("service:") if group.startswith("service:") else ""


def cluster_of(body: Mapping[str, Any]) -> str:
    return str(body["clusterArn"].rpartition("/")[2])
