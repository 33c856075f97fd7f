"""Service deployments and service revisions: list, describe, and stop by rolling back.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.answers import (
    CircuitBreakerShown,
    ServiceDeploymentArnAnswer,
    ServiceDeploymentBrief,
    ServiceDeploymentListAnswer,
    ServiceDeploymentsAnswer,
    ServiceDeploymentShown,
    ServiceRevisionsAnswer,
    ServiceRevisionShown,
)
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.ecs.requests import ListServiceDeploymentsRequest
from tealmesh.model.clock import MomentBody
from tealmesh.model.ecs import deployments as history
from tealmesh.model.ecs.bodies import (
    DeploymentBody,
    ServiceBody,
    ServiceDeploymentBody,
)
from tealmesh.model.ecs.members import narrowed
from tealmesh.model.ecs.names import cluster_of
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        ContainerImageTypeDef,
        DescribeServiceDeploymentsRequestTypeDef,
        DescribeServiceRevisionsRequestTypeDef,
        FailureTypeDef,
        ServiceRevisionSummaryTypeDef,
        StopServiceDeploymentRequestTypeDef,
    )

RECORDS_KEPT = 50
"""Records of a service, the newest; ECS keeps those of the last 90 days."""

MAX_DESCRIBED = 20
"""ARNs in one DescribeServiceDeployments or DescribeServiceRevisions."""


def record(tx: Transaction, service: ServiceBody) -> None:
    """Record the service's newest deployment; the oldest records are deleted."""
    cluster, name = cluster_of(service), service["serviceName"]
    definition = base.find_definition(tx, service["taskDefinition"])
    containers = definition.body["containerDefinitions"] if definition is not None else []
    images: list[ContainerImageTypeDef] = [
        {"containerName": container["name"], "image": container["image"]}
        for container in containers
    ]
    body = history.new_record(service, images)
    tx.put(tables.SERVICE_DEPLOYMENTS, cluster, name, history.number(body["id"]), body=body)
    records = tx.list(tables.SERVICE_DEPLOYMENTS, cluster, name)
    for old in sorted(records, key=lambda d: -d.body["createdAt"])[RECORDS_KEPT:]:
        tx.delete(tables.SERVICE_DEPLOYMENTS, cluster, name, history.number(old.body["id"]))


class ServiceDeployments(EcsBase):
    """The operations on service deployments."""

    async def list_service_deployments(
        self, caller: Caller, request: ListServiceDeploymentsRequest
    ) -> ServiceDeploymentListAnswer:
        """List a service's deployments, newest first, by status and time of creation.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
        """
        view = self._store.view
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        service = base.find_service(view, cluster, request["service"]).body["serviceName"]
        statuses = request.get("status") or []
        created = request.get("createdAt") or {}
        after, before = created.get("after", 0.0), created.get("before", float("inf"))
        briefs = {
            f"{d.body['createdAt']:020.6f} {d.body['id']}": narrowed(ServiceDeploymentBrief, d.body)
            for d in view.list(tables.SERVICE_DEPLOYMENTS, cluster, service)
            if (not statuses or d.body["status"] in statuses)
            and after <= d.body["createdAt"] <= before
        }
        scope = (cluster, service, *sorted(statuses), str(sorted(created.items())))
        listed, following = base.page(
            "ListServiceDeployments", briefs, request, *scope, descending=True
        )
        return {"serviceDeployments": listed, **following}

    async def describe_service_deployments(
        self, caller: Caller, request: DescribeServiceDeploymentsRequestTypeDef
    ) -> ServiceDeploymentsAnswer:
        """Describe service deployments by ARN.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
        """
        view = self._store.view
        records, failures = _by_arn(view, "service-deployment", request["serviceDeploymentArns"])
        return {
            "serviceDeployments": [_details(view, body) for body in records],
            "failures": failures,
        }

    async def describe_service_revisions(
        self, caller: Caller, request: DescribeServiceRevisionsRequestTypeDef
    ) -> ServiceRevisionsAnswer:
        """Describe service revisions by ARN.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html
        """
        view = self._store.view
        records, failures = _by_arn(view, "service-revision", request["serviceRevisionArns"])
        return {"serviceRevisions": [_revision(body) for body in records], "failures": failures}

    async def stop_service_deployment(
        self, caller: Caller, request: StopServiceDeploymentRequestTypeDef
    ) -> ServiceDeploymentArnAnswer:
        """Roll a deployment in progress back to the last completed one.

        Raises ServiceDeploymentNotFoundException, or ConflictException if it has finished or there
        is nothing to roll back to.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
        """
        arn, now = request["serviceDeploymentArn"], self._clock()
        if request.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise base.invalid(
                "stopType = 'ABORT': must be ROLLBACK: no deployment is left half done"
            )

        def change(tx: Transaction) -> ServiceDeploymentArnAnswer:
            document = _find(tx, "service-deployment", arn)
            if document is None:
                text = f"There is no service deployment {arn[:300]}."
                raise AwsError("ServiceDeploymentNotFoundException", text)
            owner = _service(tx, document.body)
            status = document.body["status"]
            if status != "IN_PROGRESS" or owner is None:
                raise AwsError("ConflictException", f"The service deployment is {status}.")
            service = copy.deepcopy(owner.body)
            _stop(service, document.body["id"], now, tx.moment.stored())
            tx.replace(owner, service)
            tx.replace(document, history.progressed(document.body, service, now))
            return {"serviceDeploymentArn": arn}

        return await self._write(caller, "StopServiceDeployment", change)


