"""What a service must be, as CreateService and UpdateService check it. Pure but for reading.

What this machine cannot do (load balancers, Service Connect, task sets, …) is refused by name and
with the reason: better than to take and ignore it.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.base import Body, Reader, Request
from tealmesh.apis.ecs.clusters import CAPACITY_PROVIDERS, check_strategy
from tealmesh.model.arn import last_part
from tealmesh.model.errors import AwsError
from tealmesh.store import tables

PLATFORM_VERSIONS = ("LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")
NEWEST_PLATFORM = "1.4.0"

_REFUSED = {
    "loadBalancers": "there are no load balancers here; use a virtual gateway of the mesh",
    "vpcLatticeConfigurations": "there is no VPC Lattice here",
    "gatewayConnectors": "there are no ECS gateways here",
    "volumeConfigurations": "there are no EBS volumes here",
    "role": "it is for load balancers, and there are none here",
}
_REFUSED_DEPLOYMENT = {
    "lifecycleHooks": "use the gates of a deployment by `teal deploy`",
    "linearConfiguration": "use the steps of a deployment by `teal deploy`",
    "canaryConfiguration": "use the steps of a deployment by `teal deploy`",
    "earlySuccessCriteria": "only deployments until all tasks are ready are supported",
    "bakeTimeInMinutes": "use the bake time of a deployment by `teal deploy`",
}


def check_supported(request: Request) -> None:
    """Raise InvalidParameterException for members of Create- or UpdateService that mean nothing
    on one machine.
    """
    base.refuse_members(request, _REFUSED)
    if (request.get("serviceConnectConfiguration") or {}).get("enabled"):
        raise base.invalid(
            "serviceConnectConfiguration: not supported by Tealmesh: a mesh's virtual services"
            " do that"
        )
    controller = (request.get("deploymentController") or {}).get("type", "ECS")
    if controller != "ECS":
        raise base.invalid(
            f"deploymentController.type = {controller!r}: must be ECS; blue/green and canary"
            " deployments are made by `teal deploy`"
        )
    if request.get("schedulingStrategy", "REPLICA") != "REPLICA":
        raise base.invalid("schedulingStrategy = 'DAEMON': must be REPLICA: one machine, no hosts")
    _check_deployment(request.get("deploymentConfiguration") or {})
    if not 0 <= request.get("desiredCount", 0) <= 5000:
        raise base.invalid("desiredCount must be 0 to 5000.")
    if request.get("healthCheckGracePeriodSeconds", 0) < 0:
        raise base.invalid("healthCheckGracePeriodSeconds must not be negative.")


def _check_deployment(configuration: Mapping[str, Any]) -> None:
    strategy = configuration.get("strategy", "ROLLING")
    if strategy != "ROLLING":
        raise base.invalid(
            f"deploymentConfiguration.strategy = {strategy!r}: must be ROLLING; blue/green and"
            " canary deployments are made by `teal deploy`"
        )
    base.refuse_members(configuration, _REFUSED_DEPLOYMENT)
    if (configuration.get("alarms") or {}).get("enable"):
        raise base.invalid("deploymentConfiguration.alarms: not supported: there are no alarms")
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    for member in ("resetOnHealthyTask", "thresholdConfiguration"):
        if breaker.get(member):
            raise base.invalid(
                f"deploymentConfiguration.deploymentCircuitBreaker.{member}: not supported by"
                " Tealmesh: the limit is half the desired count, 3 to 200"
            )
    if breaker.get("rollback") and not breaker.get("enable"):
        raise base.invalid("Deployment circuit breaker: rollback needs enable to be true.")


def deployment_configuration(present: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Body:
    """``present`` with the members that were sent; ECS's defaults for what nobody has set."""
    merged = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        **present,
        **(sent or {}),
        "strategy": "ROLLING",
    }
    least, most = merged["minimumHealthyPercent"], merged["maximumPercent"]
    if not 0 <= least <= 100:
        raise base.invalid("minimumHealthyPercent must be 0 to 100.")
    if most < 100:
        raise base.invalid("maximumPercent must be 100 or more.")
    if least == most == 100:
        raise base.invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block"
            " deployments."
        )
    return merged


