"""Service deployments and service revisions: the history of a service's ``deployments[]``. Pure.

A record is made with each deployment and followed until it has ended. Newer clients look here and
not in ``deployments[]``: the Terraform provider's ``wait_for_steady_state`` since 6.0 is one.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tealmesh.model.arn import last_part

Body = dict[str, Any]

FINISHED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")

_REVISION = (
    "taskDefinition",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "networkConfiguration",
)
"""Members that a service revision has of its deployment."""


def number(identity: str) -> str:
    """What an id of ``deployments[]``, a service deployment and a service revision share."""
    return last_part(identity)


def arn(service_arn: str, kind: str, identity: str) -> str:
    """The ARN of a ``service-deployment`` or a ``service-revision`` of the service."""
    return f"{service_arn.replace(':service/', f':{kind}/', 1)}/{number(identity)}"


def failure_limit(desired_count: int) -> int:
    """Failed tasks at which the circuit breaker gives a deployment up: half the desired count,
    at least 3 and at most 200 (ECS's own numbers).
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    return min(200, max(3, math.ceil(desired_count / 2)))


def new_record(service: Mapping[str, Any], images: list[Body]) -> Body:
    """The record of the service's newest deployment. ``images``: those of its containers."""
    newest, *former = service["deployments"]
    own = service["serviceArn"]
    return {
        "id": newest["id"],
        "serviceDeploymentArn": arn(own, "service-deployment", newest["id"]),
        "serviceArn": own,
        "clusterArn": service["clusterArn"],
        "createdAt": newest["createdAt"],
        "startedAt": newest["createdAt"],
        "updatedAt": newest["createdAt"],
        "status": "IN_PROGRESS",
        "lifecycleStage": "SCALE_UP",
        "deploymentConfiguration": service["deploymentConfiguration"],
        "targetServiceRevisionArn": arn(own, "service-revision", newest["id"]),
        "sourceServiceRevisionArns": [arn(own, "service-revision", d["id"]) for d in former],
        "revision": {
            **{member: newest[member] for member in _REVISION if member in newest},
            "loadBalancers": [],
            "serviceRegistries": service["serviceRegistries"],
            "containerImages": images,
        },
    }


def progressed(record: Mapping[str, Any], service: Mapping[str, Any], now: float) -> Body:
    """The record as the service now makes it; one that has ended stays as it was."""
    if record["status"] in FINISHED:
        return dict(record)
    status, reason, to = _state(record, service)
    changed: Body = {**record, "status": status}
    if reason:
        changed["statusReason"] = reason
    if to and "rollback" not in record:
        revision = arn(service["serviceArn"], "service-revision", to)
        changed["rollback"] = {"reason": reason, "startedAt": now, "serviceRevisionArn": revision}
    if changed == record:
        return changed
    changed["updatedAt"] = now
    if status in FINISHED:
        changed["finishedAt"] = now
        del changed["lifecycleStage"]
    if status == "STOPPED":
        changed["stoppedAt"] = now
    return changed


def _state(record: Mapping[str, Any], service: Mapping[str, Any]) -> tuple[str, str, str]:
    """Status, its reason, and the id of the deployment that is rolled back to."""
    if service["status"] != "ACTIVE":
        return "STOPPED", "The service was deleted.", ""
    primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    if primary["id"] == record["id"]:
        return _primary_state(primary, service)
    own: Mapping[str, Any] = next(
        (d for d in service["deployments"] if d["id"] == record["id"]), {}
    )
    given_up = own.get("rolloutState") == "FAILED"
    reason = own["rolloutStateReason"] if given_up else record.get("statusReason", "")
    target = record.get("rollback", {}).get("serviceRevisionArn", "")
    revision = arn(service["serviceArn"], "service-revision", primary["id"])
    if target in ("", revision) and (target or given_up):
        done = primary["rolloutState"] == "COMPLETED"
        return f"ROLLBACK_{'SUCCESSFUL' if done else 'IN_PROGRESS'}", reason, primary["id"]
    return "STOPPED", f"Deployment {primary['id']} took its place.", ""


def _primary_state(primary: Mapping[str, Any], service: Mapping[str, Any]) -> tuple[str, str, str]:
    match primary["rolloutState"]:
        case "COMPLETED":
            return "SUCCESSFUL", "", ""
        case "FAILED":
            # There is no deployment to roll back to, or nobody wants it.
            breaker = service["deploymentConfiguration"]["deploymentCircuitBreaker"]
            status = "ROLLBACK_FAILED" if breaker["rollback"] else "STOPPED"
            return status, primary["rolloutStateReason"], ""
        case _:
            return "IN_PROGRESS", "", ""


def roll_back(service: Body, identity: str, to: str, reason: str, now: float) -> None:
    """Make the deployment ``to`` the primary one again, in place of ``identity``."""
    found = {d["id"]: d for d in service["deployments"]}
    found[identity].update(status="ACTIVE", updatedAt=now)
    found[to].update(
        status="PRIMARY",
        rolloutState="IN_PROGRESS",
        rolloutStateReason=f"{reason}: rolling back to {to}.",
        updatedAt=now,
    )
    rest = [d for d in service["deployments"] if d["id"] != to]
    service["deployments"] = [found[to], *rest]
    service["taskDefinition"] = found[to]["taskDefinition"]
    teal = service.setdefault("teal", {})
    teal["since"] = {**teal.get("since", {}), to: now}