def _stop(service: ServiceBody, identity: str, now: float, moment: MomentBody) -> None:
    """Fail a deployment of a service in the making, and roll it back."""
    completed = (d["id"] for d in service["deployments"] if d["rolloutState"] == "COMPLETED")
    target = next(completed, None)
    if target is None:
        text = "The service has no completed deployment to roll back to."
        raise AwsError("ConflictException", text)
    reason = "Service deployment stopped by its user"
    stopped = next(d for d in service["deployments"] if d["id"] == identity)
    stopped["rolloutState"], stopped["rolloutStateReason"] = "FAILED", f"{reason}."
    history.roll_back(service, identity, target, reason, now, moment)


def _find(reader: Reader, kind: str, arn: str) -> Document[ServiceDeploymentBody] | None:
    """The record of a service deployment or service revision (``kind``) by its ARN."""
    parts = arn.partition(f":{kind}/")[2].split("/")
    document = reader.get(tables.SERVICE_DEPLOYMENTS, *parts) if len(parts) == 3 else None
    if document is None or arn != history.arn(document.body["serviceArn"], kind, parts[-1]):
        return None
    return document


def _by_arn(
    reader: Reader, kind: str, arns: Sequence[str]
) -> tuple[list[ServiceDeploymentBody], list[FailureTypeDef]]:
    """The records of these ARNs, and a failure for each that does not exist."""
    if not 1 <= len(arns) <= MAX_DESCRIBED:
        raise base.invalid(f"{len(arns)} ARNs named: 1 to {MAX_DESCRIBED} are allowed")
    documents = {arn: _find(reader, kind, arn) for arn in arns}
    failures: list[FailureTypeDef] = [
        {"arn": arn, "reason": "MISSING"} for arn, d in documents.items() if d is None
    ]
    return [d.body for d in documents.values() if d is not None], failures


def _service(reader: Reader, body: ServiceDeploymentBody) -> Document[ServiceBody] | None:
    """The service that is or was deployed, unless it has been deleted."""
    return base.any_service(reader, cluster_of(body), body["serviceArn"])


def _revision(body: ServiceDeploymentBody) -> ServiceRevisionShown:
    return {
        "serviceRevisionArn": body["targetServiceRevisionArn"],
        "serviceArn": body["serviceArn"],
        "clusterArn": body["clusterArn"],
        "createdAt": body["createdAt"],
        **body["revision"],
    }


def _details(reader: Reader, body: ServiceDeploymentBody) -> ServiceDeploymentShown:
    service = _service(reader, body)
    deployments = service.body["deployments"] if service is not None else []
    by_number = {history.number(d["id"]): d for d in deployments}
    details = narrowed(ServiceDeploymentShown, body)
    details["sourceServiceRevisions"] = [
        _summary(arn, by_number) for arn in body["sourceServiceRevisionArns"]
    ]
    details["targetServiceRevision"] = _summary(body["targetServiceRevisionArn"], by_number)
    details["deploymentCircuitBreaker"] = _circuit_breaker(
        body, by_number.get(history.number(body["id"]))
    )
    return details


def _summary(
    revision_arn: str, by_number: Mapping[str, DeploymentBody]
) -> ServiceRevisionSummaryTypeDef:
    """A revision with the task counts of its deployment; 0 once that is gone."""
    deployment = by_number.get(history.number(revision_arn))
    return {
        "arn": revision_arn,
        "requestedTaskCount": deployment["desiredCount"] if deployment else 0,
        "runningTaskCount": deployment["runningCount"] if deployment else 0,
        "pendingTaskCount": deployment["pendingCount"] if deployment else 0,
    }


def _circuit_breaker(
    body: ServiceDeploymentBody, deployment: DeploymentBody | None
) -> CircuitBreakerShown:
    failed = deployment is not None and deployment["rolloutState"] == "FAILED"
    if not body["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]:
        status = "DISABLED"
    elif failed or body["status"].startswith("ROLLBACK"):
        status = "TRIGGERED"
    elif body["status"] in history.FINISHED:
        status = "MONITORING_COMPLETE"
    else:
        status = "MONITORING"
    return {
        "status": status,
        "failureCount": deployment["failedTasks"] if deployment else 0,
        "threshold": history.failure_limit(deployment["desiredCount"] if deployment else 0),
    }