def launch(cluster: Mapping[str, Any], request: Request) -> Body:
    """``launchType`` or ``capacityProviderStrategy``: as sent, else the cluster's default
    strategy, else EC2, which is this machine like all others.
    """
    strategy = request.get("capacityProviderStrategy")
    launch_type = request.get("launchType")
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


def on_fargate(launched: Mapping[str, Any]) -> bool:
    """Whether tasks run on Fargate, by launch type or by strategy."""
    strategy = launched.get("capacityProviderStrategy") or ()
    return launched.get("launchType") == "FARGATE" or any(
        item["capacityProvider"] in CAPACITY_PROVIDERS for item in strategy
    )


def platform(launched: Mapping[str, Any], version: str | None) -> Body:
    """``platformVersion`` and ``platformFamily``: on Fargate only.

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
    """The version that LATEST is."""
    return NEWEST_PLATFORM if version == "LATEST" else version


def network(definition: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Body:
    """``networkConfiguration`` with its defaults: for awsvpc, and for nothing else."""
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
    for member, most in (("subnets", 16), ("securityGroups", 5)):
        count = len(awsvpc.get(member, ()))
        if count > most or (member == "subnets" and not count):
            raise base.invalid(f"{member} must have {int(member == 'subnets')} to {most} members.")
    filled = {"securityGroups": [], "assignPublicIp": "DISABLED", **awsvpc}
    return {"networkConfiguration": {"awsvpcConfiguration": filled}}


def check_compatible(definition: Mapping[str, Any], launched: Mapping[str, Any]) -> None:
    """Raise InvalidParameterException when the definition cannot run where it should."""
    if on_fargate(launched) and "FARGATE" not in definition["compatibilities"]:
        raise base.invalid("Task definition does not support launch_type FARGATE.")


def check_registries(
    reader: Reader, definition: Mapping[str, Any], registries: Sequence[Mapping[str, Any]]
) -> None:
    """Raise InvalidParameterException unless each registry is a Cloud Map service that the
    definition's containers can be registered in.
    """
    if len(registries) > 1:
        raise base.invalid("serviceRegistries: at most 1 service registry is allowed.")
    containers = {c["name"]: c for c in definition["containerDefinitions"]}
    for registry in registries:
        arn = registry.get("registryArn", "")
        document = reader.get(tables.SD_SERVICES, last_part(arn))
        if document is None or document.body["wire"]["Arn"] != arn:
            raise base.invalid(f"registryArn = {arn!r}: there is no such Cloud Map service.")
        container, port = registry.get("containerName"), registry.get("containerPort")
        if (container is None) != (port is None):
            raise base.invalid("containerName and containerPort must be given together.")
        if container is not None:
            mappings = containers.get(container, {}).get("portMappings", ())
            if all(mapping.get("containerPort") != port for mapping in mappings):
                raise base.invalid(
                    f"The container {container} did not have a container port {port} defined."
                )
            if registry.get("port") is not None:
                raise base.invalid("port and containerPort must not be given together.")
        records = (document.body["wire"].get("DnsConfig") or {}).get("DnsRecords", ())
        if any(r["Type"] == "SRV" for r in records) and not (port or registry.get("port")):
            raise base.invalid(
                "A service registry with SRV records needs port, or containerName and"
                " containerPort."
            )


def check_placement(request: Request, launched: Mapping[str, Any]) -> None:
    """Raise InvalidParameterException for placement on Fargate."""
    if on_fargate(launched):
        for member in ("placementConstraints", "placementStrategy"):
            if request.get(member):
                raise base.invalid(f"{member} is not supported with FARGATE launch type.")
