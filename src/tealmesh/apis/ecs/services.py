"""Services and their deployments.

These operations only store what is wanted. The engine (`tealmesh.engine`) starts and stops tasks,
counts them, and completes deployments.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs import service_rules as rules
from tealmesh.apis.ecs.answers import ServiceAnswer, ServiceArnsAnswer, ServicesAnswer
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.ecs.load_balancer_rules import (
    check_load_balancer_ports,
    check_load_balancers,
    role_arn,
)
from tealmesh.apis.ecs.requests import CreateServiceRequest, ServiceOptions, UpdateServiceRequest
from tealmesh.apis.ecs.service_deployments import record
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.apis.requests import digest
from tealmesh.model.ecs.bodies import DeploymentBody, Launch, ServiceBody, TaskDefinitionBody
from tealmesh.model.ecs.clusters import ClusterBody
from tealmesh.model.ecs.limits import DESCRIBED_SERVICES
from tealmesh.model.ecs.members import narrowed
from tealmesh.model.ecs.origin import Origin
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Transaction, tables
from tealmesh.store.scaling import forget_target

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        DeleteServiceRequestTypeDef,
        DescribeServicesRequestTypeDef,
        ListServicesRequestTypeDef,
        NetworkConfigurationOutputTypeDef,
    )

_NEW_DEPLOYMENT = (
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "capacityProviderStrategy",
    "loadBalancers",
    "serviceRegistries",
)
"""A change to one of these members starts a new deployment:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
"""


_DEFAULT_OPTIONS: ServiceOptions = {
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "propagateTags": "NONE",
    "placementConstraints": [],
    "placementStrategy": [],
    "loadBalancers": [],
    "serviceRegistries": [],
}


class _Placement(TypedDict, total=False):
    """Members that a deployment copies from its service."""

    launchType: str
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    platformVersion: str
    platformFamily: str
    networkConfiguration: NetworkConfigurationOutputTypeDef


@dataclass(frozen=True)
class _Moment:
    """Time and identity for a change, taken before it runs."""

    now: float
    deployment_id: str


class Services(EcsBase):
    """The operations on services."""

    async def create_service(self, caller: Caller, request: CreateServiceRequest) -> ServiceAnswer:
        """Create a service with one deployment. A repeated request with the same ``clientToken``
        returns the service that the first one created.

        Raises InvalidParameterException if there is another service of that name.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
        """
        moment = self._moment()
        name = request["serviceName"]

        def change(tx: Transaction) -> ServiceAnswer:
            base.check_name("serviceName", name)
            rules.check_supported(request)
            cluster = base.find_cluster(tx, request.get("cluster")).body
            present = tx.get(tables.ECS_SERVICES, cluster["clusterName"], name)
            if present is not None and present.body["status"] != "INACTIVE":
                return {"service": _repeated(present, request)}
            if not request.get("taskDefinition"):
                raise base.client_error("TaskDefinition can not be blank.")
            body = self._new_service(caller, tx, cluster, request, moment)
            Origin(request.get("clientToken", ""), digest(request)).write(body)
            tx.put(tables.ECS_SERVICES, cluster["clusterName"], name, body=body)
            record(tx, body)
            return {"service": body}

        return await self._write(caller, "CreateService", change)

    def _new_service(
        self,
        caller: Caller,
        tx: Transaction,
        cluster: ClusterBody,
        request: CreateServiceRequest,
        moment: _Moment,
    ) -> ServiceBody:
        definition = base.usable_definition(tx, request["taskDefinition"])
        launched = _launched(tx, cluster, definition, request)
        name, balancers = request["serviceName"], request.get("loadBalancers", [])
        check_load_balancers(tx, definition, balancers)
        role = role_arn(self._account, definition, request.get("role", ""), balancers)
        body: ServiceBody = {
            "serviceArn": self._arn(caller, f"service/{cluster['clusterName']}/{name}"),
            "serviceName": name,
            "clusterArn": cluster["clusterArn"],
            "roleArn": role,
            "createdBy": self._principal(),
            "createdAt": moment.now,
            "taskDefinition": definition["taskDefinitionArn"],
            "desiredCount": rules.desired_count(request),
            "runningCount": 0,
            "pendingCount": 0,
            "status": "ACTIVE",
            "schedulingStrategy": request.get("schedulingStrategy", "REPLICA"),
            "deploymentController": {"type": "ECS"},
            "events": [],
            **_DEFAULT_OPTIONS,
            **launched,
            **rules.platform(launched, request.get("platformVersion")),
            "deploymentConfiguration": rules.deployment_configuration(
                rules.default_configuration(request), request.get("deploymentConfiguration")
            ),
            **rules.network(definition, request.get("networkConfiguration")),
            **narrowed(ServiceOptions, request),
            "tags": tagged([], request.get("tags", [])),
            "deployments": [],
            "teal": {},
        }
        body["deployments"] = [_deployment(body, moment)]
        return body

    async def update_service(self, caller: Caller, request: UpdateServiceRequest) -> ServiceAnswer:
        """Change a service. A change to what its tasks are made from, or ``forceNewDeployment``,
        starts a new deployment; any other only edits the service and its PRIMARY deployment.

        Raises ServiceNotFoundException and ServiceNotActiveException.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
        """
        moment = self._moment()

        def change(tx: Transaction) -> ServiceAnswer:
            rules.check_supported(request)
            cluster = base.find_cluster(tx, request.get("cluster")).body
            document = base.find_service(tx, cluster["clusterName"], request["service"])
            present = document.body
            if present["status"] != "ACTIVE":
                raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
            body = _updated(tx, cluster, present, request)
            changed = any(body.get(member) != present.get(member) for member in _NEW_DEPLOYMENT)
            if changed or request.get("forceNewDeployment"):
                base.usable_definition(tx, body["taskDefinition"])
                former: list[DeploymentBody] = [
                    {**deployment, "status": "ACTIVE"} for deployment in present["deployments"]
                ]
                body["deployments"] = [_deployment(body, moment), *former]
                record(tx, body)
            else:
                body["deployments"] = [
                    _scaled(deployment, body["desiredCount"], moment.now)
                    if deployment["status"] == "PRIMARY"
                    else deployment
                    for deployment in present["deployments"]
                ]
            return {"service": tx.replace(document, body).body}

        return await self._write(caller, "UpdateService", change)

    async def delete_service(
        self, caller: Caller, request: DeleteServiceRequestTypeDef
    ) -> ServiceAnswer:
        """Make a service DRAINING: the engine stops its tasks, then makes it INACTIVE. Its
        automatic scaling is deleted with it (https://github.com/eagletmt/hako/pull/69).

        Raises InvalidParameterException while tasks are desired, unless ``force`` is given.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
        """
        now = self._clock()

        def change(tx: Transaction) -> ServiceAnswer:
            cluster = base.find_cluster(tx, request.get("cluster")).body["clusterName"]
            document = base.find_service(tx, cluster, request["service"])
            body = document.body.copy()
            if body["status"] == "INACTIVE":
                raise AwsError("ServiceNotFoundException", "Service not found.")
            if body["status"] == "DRAINING":
                return {"service": body}
            daemon = body["schedulingStrategy"] == "DAEMON"
            if body["desiredCount"] > 0 and not daemon and not request.get("force"):
                raise base.invalid("The service cannot be stopped while it is scaled above 0.")
            body["status"], body["desiredCount"] = "DRAINING", 0
            body["deployments"] = [
                {**deployment, "desiredCount": 0, "updatedAt": now}
                for deployment in body["deployments"]
            ]
            forget_target(tx, cluster, body["serviceName"])
            return {"service": tx.replace(document, body).body}

        return await self._write(caller, "DeleteService", change)

    async def describe_services(
        self, caller: Caller, request: DescribeServicesRequestTypeDef
    ) -> ServicesAnswer:
        """Describe services by name or ARN, including inactive ones.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
        """
        view = self._store.view
        names = base.distinct("services", request["services"], DESCRIBED_SERVICES)
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        answer: ServicesAnswer = {"services": [], "failures": []}
        for text in names:
            document = base.any_service(view, cluster, text)
            if document is None:
                answer["failures"].append(self._missing(caller, f"service/{cluster}", text))
            else:
                service = base.shown(document.body, request.get("include", ()))
                answer["services"].append(service)
        return answer

    async def list_services(
        self, caller: Caller, request: ListServicesRequestTypeDef
    ) -> ServiceArnsAnswer:
        """List the ARNs of a cluster's active services.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html
        """
        view = self._store.view
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        launch_type = request.get("launchType")
        strategy = request.get("schedulingStrategy")
        management = request.get("resourceManagementType", "CUSTOMER")
        arns = {
            d.body["serviceName"]: d.body["serviceArn"]
            for d in view.list(tables.ECS_SERVICES, cluster)
            if d.body["status"] == "ACTIVE"
            and launch_type in (None, d.body.get("launchType"))
            and strategy in (None, d.body["schedulingStrategy"])
            and management == "CUSTOMER"
        }
        scope = (cluster, launch_type, strategy, management)
        listed, following = base.page("ListServices", arns, request, *scope)
        return {"serviceArns": listed, **following}

    def _moment(self) -> _Moment:
        # 19 digits, as in ECS's own ids.
        return _Moment(self._clock(), f"ecs-svc/{int(self._new_id(), 16) % 10**19:019d}")


def _launched(
    tx: Transaction,
    cluster: ClusterBody,
    definition: TaskDefinitionBody,
    request: CreateServiceRequest,
) -> Launch:
    """How to launch the tasks of a new service. Raises AwsError if its definition, placement or
    registries do not allow that.
    """
    strategy = request.get("capacityProviderStrategy")
    launched = rules.launch(cluster, request.get("launchType"), strategy)
    rules.check_compatible(definition, launched)
    rules.check_placement(request, launched)
    rules.check_registries(tx, definition, request.get("serviceRegistries", []))
    return launched


def _updated(
    tx: Transaction, cluster: ClusterBody, present: ServiceBody, request: UpdateServiceRequest
) -> ServiceBody:
    """The service as requested, with its deployments still unchanged."""
    body: ServiceBody = {**present, **narrowed(ServiceOptions, request)}
    launched = _relaunched(cluster, present, request)
    if launched is not None:
        body.pop("launchType", None)
        body.pop("capacityProviderStrategy", None)
        body = {**body, **launched}
    if "desiredCount" in request and present["schedulingStrategy"] != "DAEMON":
        body["desiredCount"] = request["desiredCount"]
    if request.get("deploymentConfiguration") is not None:
        body["deploymentConfiguration"] = rules.deployment_configuration(
            present["deploymentConfiguration"], request["deploymentConfiguration"]
        )
    definition = _definition(tx, present, request)
    body["taskDefinition"] = definition["taskDefinitionArn"]
    rules.check_compatible(definition, body)
    rules.check_placement(request, body)
    if "serviceRegistries" in request or "taskDefinition" in request:
        rules.check_registries(tx, definition, body["serviceRegistries"])
    if "loadBalancers" in request:
        check_load_balancers(tx, definition, request["loadBalancers"])
    else:
        check_load_balancer_ports(definition, present.get("loadBalancers", []))
    version = request.get("platformVersion") or present.get("platformVersion")
    network = request.get("networkConfiguration") or present.get("networkConfiguration")
    return {**body, **rules.platform(body, version), **rules.network(definition, network)}


def _relaunched(
    cluster: ClusterBody, present: ServiceBody, request: UpdateServiceRequest
) -> Launch | None:
    """How to launch tasks from now on, or None if that does not change. An empty strategy removes
    the present one, which leaves its launch type.
    """
    strategy = request.get("capacityProviderStrategy")
    if strategy:
        return rules.launch(cluster, None, strategy)
    if strategy is not None and "capacityProviderStrategy" in present:
        return {"launchType": "FARGATE" if rules.on_fargate(present) else "EC2"}
    return None


def _definition(
    tx: Transaction, present: ServiceBody, request: UpdateServiceRequest
) -> TaskDefinitionBody:
    if request.get("taskDefinition"):
        return base.usable_definition(tx, request["taskDefinition"])
    # The service may keep using a revision that has been deregistered.
    document = base.find_definition(tx, present["taskDefinition"])
    if document is None:
        raise base.client_error("TaskDefinition not found.")
    return document.body


def _deployment(service: ServiceBody, moment: _Moment) -> DeploymentBody:
    """A new PRIMARY deployment of the service."""
    deployment: DeploymentBody = {
        "id": moment.deployment_id,
        "status": "PRIMARY",
        "taskDefinition": service["taskDefinition"],
        "desiredCount": service["desiredCount"],
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": moment.now,
        "updatedAt": moment.now,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {moment.deployment_id} in progress.",
        **narrowed(_Placement, service),
    }
    if "platformVersion" in service:
        deployment["platformVersion"] = rules.resolved_platform(service["platformVersion"])
    return deployment


def _scaled(deployment: DeploymentBody, desired_count: int, now: float) -> DeploymentBody:
    if deployment["desiredCount"] == desired_count:
        return deployment
    return {**deployment, "desiredCount": desired_count, "updatedAt": now}


def _repeated(present: Document[ServiceBody], request: CreateServiceRequest) -> ServiceBody:
    """The present service, if this very request created it. Raises InvalidParameterException."""
    origin = Origin.of(present.body)
    if origin.token and origin == Origin(request.get("clientToken", ""), digest(request)):
        return present.body
    if present.body["status"] == "DRAINING":
        raise base.invalid("Unable to Start a service that is still Draining.")
    raise base.invalid("Creation of service was not idempotent.")
