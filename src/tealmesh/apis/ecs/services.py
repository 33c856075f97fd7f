"""Services and their deployments.

These operations only say what is wanted; the engine (`tealmesh.engine`) starts and stops tasks,
counts them and ends deployments.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs import service_rules as rules
from tealmesh.apis.ecs.base import Answer, Body, EcsBase, Request
from tealmesh.apis.ecs.service_deployments import record
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

_STORED = (
    "healthCheckGracePeriodSeconds",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "propagateTags",
    "placementConstraints",
    "placementStrategy",
    "serviceRegistries",
    "availabilityZoneRebalancing",
)
"""Members that are kept as they are sent."""

_DEFAULTS: Mapping[str, Any] = {
    "status": "ACTIVE",
    "runningCount": 0,
    "pendingCount": 0,
    "loadBalancers": [],
    "serviceRegistries": [],
    "placementConstraints": [],
    "placementStrategy": [],
    "events": [],
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "enableExecuteCommand": False,
}
"""What a new service is unless its request says otherwise."""

_NEW_DEPLOYMENT = (
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "capacityProviderStrategy",
    "serviceRegistries",
)
"""Members of a service a change of which makes a new deployment:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
"""


@dataclass(frozen=True)
class _Moment:
    """What a change needs from outside, taken before it runs."""

    now: float
    deployment: str


class Services(EcsBase):
    """The operations of services."""

    async def create_service(self, caller: Caller, request: Request) -> Answer:
        """Create a service with one PRIMARY deployment.

        Raises InvalidParameterException when there is one of that name; an earlier request with
        the same ``clientToken`` is answered again.
        """
        moment = self._moment()
        name = request["serviceName"]

        def change(tx: Transaction) -> Answer:
            base.check_name("serviceName", name)
            rules.check_supported(request)
            cluster = base.find_cluster(tx, request.get("cluster"))
            present = tx.get(tables.ECS_SERVICES, cluster.body["clusterName"], name)
            if present is not None and present.body["status"] != "INACTIVE":
                return {"service": _repeated(present, request)}
            if not request.get("taskDefinition"):
                raise base.client_error("TaskDefinition can not be blank.")
            body = self._new_service(caller, tx, cluster.body, request, moment)
            tx.put(tables.ECS_SERVICES, cluster.body["clusterName"], name, body=body)
            record(tx, body)
            return {"service": body}

        return await self._write(caller, "CreateService", change)

    def _new_service(
        self,
        caller: Caller,
        tx: Transaction,
        cluster: Mapping[str, Any],
        request: Request,
        moment: _Moment,
    ) -> Body:
        definition = base.usable_definition(tx, request["taskDefinition"])
        launched = rules.launch(cluster, request)
        rules.check_compatible(definition, launched)
        rules.check_placement(request, launched)
        rules.check_registries(tx, definition, request.get("serviceRegistries", ()))
        body: Body = {
            **self._identity(caller, cluster["clusterName"], request["serviceName"]),
            **_DEFAULTS,
            "clusterArn": cluster["clusterArn"],
            "desiredCount": request.get("desiredCount", 1),
            **launched,
            **rules.platform(launched, request.get("platformVersion")),
            "taskDefinition": definition["taskDefinitionArn"],
            "deploymentConfiguration": rules.deployment_configuration(
                {}, request.get("deploymentConfiguration")
            ),
            **rules.network(definition, request.get("networkConfiguration")),
            "createdAt": moment.now,
            **{member: request[member] for member in _STORED if member in request},
            "tags": tagged([], request.get("tags", ())),
            "teal": {"token": request.get("clientToken", ""), "request": _digest(request)},
        }
        body["deployments"] = [_deployment(body, moment)]
        return body

    def _identity(self, caller: Caller, cluster: str, name: str) -> Body:
        role = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        return {
            "serviceArn": self._arn(caller, f"service/{cluster}/{name}"),
            "serviceName": name,
            "roleArn": f"arn:aws:iam::{self._account}:{role}",
            "createdBy": self._principal(caller),
        }

    async def update_service(self, caller: Caller, request: Request) -> Answer:
        """Change a service; what tasks are made from or ``forceNewDeployment`` makes a new
        deployment, all else edits the service and its PRIMARY one.

        Raises ServiceNotFoundException and ServiceNotActiveException.
        """
        moment = self._moment()

        def change(tx: Transaction) -> Answer:
            rules.check_supported(request)
            cluster = base.find_cluster(tx, request.get("cluster"))
            document = base.find_service(tx, cluster.body["clusterName"], request["service"])
            if document.body["status"] != "ACTIVE":
                raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
            body = _updated(tx, cluster.body, document.body, request)
            changed = [m for m in _NEW_DEPLOYMENT if body.get(m) != document.body.get(m)]
            if changed or request.get("forceNewDeployment"):
                base.usable_definition(tx, body["taskDefinition"])
                former = [{**d, "status": "ACTIVE"} for d in body["deployments"]]
                body["deployments"] = [_deployment(body, moment), *former]
                record(tx, body)
            else:
                body["deployments"] = [
                    _edited(d, body, moment.now) if d["status"] == "PRIMARY" else d
                    for d in body["deployments"]
                ]
            return {"service": tx.replace(document, body).body}

        return await self._write(caller, "UpdateService", change)

    async def delete_service(self, caller: Caller, request: Request) -> Answer:
        """Let a service drain: the engine stops its tasks and makes it INACTIVE.

        Raises InvalidParameterException while tasks are wanted, unless ``force`` is given.
        """
        now = self._clock()

        def change(tx: Transaction) -> Answer:
            cluster = base.find_cluster(tx, request.get("cluster"))
            document = base.find_service(tx, cluster.body["clusterName"], request["service"])
            body = dict(document.body)
            if body["status"] == "INACTIVE":
                raise AwsError("ServiceNotFoundException", "Service not found.")
            if body["status"] == "DRAINING":
                return {"service": body}
            if body["desiredCount"] > 0 and not request.get("force"):
                raise base.invalid("The service cannot be stopped while it is scaled above 0.")
            body |= {"status": "DRAINING", "desiredCount": 0}
            body["deployments"] = [
                {**d, "desiredCount": 0, "updatedAt": now} for d in body["deployments"]
            ]
            return {"service": tx.replace(document, body).body}

        return await self._write(caller, "DeleteService", change)

    async def describe_services(self, caller: Caller, request: Request) -> Answer:
        """Services by name or ARN, the inactive ones too; 10 at most."""
        view, wanted = self._store.view, request["services"]
        if not wanted:
            raise base.invalid("Services cannot be empty.")
        if len(wanted) > 10:
            raise base.invalid(f"services: {len(wanted)} are named: at most 10 are allowed")
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        found: list[Body] = []
        failures = []
        for text in dict.fromkeys(wanted):
            document = base.any_service(view, cluster, text)
            if document is None:
                named = self._arn(caller, f"service/{cluster}/{text}")
                arn = text if text.startswith("arn:") else named
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(base.shown(document.body, request.get("include", ())))
        return {"services": found, "failures": failures}

    async def list_services(self, caller: Caller, request: Request) -> Answer:
        """The ARNs of a cluster's active services."""
        view = self._store.view
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        launch_type = request.get("launchType")
        strategy = request.get("schedulingStrategy")
        management = request.get("resourceManagementType", "CUSTOMER")
        found = {
            d.body["serviceName"]: d.body["serviceArn"]
            for d in view.list(tables.ECS_SERVICES, cluster)
            if d.body["status"] == "ACTIVE"
            and launch_type in (None, d.body.get("launchType"))
            and strategy in (None, d.body["schedulingStrategy"])
            and management == "CUSTOMER"
        }
        return base.paged(
            "ListServices",
            "serviceArns",
            found,
            request,
            cluster,
            launch_type,
            strategy,
            management,
        )

    def _moment(self) -> _Moment:
        # 19 digits, as ECS's own ids have
        return _Moment(self._clock(), f"ecs-svc/{int(self._new_id(), 16) % 10**19:019d}")


