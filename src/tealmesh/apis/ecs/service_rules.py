"""The rules that CreateService, UpdateService and RunTask check a request by.

Features that one machine cannot offer (Service Connect, task sets, …) are refused by name and with
the reason, not accepted and ignored. Nothing is written here.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, TypedDict

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.capacity_providers import FARGATE, check_strategy
from tealmesh.apis.ecs.requests import CreateServiceRequest, UpdateServiceRequest
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.bodies import DefinitionSpec, Launch, TaskDefinitionBody
from tealmesh.model.ecs.clusters import ClusterBody
from tealmesh.model.errors import AwsError
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AwsVpcConfigurationOutputTypeDef,
        CapacityProviderStrategyItemTypeDef,
        DeploymentConfigurationOutputTypeDef,
        NetworkConfigurationOutputTypeDef,
        ServiceRegistryTypeDef,
    )

PLATFORM_VERSIONS = ("LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")
NEWEST_PLATFORM = "1.4.0"
"""What LATEST stands for."""

REFUSED = {
    "vpcLatticeConfigurations": "there is no VPC Lattice here",
    "gatewayConnectors": "there are no ECS gateways here",
    "volumeConfigurations": "there are no EBS volumes here",
    "monitoring": "metrics of services have one resolution here",
}
"""Members of CreateService and UpdateService -> why they are refused."""
REFUSED_DEPLOYMENT = {
    "lifecycleHooks": "use the gates of `teal deploy`",
    "linearConfiguration": "use the steps of `teal deploy`",
    "canaryConfiguration": "use the steps of `teal deploy`",
    "earlySuccessCriteria": "a deployment succeeds only when all its tasks are ready",
    "bakeTimeInMinutes": "use the bake time of `teal deploy`",
}


class Platform(TypedDict, total=False):
    """The platform that tasks run on; empty on EC2."""

    platformVersion: str
    platformFamily: str


class Network(TypedDict, total=False):
    """The network of a service or task; empty unless its network mode is awsvpc."""

    networkConfiguration: NetworkConfigurationOutputTypeDef


def check_supported(request: CreateServiceRequest | UpdateServiceRequest) -> None:
    """Raise InvalidParameterException for members that have no meaning on one machine."""
    base.refuse_members(request, REFUSED)
    service_connect = request.get("serviceConnectConfiguration")
    if service_connect and service_connect.get("enabled"):
        raise base.invalid(
            "serviceConnectConfiguration: not supported by Tealmesh: a mesh's virtual services"
            " do that"
        )
    controller = request.get("deploymentController")
    if controller and controller["type"] != "ECS":
        raise base.invalid(
            f"deploymentController.type = {controller['type']!r}: must be ECS; use `teal deploy`"
            " for blue/green and canary deployments"
        )
    _check_deployment(request.get("deploymentConfiguration") or {})
    if not 0 <= (count := request.get("desiredCount", 0)) <= 5000:
        raise base.invalid(f"desiredCount = {count}: must be 0 to 5000")
    if (grace := request.get("healthCheckGracePeriodSeconds", 0)) < 0:
        raise base.invalid(f"healthCheckGracePeriodSeconds = {grace}: must not be negative")


def _check_deployment(configuration: DeploymentConfigurationOutputTypeDef) -> None:
    strategy = configuration.get("strategy", "ROLLING")
    if strategy != "ROLLING":
        raise base.invalid(
            f"deploymentConfiguration.strategy = {strategy!r}: must be ROLLING; use `teal deploy`"
            " for blue/green and canary deployments"
        )
    base.refuse_members(configuration, REFUSED_DEPLOYMENT)
    breaker = configuration.get("deploymentCircuitBreaker")
    if breaker is None:
        return
    for member in ("resetOnHealthyTask", "thresholdConfiguration"):
        if breaker.get(member):
            raise base.invalid(
                f"deploymentConfiguration.deploymentCircuitBreaker.{member}: not supported by"
                " Tealmesh: the limit is half the desired count, 3 to 200"
            )
    if breaker.get("rollback") and not breaker.get("enable"):
        raise base.invalid("Deployment circuit breaker: rollback needs enable to be true.")


def desired_count(request: CreateServiceRequest) -> int:
    """How many tasks a new service wants. A daemon has one on each container instance, and this
    machine is the only one; what is sent is ignored, as in ECS.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
    """
    if request.get("schedulingStrategy") == "DAEMON":
        return 1
    return request.get("desiredCount", 1)


def default_configuration(
    request: CreateServiceRequest,
) -> DeploymentConfigurationOutputTypeDef:
    """What a new service's deployments begin with.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    """
    if request.get("schedulingStrategy") == "DAEMON":
        return {"maximumPercent": 100, "minimumHealthyPercent": 0}
    return {}


