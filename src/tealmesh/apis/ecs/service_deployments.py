"""Service deployments and service revisions: list, describe, and stop by rolling back.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.base import Answer, Body, EcsBase, Reader, Request
from tealmesh.model.caller import Caller
from tealmesh.model.ecs import deployments as history
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

KEPT = 50
"""Records of a service; ECS keeps those of 90 days."""

_SHOWN = (
    "serviceDeploymentArn",
    "serviceArn",
    "clusterArn",
    "createdAt",
    "startedAt",
    "finishedAt",
    "status",
    "statusReason",
)
_DETAILS = ("stoppedAt", "updatedAt", "lifecycleStage", "deploymentConfiguration", "rollback")


def record(tx: Transaction, service: Mapping[str, Any]) -> None:
    """Keep a record of the service's newest deployment; the oldest ones go."""
    cluster, name = base.cluster_name(service["clusterArn"]), service["serviceName"]
    definition = base.find_definition(tx, service["taskDefinition"])
    containers = definition.body["containerDefinitions"] if definition is not None else ()
    images = [{"containerName": c["name"], "image": c["image"]} for c in containers]
    body = history.new_record(service, images)
    tx.put(tables.SERVICE_DEPLOYMENTS, cluster, name, history.number(body["id"]), body=body)
    found = tx.list(tables.SERVICE_DEPLOYMENTS, cluster, name)
    for old in sorted(found, key=lambda d: -float(d.body["createdAt"]))[KEPT:]:
        tx.delete(tables.SERVICE_DEPLOYMENTS, cluster, name, history.number(old.body["id"]))


class ServiceDeployments(EcsBase):
    """The operations of service deployments."""

    async def list_service_deployments(self, caller: Caller, request: Request) -> Answer:
        """A service's deployments, the newest first, by status and time of creation."""
        view = self._store.view
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        service = base.find_service(view, cluster, request["service"]).body["serviceName"]
        statuses = request.get("status") or ()
        times = request.get("createdAt") or {}
        found = {
            f"{d.body['createdAt']:020.6f} {d.body['id']}": _brief(d.body)
            for d in view.list(tables.SERVICE_DEPLOYMENTS, cluster, service)
            if (not statuses or d.body["status"] in statuses)
            and times.get("after", 0) <= d.body["createdAt"]
            and d.body["createdAt"] <= times.get("before", float("inf"))
        }
        scope = (cluster, service, *sorted(statuses), str(sorted(times.items())))
        return base.paged(
            "ListServiceDeployments", "serviceDeployments", found, request, *scope, descending=True
        )

    async def describe_service_deployments(self, caller: Caller, request: Request) -> Answer:
        """Service deployments by ARN, 20 at most."""
        view = self._store.view
        found, failures = _by_arn(view, "service-deployment", request["serviceDeploymentArns"])
        return {
            "serviceDeployments": [_details(view, d.body) for d in found],
            "failures": failures,
        }

    async def describe_service_revisions(self, caller: Caller, request: Request) -> Answer:
        """Service revisions by ARN, 20 at most."""
        found, failures = _by_arn(
            self._store.view, "service-revision", request["serviceRevisionArns"]
        )
        revisions = [
            {
                "serviceRevisionArn": d.body["targetServiceRevisionArn"],
                "serviceArn": d.body["serviceArn"],
                "clusterArn": d.body["clusterArn"],
                "createdAt": d.body["createdAt"],
                **d.body["revision"],
            }
            for d in found
        ]
        return {"serviceRevisions": revisions, "failures": failures}

    async def stop_service_deployment(self, caller: Caller, request: Request) -> Answer:
        """Roll a deployment that is in progress back to the last one that was completed.

        Raises ServiceDeploymentNotFoundException, and ConflictException when it has ended or
        there is none to go back to.
        """
        named, now = request["serviceDeploymentArn"], self._clock()
        if request.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise base.invalid("stopType = 'ABORT': must be ROLLBACK: a half is not left standing")

        def change(tx: Transaction) -> Answer:
            document = _find(tx, "service-deployment", named)
            if document is None:
                text = f"There is no service deployment {named[:300]}."
                raise AwsError("ServiceDeploymentNotFoundException", text)
            owner = _service(tx, document.body)
            if document.body["status"] != "IN_PROGRESS" or owner is None:
                status = document.body["status"]
                raise AwsError("ConflictException", f"The service deployment is {status}.")
            service = copy.deepcopy(dict(owner.body))
            _stop(service, document.body["id"], now)
            tx.replace(owner, service)
            tx.replace(document, history.progressed(document.body, service, now))
            return {"serviceDeploymentArn": named}

        return await self._write(caller, "StopServiceDeployment", change)


