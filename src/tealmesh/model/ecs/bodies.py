"""The documents that the store keeps of ECS: clusters, task definitions, services and tasks.

Members are named and documented in the API reference; times are seconds since the epoch, so the
types of boto3's stubs, which have datetimes, serve only where there is no time. Our own members
stand under ``teal``, and no client ever sees them: no output shape has such a member.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, Required, TypedDict

from tealmesh.model.clock import MomentBody

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AttributeTypeDef,
        CapacityProviderStrategyItemTypeDef,
        ContainerDefinitionOutputTypeDef,
        ContainerImageTypeDef,
        DeploymentConfigurationOutputTypeDef,
        DeploymentControllerTypeDef,
        EphemeralStorageTypeDef,
        InferenceAcceleratorTypeDef,
        LoadBalancerTypeDef,
        NetworkConfigurationOutputTypeDef,
        PlacementConstraintTypeDef,
        PlacementStrategyTypeDef,
        ProxyConfigurationOutputTypeDef,
        RuntimePlatformTypeDef,
        ServiceRegistryTypeDef,
        TagTypeDef,
        TaskDefinitionPlacementConstraintTypeDef,
        TaskOverrideOutputTypeDef,
        VolumeOutputTypeDef,
    )

    ContainerDefinition = ContainerDefinitionOutputTypeDef
    Tag = TagTypeDef


class Placement(TypedDict, total=False):
    """The members of a task that say on which capacity it runs."""

    launchType: str
    capacityProviderName: str
    platformVersion: str
    platformFamily: str


class DefinitionSpec(TypedDict, total=False):
    """What a task definition says, with ECS's defaults filled in."""

    family: Required[str]
    containerDefinitions: Required[list[ContainerDefinitionOutputTypeDef]]
    taskRoleArn: str
    executionRoleArn: str
    networkMode: str
    volumes: list[VolumeOutputTypeDef]
    placementConstraints: list[TaskDefinitionPlacementConstraintTypeDef]
    runtimePlatform: RuntimePlatformTypeDef
    requiresCompatibilities: list[str]
    cpu: str
    """CPU units, in decimal digits."""
    memory: str
    """MiB, in decimal digits."""
    inferenceAccelerators: list[InferenceAcceleratorTypeDef]
    pidMode: str
    ipcMode: str
    proxyConfiguration: ProxyConfigurationOutputTypeDef
    ephemeralStorage: EphemeralStorageTypeDef
    enableFaultInjection: bool


class TaskDefinitionBody(DefinitionSpec, total=False):
    """A registered revision of a task definition.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
    """

    taskDefinitionArn: Required[str]
    revision: Required[int]
    status: Required[str]
    requiresAttributes: list[AttributeTypeDef]
    compatibilities: list[str]
    registeredAt: float
    deregisteredAt: float
    deleteRequestedAt: float
    registeredBy: str
    tags: list[TagTypeDef]


class Launch(TypedDict, total=False):
    """How the tasks of a service or of a RunTask are launched: one of the two."""

    launchType: str
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]


class ServiceEventBody(TypedDict):
    """An event of a service."""

    id: str
    createdAt: float
    message: str


class DeploymentBody(TypedDict, total=False):
    """One of a service's ``deployments``.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    """

    id: Required[str]
    status: Required[str]
    taskDefinition: Required[str]
    desiredCount: int
    pendingCount: int
    runningCount: int
    failedTasks: int
    createdAt: float
    updatedAt: float
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    launchType: str
    platformVersion: str
    platformFamily: str
    networkConfiguration: NetworkConfigurationOutputTypeDef
    rolloutState: str
    rolloutStateReason: str


class ServiceTeal(TypedDict, total=False):
    """Our own members of a service."""

    token: str
    """The ``clientToken`` of the request that made it: `tealmesh.model.ecs.origin`."""
    request: str
    """Digest of that request."""
    restored: dict[str, MomentBody]
    """When each deployment, by its id, became primary again."""
    steady: bool
    """Whether the service was steady when it was last scheduled."""
    registries: list[list[str]]
    """Namespace and name of the Cloud Map services in which it registers its tasks, where these
    are not in our store: `tealmesh.workloads`."""


class ServiceBody(TypedDict, total=False):
    """A service. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html"""

    serviceArn: Required[str]
    serviceName: Required[str]
    clusterArn: Required[str]
    status: Required[str]
    taskDefinition: Required[str]
    desiredCount: Required[int]
    runningCount: int
    pendingCount: int
    roleArn: str
    createdBy: str
    createdAt: float
    loadBalancers: list[LoadBalancerTypeDef]
    serviceRegistries: list[ServiceRegistryTypeDef]
    launchType: str
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    platformVersion: str
    platformFamily: str
    deploymentConfiguration: DeploymentConfigurationOutputTypeDef
    deployments: Required[list[DeploymentBody]]
    events: list[ServiceEventBody]
    placementConstraints: list[PlacementConstraintTypeDef]
    placementStrategy: list[PlacementStrategyTypeDef]
    networkConfiguration: NetworkConfigurationOutputTypeDef
    healthCheckGracePeriodSeconds: int
    schedulingStrategy: str
    deploymentController: DeploymentControllerTypeDef
    tags: list[TagTypeDef]
    enableECSManagedTags: bool
    propagateTags: str
    enableExecuteCommand: bool
    availabilityZoneRebalancing: str
    teal: ServiceTeal