def deployment_configuration(
    present: DeploymentConfigurationOutputTypeDef,
    sent: DeploymentConfigurationOutputTypeDef | None,
) -> DeploymentConfigurationOutputTypeDef:
    """``present`` with the members ``sent``; the rest are ECS's defaults.

    Raises InvalidParameterException.
    """
    merged: DeploymentConfigurationOutputTypeDef = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        **present,
        **(sent or {}),
        "strategy": "ROLLING",
    }
    least, most = merged["minimumHealthyPercent"], merged["maximumPercent"]
    if not 0 <= least <= 100:
        raise base.invalid(f"minimumHealthyPercent = {least}: must be 0 to 100")
    if most < 100:
        raise base.invalid(f"maximumPercent = {most}: must be 100 or more")
    if least == most == 100:
        raise base.invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block"
            " deployments."
        )
    return merged


def launch(
    cluster: ClusterBody,
    launch_type: str | None,
    strategy: Sequence[CapacityProviderStrategyItemTypeDef] | None,
) -> Launch:
    """How to launch tasks: as requested, else by the cluster's default strategy, else on EC2
    (this machine, as is everything else). Raises InvalidParameterException.
    """
    if launch_type and strategy:
        raise base.invalid(
            "Specifying both a launch type and capacity provider strategy is not supported."
            " Remove one and try again."
        )
    if launch_type:
        if launch_type not in ("FARGATE", "EC2"):
            raise base.invalid(f"launchType = {launch_type!r}: must be FARGATE or EC2")
        return {"launchType": launch_type}
    if strategy:
        return {"capacityProviderStrategy": check_strategy(strategy, cluster["capacityProviders"])}
    if cluster["defaultCapacityProviderStrategy"]:
        return {"capacityProviderStrategy": cluster["defaultCapacityProviderStrategy"]}
    return {"launchType": "EC2"}


def on_fargate(launched: Launch) -> bool:
    """Whether tasks run on Fargate, by launch type or by strategy."""
    return launched.get("launchType") == "FARGATE" or any(
        item["capacityProvider"] in FARGATE for item in launched.get("capacityProviderStrategy", [])
    )


def platform(launched: Launch, version: str | None) -> Platform:
    """The platform of this version, by default LATEST.

    Raises PlatformUnknownException, and InvalidParameterException for a version on EC2.
    """
    if not on_fargate(launched):
        if version:
            raise base.invalid(
                "The platform version must be null when specifying an EC2 launch type."
            )
        return {}
    if version and version not in PLATFORM_VERSIONS:
        raise AwsError("PlatformUnknownException", "The specified platform does not exist.")
    return {"platformVersion": version or "LATEST", "platformFamily": "Linux"}


def resolved_platform(version: str) -> str:
    """The version that ``version`` stands for."""
    return NEWEST_PLATFORM if version == "LATEST" else version