def _stop(service: Body, identity: str, now: float) -> None:
    completed = (d["id"] for d in service["deployments"] if d["rolloutState"] == "COMPLETED")
    to = next(completed, None)
    if to is None:
        text = "The service has no completed deployment to roll back to."
        raise AwsError("ConflictException", text)
    reason = "Service deployment stopped by its user"
    own = next(d for d in service["deployments"] if d["id"] == identity)
    own |= {"rolloutState": "FAILED", "rolloutStateReason": f"{reason}."}
    history.roll_back(service, identity, to, reason, now)


def _find(reader: Reader, kind: str, text: str) -> Document | None:
    parts = text.partition(f":{kind}/")[2].split("/")
    document = reader.get(tables.SERVICE_DEPLOYMENTS, *parts) if len(parts) == 3 else None
    if document is None or text != history.arn(document.body["serviceArn"], kind, parts[-1]):
        return None
    return document


def _by_arn(reader: Reader, kind: str, named: list[str]) -> tuple[list[Document], list[Body]]:
    """What is found, and the failures of what is not."""
    if not 1 <= len(named) <= 20:
        raise base.invalid(f"{len(named)} ARNs are named: 1 to 20 are allowed")
    found = {text: _find(reader, kind, text) for text in named}
    missing = [{"arn": text, "reason": "MISSING"} for text, d in found.items() if d is None]
    return [d for d in found.values() if d is not None], missing


def _service(reader: Reader, body: Mapping[str, Any]) -> Document | None:
    cluster = base.cluster_name(body["clusterArn"])
    return base.any_service(reader, cluster, body["serviceArn"])


def _brief(body: Mapping[str, Any]) -> Body:
    shown = {member: body[member] for member in _SHOWN if member in body}
    return shown | {"targetServiceRevisionArn": body["targetServiceRevisionArn"]}


def _details(reader: Reader, body: Mapping[str, Any]) -> Body:
    service = _service(reader, body)
    deployments = service.body["deployments"] if service is not None else []
    counts = {history.number(d["id"]): d for d in deployments}
    shown = {member: body[member] for member in (*_SHOWN, *_DETAILS) if member in body}
    own = counts.get(history.number(body["id"]), {})
    return shown | {
        "sourceServiceRevisions": [
            _summary(arn, counts) for arn in body["sourceServiceRevisionArns"]
        ],
        "targetServiceRevision": _summary(body["targetServiceRevisionArn"], counts),
        "deploymentCircuitBreaker": _breaker(body, own),
    }


def _summary(arn: str, counts: Mapping[str, Mapping[str, Any]]) -> Body:
    own = counts.get(history.number(arn), {})
    return {
        "arn": arn,
        "requestedTaskCount": own.get("desiredCount", 0),
        "runningTaskCount": own.get("runningCount", 0),
        "pendingTaskCount": own.get("pendingCount", 0),
    }


def _breaker(body: Mapping[str, Any], own: Mapping[str, Any]) -> Body:
    breaker = body["deploymentConfiguration"]["deploymentCircuitBreaker"]
    ended = body["status"] in history.FINISHED
    status = "MONITORING_COMPLETE" if ended else "MONITORING"
    if own.get("rolloutState") == "FAILED" or body["status"].startswith("ROLLBACK"):
        status = "TRIGGERED"
    return {
        "status": status if breaker["enable"] else "DISABLED",
        "failureCount": own.get("failedTasks", 0),
        "threshold": history.failure_limit(own.get("desiredCount", 0)),
    }
