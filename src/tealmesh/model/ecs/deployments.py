"""Service deployments and service revisions: the history of a service's ``deployments[]``. Pure.

Each deployment gets a record, which follows it until it ends. Newer clients read these records
instead of ``deployments[]``, the Terraform provider's ``wait_for_steady_state`` since 6.0 for one.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tealmesh.model.arn import last_part
from tealmesh.model.clock import MomentBody
from tealmesh.model.ecs.bodies import ServiceRevisionBody
from tealmesh.model.ecs.members import narrowed

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerImageTypeDef

    from tealmesh.model.ecs.bodies import DeploymentBody, ServiceBody, ServiceDeploymentBody

FINISHED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
"""The statuses of service deployments that have ended."""


def number(identity: str) -> str:
    """The number shared by the id in ``deployments[]``, the service deployment and its service
    revision: the last part of each.
    """
    return last_part(identity)


def arn(service_arn: str, kind: str, identity: str) -> str:
    """The ARN of a ``service-deployment`` or a ``service-revision`` of the service."""
    return f"{service_arn.replace(':service/', f':{kind}/', 1)}/{number(identity)}"


def failure_limit(desired_count: int) -> int:
    """The number of failed tasks at which the circuit breaker fails a deployment: half the desired
    count, at least 3 and at most 200.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    return min(200, max(3, math.ceil(desired_count / 2)))


def primary_since(service: ServiceBody, identity: str) -> MomentBody | None:
    """When the deployment became primary again by a rollback; None if it never did."""
    return service.get("teal", {}).get("restored", {}).get(identity)


def new_record(service: ServiceBody, images: list[ContainerImageTypeDef]) -> ServiceDeploymentBody:
    """The record of the service's newest deployment. ``images``: ``containerImages`` of its
    revision.
    """
    newest, *former = service["deployments"]
    service_arn = service["serviceArn"]
    revision = narrowed(ServiceRevisionBody, newest)
    revision["loadBalancers"] = service.get("loadBalancers", [])
    revision["serviceRegistries"] = service["serviceRegistries"]
    revision["containerImages"] = images
    return {
        "id": newest["id"],
        "serviceDeploymentArn": arn(service_arn, "service-deployment", newest["id"]),
        "serviceArn": service_arn,
        "clusterArn": service["clusterArn"],
        "createdAt": newest["createdAt"],
        "startedAt": newest["createdAt"],
        "updatedAt": newest["createdAt"],
        "status": "IN_PROGRESS",
        "lifecycleStage": "SCALE_UP",
        "deploymentConfiguration": service["deploymentConfiguration"],
        "targetServiceRevisionArn": arn(service_arn, "service-revision", newest["id"]),
        "sourceServiceRevisionArns": [
            arn(service_arn, "service-revision", d["id"]) for d in former
        ],
        "revision": revision,
    }


def progressed(
    record: ServiceDeploymentBody, service: ServiceBody, now: float
) -> ServiceDeploymentBody:
    """The record brought up to date with its service; a finished record never changes."""
    changed = record.copy()
    if record["status"] in FINISHED:
        return changed
    progress = _progress(record, service)
    changed["status"] = progress.status
    if progress.reason:
        changed["statusReason"] = progress.reason
    if progress.rolls_back_to and "rollback" not in record:
        changed["rollback"] = {
            "reason": progress.reason,
            "startedAt": now,
            "serviceRevisionArn": arn(
                service["serviceArn"], "service-revision", progress.rolls_back_to
            ),
        }
    if changed == record:
        return changed
    changed["updatedAt"] = now
    if progress.status in FINISHED:
        changed["finishedAt"] = now
        del changed["lifecycleStage"]
    if progress.status == "STOPPED":
        changed["stoppedAt"] = now
    return changed


class _Progress(NamedTuple):
    """How far a service deployment is."""

    status: str
    reason: str = ""
    rolls_back_to: str = ""
    """Id of the deployment that is primary again; empty if this one is not rolled back."""


def _progress(record: ServiceDeploymentBody, service: ServiceBody) -> _Progress:
    if service["status"] != "ACTIVE":
        return _Progress("STOPPED", "The service was deleted.")
    deployments = {d["id"]: d for d in service["deployments"]}
    primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    if primary["id"] == record["id"]:
        return _primary_progress(primary, service)
    own = deployments.get(record["id"])
    failed = own is not None and own.get("rolloutState") == "FAILED"
    reason = own["rolloutStateReason"] if own and failed else record.get("statusReason", "")
    target = record.get("rollback", {}).get("serviceRevisionArn", "")
    revision = arn(service["serviceArn"], "service-revision", primary["id"])
    if target in ("", revision) and (target or failed):
        done = primary["rolloutState"] == "COMPLETED"
        status = "ROLLBACK_SUCCESSFUL" if done else "ROLLBACK_IN_PROGRESS"
        return _Progress(status, reason, primary["id"])
    return _Progress("STOPPED", f"Deployment {primary['id']} took its place.")


def _primary_progress(primary: DeploymentBody, service: ServiceBody) -> _Progress:
    match primary["rolloutState"]:
        case "COMPLETED":
            return _Progress("SUCCESSFUL")
        case "FAILED":
            # Either nothing can be rolled back to, or rollback is not enabled.
            breaker = service["deploymentConfiguration"]["deploymentCircuitBreaker"]
            status = "ROLLBACK_FAILED" if breaker["rollback"] else "STOPPED"
            return _Progress(status, primary["rolloutStateReason"])
        case _:
            return _Progress("IN_PROGRESS")


def roll_back(
    service: ServiceBody, identity: str, to: str, reason: str, now: float, moment: MomentBody
) -> None:
    """Make the deployment ``to`` primary again in place of ``identity``, in a document in the
    making.
    """
    deployments = {d["id"]: d for d in service["deployments"]}
    failed, restored = deployments[identity], deployments[to]
    failed.update({"status": "ACTIVE", "updatedAt": now})
    restored.update(
        {
            "status": "PRIMARY",
            "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": f"{reason}: rolling back to {to}.",
            "updatedAt": now,
        }
    )
    rest = [d for d in service["deployments"] if d["id"] != to]
    service["deployments"] = [restored, *rest]
    service["taskDefinition"] = restored["taskDefinition"]
    teal = service.setdefault("teal", {})
    teal["restored"] = {**teal.get("restored", {}), to: moment}