def network(definition: DefinitionSpec, sent: NetworkConfigurationOutputTypeDef | None) -> Network:
    """The network configuration with its defaults: required with awsvpc, refused otherwise.

    Raises InvalidParameterException.
    """
    awsvpc = (sent or {}).get("awsvpcConfiguration")
    if definition["networkMode"] != "awsvpc":
        if awsvpc:
            raise base.invalid(
                "Network Configuration is not valid for the given networkMode of this task"
                " definition."
            )
        return {}
    if not awsvpc:
        raise base.invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    if not 1 <= len(awsvpc.get("subnets", [])) <= 16:
        raise base.invalid("subnets must have 1 to 16 members.")
    if len(awsvpc.get("securityGroups", [])) > 5:
        raise base.invalid("securityGroups must have 0 to 5 members.")
    defaulted: AwsVpcConfigurationOutputTypeDef = {
        "securityGroups": [],
        "assignPublicIp": "DISABLED",
        **awsvpc,
    }
    return {"networkConfiguration": {"awsvpcConfiguration": defaulted}}


def check_compatible(definition: TaskDefinitionBody, launched: Launch) -> None:
    """Raise InvalidParameterException if the definition cannot be launched that way."""
    if on_fargate(launched) and "FARGATE" not in definition["compatibilities"]:
        raise base.invalid("Task definition does not support launch_type FARGATE.")


def check_registries(
    reader: Reader, definition: TaskDefinitionBody, registries: Sequence[ServiceRegistryTypeDef]
) -> None:
    """Raise InvalidParameterException unless there is at most one registry, a Cloud Map service
    that the definition's containers can be registered in.
    """
    if len(registries) > 1:
        raise base.invalid("serviceRegistries: at most 1 service registry is allowed.")
    for registry in registries:
        arn = registry.get("registryArn", "")
        service = reader.get(tables.SD_SERVICES, last_part(arn))
        if service is None or service.body["wire"]["Arn"] != arn:
            raise base.invalid(f"registryArn = {arn!r}: there is no such Cloud Map service.")
        dns = service.body["wire"].get("DnsConfig")
        records = {record["Type"] for record in (dns["DnsRecords"] if dns else ())}
        _check_registry_port(definition, registry, records)


def _check_registry_port(
    definition: TaskDefinitionBody, registry: ServiceRegistryTypeDef, records: Set[str]
) -> None:
    """Only SRV records have a port: with them a registry needs one, with A and AAAA records alone a
    container's port is refused.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRegistry.html
    https://github.com/umotif-public/terraform-aws-ecs-fargate/issues/25
    """
    name, port = registry.get("containerName"), registry.get("containerPort")
    if records and "SRV" not in records and port is not None:
        raise base.invalid(
            "The values specified for serviceRegistries do not require a value for"
            " 'containerPort'. Remove the value and retry."
        )
    if port is not None and registry.get("port") is not None:
        raise base.invalid("port and containerPort must not be given together.")
    if port is not None and name is None:
        raise base.invalid("containerPort needs containerName: the container whose port it is.")
    if "SRV" in records and port is None and registry.get("port") is None:
        raise base.invalid(
            "A service registry with SRV records needs port, or containerName and containerPort."
        )
    if port is None:
        return
    ports = [
        mapping.get("containerPort")
        for container in definition["containerDefinitions"]
        if container["name"] == name
        for mapping in container.get("portMappings", [])
    ]
    if port not in ports:
        raise base.invalid(f"The container {name} did not have a container port {port} defined.")


def check_placement(request: Mapping[str, object], launched: Launch) -> None:
    """Raise InvalidParameterException for placement constraints, strategies or daemons on
    Fargate, and for a daemon's placement strategy.
    """
    daemon = request.get("schedulingStrategy") == "DAEMON"
    if daemon and request.get("placementStrategy"):
        raise base.invalid("placementStrategy is not supported with the DAEMON strategy.")
    if on_fargate(launched):
        if daemon:
            raise base.invalid("The DAEMON scheduling strategy is not supported on Fargate.")
        for member in ("placementConstraints", "placementStrategy"):
            if request.get(member):
                raise base.invalid(f"{member} is not supported with FARGATE launch type.")