def _updated(
    tx: Transaction, cluster: Mapping[str, Any], present: Mapping[str, Any], request: Request
) -> Body:
    """The service as it shall be, its deployments still as they are."""
    body = {**present, **{member: request[member] for member in _STORED if member in request}}
    launched: Mapping[str, Any] = present
    strategy = request.get("capacityProviderStrategy")
    if strategy or (strategy is not None and "capacityProviderStrategy" in present):
        body.pop("launchType", None)
        body.pop("capacityProviderStrategy", None)
        # An empty strategy takes the present one away: what is left is its launch type.
        kind = "FARGATE" if rules.on_fargate(present) else "EC2"
        launched = rules.launch(cluster, request) if strategy else {"launchType": kind}
    body |= {m: launched[m] for m in ("launchType", "capacityProviderStrategy") if m in launched}
    if "desiredCount" in request:
        body["desiredCount"] = request["desiredCount"]
    if request.get("deploymentConfiguration") is not None:
        body["deploymentConfiguration"] = rules.deployment_configuration(
            present["deploymentConfiguration"], request["deploymentConfiguration"]
        )
    definition = _definition(tx, present, request)
    body["taskDefinition"] = definition["taskDefinitionArn"]
    rules.check_compatible(definition, launched)
    rules.check_placement(request, launched)
    if "serviceRegistries" in request or "taskDefinition" in request:
        rules.check_registries(tx, definition, body["serviceRegistries"])
    version = request.get("platformVersion") or present.get("platformVersion")
    body |= rules.platform(launched, version)
    sent = request.get("networkConfiguration") or present.get("networkConfiguration")
    return body | rules.network(definition, sent)


def _definition(tx: Transaction, present: Mapping[str, Any], request: Request) -> Body:
    if request.get("taskDefinition"):
        return base.usable_definition(tx, request["taskDefinition"])
    # A service may go on with a revision that was deregistered since.
    document = base.find_definition(tx, present["taskDefinition"])
    if document is None:
        raise base.client_error("TaskDefinition not found.")
    return dict(document.body)


def _deployment(service: Mapping[str, Any], moment: _Moment) -> Body:
    """A new PRIMARY deployment of the service as it stands."""
    body: Body = {
        "id": moment.deployment,
        "status": "PRIMARY",
        "taskDefinition": service["taskDefinition"],
        "desiredCount": service["desiredCount"],
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": moment.now,
        "updatedAt": moment.now,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {moment.deployment} in progress.",
    }
    for member in (
        "launchType",
        "capacityProviderStrategy",
        "platformFamily",
        "networkConfiguration",
    ):
        if member in service:
            body[member] = service[member]
    if "platformVersion" in service:
        body["platformVersion"] = rules.resolved_platform(service["platformVersion"])
    return body


def _edited(deployment: Body, service: Mapping[str, Any], now: float) -> Body:
    if deployment["desiredCount"] == service["desiredCount"]:
        return deployment
    return {**deployment, "desiredCount": service["desiredCount"], "updatedAt": now}


def _repeated(present: Document, request: Request) -> Body:
    """The service that is there, when this is the request that made it."""
    teal = present.body["teal"]
    token = request.get("clientToken")
    if token and teal.get("token") == token and teal.get("request") == _digest(request):
        return dict(present.body)
    if present.body["status"] == "DRAINING":
        raise base.invalid("Unable to Start a service that is still Draining.")
    raise base.invalid("Creation of service was not idempotent.")


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
