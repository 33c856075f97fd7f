"""Requests of ECS operations that the SDK's stubs do not describe exactly enough.

The stubs say what a boto3 caller may pass: any sequence, a datetime. The codec hands over what
arrived: lists, and seconds since the epoch. Where that difference does not matter, the operations
use the stubs' types (``types_boto3_ecs.type_defs``); the codec has validated every request.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, Required, TypedDict

from tealmesh.model.ecs.bodies import DefinitionSpec

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        DeploymentConfigurationOutputTypeDef,
        DeploymentControllerTypeDef,
        GatewayConnectorTypeDef,
        LoadBalancerTypeDef,
        NetworkConfigurationOutputTypeDef,
        PlacementConstraintTypeDef,
        PlacementStrategyTypeDef,
        ServiceConnectConfigurationTypeDef,
        ServiceRegistryTypeDef,
        ServiceVolumeConfigurationTypeDef,
        TagTypeDef,
        TaskOverrideOutputTypeDef,
        TaskVolumeConfigurationTypeDef,
        VpcLatticeConfigurationTypeDef,
    )


class PageRequest(TypedDict):
    """The members that every List operation has."""

    maxResults: NotRequired[int]
    nextToken: NotRequired[str]


class RegisterTaskDefinitionRequest(DefinitionSpec, total=False):
    """A task definition to register."""

    tags: list[TagTypeDef]


class ServiceOptions(TypedDict, total=False):
    """Members of CreateService and UpdateService that are stored as sent."""

    healthCheckGracePeriodSeconds: int
    enableECSManagedTags: bool
    enableExecuteCommand: bool
    propagateTags: str
    placementConstraints: list[PlacementConstraintTypeDef]
    placementStrategy: list[PlacementStrategyTypeDef]
    loadBalancers: list[LoadBalancerTypeDef]
    serviceRegistries: list[ServiceRegistryTypeDef]
    availabilityZoneRebalancing: str


class ServiceRequest(ServiceOptions, total=False):
    """What CreateService and UpdateService have in common."""

    cluster: str
    taskDefinition: str
    desiredCount: int
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    platformVersion: str
    networkConfiguration: NetworkConfigurationOutputTypeDef
    deploymentConfiguration: DeploymentConfigurationOutputTypeDef
    deploymentController: DeploymentControllerTypeDef
    serviceConnectConfiguration: ServiceConnectConfigurationTypeDef
    volumeConfigurations: list[ServiceVolumeConfigurationTypeDef]
    vpcLatticeConfigurations: list[VpcLatticeConfigurationTypeDef]
    gatewayConnectors: list[GatewayConnectorTypeDef]


class CreateServiceRequest(ServiceRequest, total=False):
    """A service to create."""

    serviceName: Required[str]
    clientToken: str
    launchType: str
    schedulingStrategy: str
    role: str
    tags: list[TagTypeDef]


class UpdateServiceRequest(ServiceRequest, total=False):
    """Changes to a service."""

    service: Required[str]
    forceNewDeployment: bool


class ListServiceDeploymentsRequest(TypedDict, total=False):
    """A list of a service's deployments."""

    service: Required[str]
    cluster: str
    status: list[str]
    createdAt: CreatedBetween
    maxResults: int
    nextToken: str


class CreatedBetween(TypedDict, total=False):
    """Bounds of a time of creation, in seconds since the epoch; both are included."""

    after: float
    before: float


class RunTaskRequest(TypedDict, total=False):
    """Tasks to run."""

    taskDefinition: Required[str]
    cluster: str
    count: int
    clientToken: str
    launchType: str
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    platformVersion: str
    networkConfiguration: NetworkConfigurationOutputTypeDef
    overrides: TaskOverrideOutputTypeDef
    group: str
    startedBy: str
    placementConstraints: list[PlacementConstraintTypeDef]
    placementStrategy: list[PlacementStrategyTypeDef]
    propagateTags: str
    enableECSManagedTags: bool
    enableExecuteCommand: bool
    referenceId: str
    tags: list[TagTypeDef]
    volumeConfigurations: list[TaskVolumeConfigurationTypeDef]
