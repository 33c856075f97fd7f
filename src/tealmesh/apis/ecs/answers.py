"""Answers of ECS operations.

They are types of our own because times are seconds since the epoch here and because the stubs'
answers carry boto3's ``ResponseMetadata``. The codec writes only the members that botocore's
model has, so a stored body is answered as it is.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Required, TypedDict

from tealmesh.model.ecs.bodies import (
    RollbackBody,
    ServiceBody,
    ServiceRevisionBody,
    TaskBody,
    TaskDefinitionBody,
)
from tealmesh.model.ecs.clusters import CapacityProviderBody, ClusterBody

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        DeploymentConfigurationOutputTypeDef,
        FailureTypeDef,
        KeyValuePairTypeDef,
        ServiceRevisionSummaryTypeDef,
        TagTypeDef,
    )


class NoAnswer(TypedDict):
    """Success, and nothing to say."""


class NextPage(TypedDict, total=False):
    """The token of the next page; absent on the last."""

    nextToken: str


class ClusterShown(ClusterBody, total=False):
    """A cluster, with its services and tasks counted."""

    activeServicesCount: int
    runningTasksCount: int
    pendingTasksCount: int
    statistics: list[KeyValuePairTypeDef]


class ClusterAnswer(TypedDict):
    """One cluster."""

    cluster: ClusterShown


class ClustersAnswer(TypedDict):
    """Clusters, and the names of those that do not exist."""

    clusters: list[ClusterShown]
    failures: list[FailureTypeDef]


class ClusterArnsAnswer(NextPage):
    """A page of clusters."""

    clusterArns: Required[list[str]]


class CapacityProviderAnswer(TypedDict):
    """One capacity provider."""

    capacityProvider: CapacityProviderBody


class CapacityProvidersAnswer(NextPage):
    """A page of capacity providers, and the names of those that do not exist."""

    capacityProviders: Required[list[CapacityProviderBody]]
    failures: Required[list[FailureTypeDef]]


class DefinitionAnswer(TypedDict, total=False):
    """One task definition."""

    taskDefinition: Required[TaskDefinitionBody]
    tags: list[TagTypeDef]
    """Absent unless asked for."""


class DefinitionsAnswer(TypedDict):
    """Task definitions, and those that could not be deleted."""

    taskDefinitions: list[TaskDefinitionBody]
    failures: list[FailureTypeDef]


class DefinitionArnsAnswer(NextPage):
    """A page of task definitions."""

    taskDefinitionArns: Required[list[str]]


class FamiliesAnswer(NextPage):
    """A page of families."""

    families: Required[list[str]]


class ServiceAnswer(TypedDict):
    """One service."""

    service: ServiceBody


class ServicesAnswer(TypedDict):
    """Services, and the names of those that do not exist."""

    services: list[ServiceBody]
    failures: list[FailureTypeDef]


class ServiceArnsAnswer(NextPage):
    """A page of services."""

    serviceArns: Required[list[str]]


class ServiceDeploymentMembers(TypedDict, total=False):
    """What a service deployment shows in a list and on its own."""

    serviceDeploymentArn: str
    serviceArn: str
    clusterArn: str
    createdAt: float
    startedAt: float
    finishedAt: float
    status: str
    statusReason: str


class ServiceDeploymentBrief(ServiceDeploymentMembers, total=False):
    """A service deployment in a list."""

    targetServiceRevisionArn: str


class CircuitBreakerShown(TypedDict):
    """The deployment circuit breaker of a service deployment."""

    status: str
    failureCount: int
    threshold: int


class ServiceDeploymentShown(ServiceDeploymentMembers, total=False):
    """A service deployment in detail."""

    stoppedAt: float
    updatedAt: float
    lifecycleStage: str
    deploymentConfiguration: DeploymentConfigurationOutputTypeDef
    rollback: RollbackBody
    sourceServiceRevisions: list[ServiceRevisionSummaryTypeDef]
    targetServiceRevision: ServiceRevisionSummaryTypeDef
    deploymentCircuitBreaker: CircuitBreakerShown


class ServiceDeploymentListAnswer(NextPage):
    """A page of service deployments."""

    serviceDeployments: Required[list[ServiceDeploymentBrief]]


class ServiceDeploymentsAnswer(TypedDict):
    """Service deployments, and the ARNs of those that do not exist."""

    serviceDeployments: list[ServiceDeploymentShown]
    failures: list[FailureTypeDef]


class ServiceDeploymentArnAnswer(TypedDict):
    """The service deployment that is stopped."""

    serviceDeploymentArn: str


class ServiceRevisionShown(ServiceRevisionBody, total=False):
    """A service revision."""

    serviceRevisionArn: Required[str]
    serviceArn: Required[str]
    clusterArn: Required[str]
    createdAt: Required[float]


class ServiceRevisionsAnswer(TypedDict):
    """Service revisions, and the ARNs of those that do not exist."""

    serviceRevisions: list[ServiceRevisionShown]
    failures: list[FailureTypeDef]


class TaskAnswer(TypedDict):
    """One task."""

    task: TaskBody


class TasksAnswer(TypedDict):
    """Tasks, and the names of those that do not exist."""

    tasks: list[TaskBody]
    failures: list[FailureTypeDef]


class TaskArnsAnswer(NextPage):
    """A page of tasks."""

    taskArns: Required[list[str]]


class TagsAnswer(TypedDict):
    """The tags of a resource."""

    tags: list[TagTypeDef]


class SettingShown(TypedDict):
    """An account setting of one principal."""

    name: str
    value: str
    principalArn: str
    type: str


class SettingAnswer(TypedDict):
    """One account setting."""

    setting: SettingShown


class SettingsAnswer(NextPage):
    """A page of account settings."""

    settings: Required[list[SettingShown]]