class ServiceRevisionBody(TypedDict, total=False):
    """A service revision: the parts of a deployment that never change."""

    taskDefinition: str
    launchType: str
    capacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]
    platformVersion: str
    platformFamily: str
    networkConfiguration: NetworkConfigurationOutputTypeDef
    loadBalancers: list[LoadBalancerTypeDef]
    serviceRegistries: list[ServiceRegistryTypeDef]
    containerImages: list[ContainerImageTypeDef]


class RollbackBody(TypedDict):
    """The rollback of a service deployment."""

    reason: str
    startedAt: float
    serviceRevisionArn: str


class ServiceDeploymentBody(TypedDict, total=False):
    """A service deployment, with the service revision that it deploys.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
    """

    id: Required[str]
    serviceDeploymentArn: Required[str]
    serviceArn: Required[str]
    clusterArn: Required[str]
    createdAt: float
    startedAt: float
    updatedAt: float
    finishedAt: float
    stoppedAt: float
    status: Required[str]
    statusReason: str
    lifecycleStage: str
    deploymentConfiguration: DeploymentConfigurationOutputTypeDef
    targetServiceRevisionArn: str
    sourceServiceRevisionArns: list[str]
    rollback: RollbackBody
    revision: ServiceRevisionBody


class NetworkInterfaceBody(TypedDict):
    """The network interface of a container, which is its task's."""

    attachmentId: str
    privateIpv4Address: str


class ContainerBody(TypedDict, total=False):
    """A container of a task.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html
    """

    containerArn: Required[str]
    taskArn: Required[str]
    name: Required[str]
    image: str
    runtimeId: str
    lastStatus: str
    exitCode: int
    reason: str
    networkInterfaces: list[NetworkInterfaceBody]
    healthStatus: str
    cpu: str
    memory: str
    memoryReservation: str


class AttachmentBody(TypedDict, total=False):
    """An attachment of a task; ours are all network interfaces."""

    id: str
    type: str
    status: str
    details: list[dict[str, str]]
    """Pairs of ``name`` and ``value``."""


class TaskEnvoy(TypedDict):
    """The mesh resource that a task's Envoy stands for."""

    mesh: str
    kind: str
    """A `tealmesh.model.mesh.Kind`: virtualNode or virtualGateway."""
    name: str
    elsewhere: NotRequired[bool]
    """Whether it gets its configuration from another control plane, such as a `teal serve`."""


class KeptDefinition(TypedDict, total=False):
    """The parts of a task definition that its tasks need until they have stopped; the revision
    itself may be deleted earlier.
    """

    containerDefinitions: list[ContainerDefinitionOutputTypeDef]
    proxyConfiguration: ProxyConfigurationOutputTypeDef
    volumes: list[VolumeOutputTypeDef]
    cpu: str
    memory: str
    registeredBy: str


class ContainerHandle(TypedDict, total=False):
    """Identifies a started container to its runtime; each runtime uses some of the members."""

    home: str
    """The container's directory, below its task's."""
    pid: int
    """A process: its id, and with it `started` and `boot`, as ids are used again."""
    started: int
    """When the process started, in clock ticks since boot."""
    boot: str
    """Id of the machine's boot in which it was started."""
    shim: int
    """Process id of the shim, which leads the container's process group."""
    container: str
    """Docker's id of the container."""
    key: str
    """The fake runtime's: TASK/CONTAINER."""


class TaskTarget(TypedDict):
    """A target of a load balancer that a task is, or was, registered as."""

    group: str
    """ARN of the target group."""
    address: str
    port: int


class TaskTeal(TypedDict, total=False):
    """Our own members of a task: see `engine.state.TaskState`, for the last two `origin`, for
    the two before them `tealmesh.seams.interfaces`.
    """

    phase: str
    failed: bool
    quick: bool
    envoy: TaskEnvoy | None
    definition: KeptDefinition
    role: str
    handles: dict[str, ContainerHandle]
    address: str
    appAddress: str
    pid: int
    addressed: int
    registered: list[str]
    registeredAt: int
    targets: list[TaskTarget]
    keyed: bool
    withoutEffect: list[str]
    moments: dict[str, MomentBody]
    """By `model.ecs.moments.TaskEvent`."""
    securityGroups: list[str]
    publicAddress: bool
    token: str
    request: str


class TaskBody(TypedDict, total=False):
    """A task. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html"""

    taskArn: Required[str]
    clusterArn: Required[str]
    taskDefinitionArn: Required[str]
    lastStatus: Required[str]
    desiredStatus: Required[str]
    group: str
    startedBy: str
    launchType: str
    capacityProviderName: str
    platformVersion: str
    platformFamily: str
    cpu: str
    memory: str
    ephemeralStorage: EphemeralStorageTypeDef
    enableExecuteCommand: bool
    healthStatus: str
    connectivity: str
    connectivityAt: float
    createdAt: float
    startedAt: float
    stoppingAt: float
    stoppedAt: float
    executionStoppedAt: float
    pullStartedAt: float
    pullStoppedAt: float
    stopCode: str
    stoppedReason: str
    version: int
    availabilityZone: str
    attachments: list[AttachmentBody]
    attributes: list[AttributeTypeDef]
    containers: list[ContainerBody]
    inferenceAccelerators: list[InferenceAcceleratorTypeDef]
    overrides: TaskOverrideOutputTypeDef
    tags: list[TagTypeDef]
    teal: TaskTeal
