"""Names of Application Auto Scaling. Pure."""

from __future__ import annotations

NAMESPACE = "ecs"
DIMENSION = "ecs:service:DesiredCount"
"""The one scalable dimension of ECS."""


def resource_id(cluster: str, service: str) -> str:
    """The ``ResourceId`` of a service."""
    return f"service/{cluster}/{service}"


def cluster_and_service(resource: str) -> tuple[str, str] | None:
    """The names in ``service/CLUSTER/SERVICE``; None if it has another form."""
    match resource.split("/"):
        case ["service", cluster, service] if cluster and service:
            return cluster, service
    return None
