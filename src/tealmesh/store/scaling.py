"""Changes of scalable targets and of what they scale, in one transaction."""

from __future__ import annotations

from tealmesh.model.ecs.bodies import ServiceBody
from tealmesh.store import tables
from tealmesh.store.views import Document, Transaction


def forget_target(tx: Transaction, cluster: str, service: str) -> None:
    """Delete a scalable target with its policies and scheduled actions. Its activities are
    history, and stay."""
    tx.delete(tables.SCALABLE_TARGETS, cluster, service)
    for policy in tx.list(tables.SCALING_POLICIES, cluster, service):
        tx.delete(tables.SCALING_POLICIES, cluster, service, policy.body["PolicyName"])
    for action in tx.list(tables.SCHEDULED_ACTIONS, cluster, service):
        name = action.body["ScheduledActionName"]
        tx.delete(tables.SCHEDULED_ACTIONS, cluster, service, name)


def set_desired_count(
    tx: Transaction, service: Document[ServiceBody], count: int, now: float
) -> None:
    """Set the desired count of a service, as UpdateService with nothing else does."""
    body = service.body.copy()
    body["desiredCount"] = count
    body["deployments"] = [
        {**deployment, "desiredCount": count, "updatedAt": now}
        if deployment["status"] == "PRIMARY"
        else deployment
        for deployment in body["deployments"]
    ]
    tx.replace(service, body)
