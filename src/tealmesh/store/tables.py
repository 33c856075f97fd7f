"""The collections of documents, with their keys and types.

One table of JSON documents (`schema.documents`) serves every API: specifications are stored
verbatim, so separate columns would only restate botocore's models. Queries run on the `View` in
memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from tealmesh.model.appmesh import (
        CertificateBody,
        ClientTokenBody,
        GatewayRouteSpec,
        MeshSpec,
        ResourceBody,
        RouteSpec,
        VirtualGatewaySpec,
        VirtualNodeSpec,
        VirtualRouterSpec,
        VirtualServiceSpec,
    )
    from tealmesh.model.cloudmap import (
        DiscoveredBody,
        DiscoveryServiceBody,
        InstanceBody,
        InstancesRevisionBody,
        NamespaceBody,
        OperationBody,
    )
    from tealmesh.model.ecs.bodies import (
        ServiceBody,
        ServiceDeploymentBody,
        TaskBody,
        TaskDefinitionBody,
    )
    from tealmesh.model.ecs.clusters import (
        AccountSettingBody,
        CapacityProviderBody,
        ClusterBody,
        FamilyBody,
    )
    from tealmesh.model.ecs.events import ToldBody
    from tealmesh.model.ecs.images import ImageBody
    from tealmesh.model.extensions import RouterExtensionBody
    from tealmesh.model.identity.envoys import EnvoyRoleBody
    from tealmesh.model.identity.refusals import RefusalBody
    from tealmesh.model.identity.sessions import CodeBody, SessionBody
    from tealmesh.model.load_balancers import (
        LoadBalancerBody,
        PlaceBody,
        RegionBody,
        TargetBody,
        TargetGroupBody,
    )
    from tealmesh.model.rollout.failed import FailedTaskBody
    from tealmesh.model.rollout.groups import GroupBody, GroupDeploymentBody
    from tealmesh.model.rollout.hooks import FreezesBody, HookBody
    from tealmesh.model.rollout.locks import KeptBody, LockBody
    from tealmesh.model.rollout.notices import NoticeBody, NoticeTargetBody
    from tealmesh.model.rollout.terraform import TerraformBody
    from tealmesh.model.scaling.bodies import (
        ScalableTargetBody,
        ScalingActivityBody,
        ScalingPolicyBody,
        ScheduledActionBody,
    )
    from tealmesh.model.teal import (
        AdoptionBody,
        DeploymentBody,
        GatewaySystemBody,
        JournalEntryBody,
        MeshServiceBody,
        RemovalBody,
        ServiceSystemBody,
        TroubleBody,
        UnusableBody,
    )
    from tealmesh.model.traffic.parts import WatchedBody
    from tealmesh.model.traffic.windows import WindowBody

B = TypeVar("B")


class Collection(str, Generic[B]):
    """The name of a collection. ``B`` is the type of its documents' bodies."""

    __slots__ = ()


# The collections. Below each: the parts of its keys, which `store.key` joins.
MESHES: Collection[ResourceBody[MeshSpec]] = Collection("appmesh.mesh")
"""Key: mesh."""
VIRTUAL_NODES: Collection[ResourceBody[VirtualNodeSpec]] = Collection("appmesh.virtualNode")
"""Key: mesh, name."""
VIRTUAL_SERVICES: Collection[ResourceBody[VirtualServiceSpec]] = Collection(
    "appmesh.virtualService"
)
"""Key: mesh, name."""
VIRTUAL_ROUTERS: Collection[ResourceBody[VirtualRouterSpec]] = Collection("appmesh.virtualRouter")
"""Key: mesh, name."""
ROUTES: Collection[ResourceBody[RouteSpec]] = Collection("appmesh.route")
"""Key: mesh, router, name."""
VIRTUAL_GATEWAYS: Collection[ResourceBody[VirtualGatewaySpec]] = Collection(
    "appmesh.virtualGateway"
)
"""Key: mesh, name."""
GATEWAY_ROUTES: Collection[ResourceBody[GatewayRouteSpec]] = Collection("appmesh.gatewayRoute")
"""Key: mesh, gateway, name."""
LINGERING_ROUTES: Collection[ResourceBody[RouteSpec]] = Collection("appmesh.lingeringRoute")
"""Key: mesh, router, name. Deleted routes that Envoys keep for a grace period."""
CLIENT_TOKENS: Collection[ClientTokenBody] = Collection("api.clientToken")
"""Key: service, operation, token."""

CERTIFICATES: Collection[CertificateBody] = Collection("acm.certificate")
"""Key: ARN."""

NAMESPACES: Collection[NamespaceBody] = Collection("servicediscovery.namespace")
"""Key: id."""
SD_SERVICES: Collection[DiscoveryServiceBody] = Collection("servicediscovery.service")
"""Key: id."""
INSTANCES: Collection[InstanceBody] = Collection("servicediscovery.instance")
"""Key: service id, instance id. Written by `store.instances` alone."""
INSTANCES_REVISIONS: Collection[InstancesRevisionBody] = Collection(
    "servicediscovery.instancesrevision"
)
"""Key: service id."""
SD_OPERATIONS: Collection[OperationBody] = Collection("servicediscovery.operation")
"""Key: id."""
DISCOVERED: Collection[DiscoveredBody] = Collection("discovery.instance")
"""Key: namespace name, service name, instance id. What a Cloud Map has that is not ours."""

CLUSTERS: Collection[ClusterBody] = Collection("ecs.cluster")
"""Key: cluster name."""
CAPACITY_PROVIDERS: Collection[CapacityProviderBody] = Collection("ecs.capacityProvider")
"""Key: name. Those that stand for an Auto Scaling group."""
TASK_DEFINITIONS: Collection[TaskDefinitionBody] = Collection("ecs.taskDefinition")
"""Key: family, revision with six digits."""
ECS_SERVICES: Collection[ServiceBody] = Collection("ecs.service")
"""Key: cluster, service."""
SERVICE_DEPLOYMENTS: Collection[ServiceDeploymentBody] = Collection("ecs.serviceDeployment")
"""Key: cluster, service, number of the deployment."""
TASKS: Collection[TaskBody] = Collection("ecs.task")
"""Key: cluster, task id."""
FAMILIES: Collection[FamilyBody] = Collection("ecs.family")
"""Key: family."""
ACCOUNT_SETTINGS: Collection[AccountSettingBody] = Collection("ecs.accountSetting")
"""Key: principal ARN or "default", setting name."""

LOAD_BALANCERS: Collection[LoadBalancerBody] = Collection("elb.loadBalancer")
"""Key: ARN. What the API holds, read from it after every change."""
LOAD_BALANCER_PLACES: Collection[PlaceBody] = Collection("elb.place")
"""Key: ARN of the load balancer. Where it listens on this machine."""
TARGET_GROUPS: Collection[TargetGroupBody] = Collection("elb.targetGroup")
"""Key: ARN. What the API holds, read from it after every change."""
TARGETS: Collection[TargetBody] = Collection("elb.target")
"""Key: ARN of the target group, address and port joined by a colon."""
LOAD_BALANCER_REGIONS: Collection[RegionBody] = Collection("elb.region")
"""Key: region. Where the API is read again when the control plane starts."""

SCALABLE_TARGETS: Collection[ScalableTargetBody] = Collection("scaling.target")
"""Key: cluster, service."""
SCALING_POLICIES: Collection[ScalingPolicyBody] = Collection("scaling.policy")
"""Key: cluster, service, name of the policy."""
SCHEDULED_ACTIONS: Collection[ScheduledActionBody] = Collection("scaling.scheduledAction")
"""Key: cluster, service, name of the action."""
SCALING_ACTIVITIES: Collection[ScalingActivityBody] = Collection("scaling.activity")
"""Key: cluster, service, number with six digits."""

EVENT_REGIONS: Collection[RegionBody] = Collection("events.region")
"""Key: region. Where somebody has made a rule of EventBridge."""
EVENTS_TOLD: Collection[ToldBody] = Collection("events.told")
"""Key: that of the subject, such as "task", ARN."""

SYSTEMS: Collection[ServiceSystemBody] = Collection("teal.system")
"""Key: service name. The service's part of the applied teal.toml."""
ADOPTIONS: Collection[AdoptionBody] = Collection("teal.adoption")
"""Key: service name. What was told of a service that others made."""
ADOPTED: Collection[MeshServiceBody] = Collection("teal.adopted")
"""Key: service name. A service that others made, as its latest deployment found it."""
FREEZES: Collection[FreezesBody] = Collection("teal.freeze")
"""Key: service name. Its freezes as teal.toml was applied last, also while a deployment runs."""
WATCHED: Collection[WatchedBody] = Collection("teal.watched")
"""Key: mesh, router. The parts of a service that are counted while it is deployed."""
GATEWAYS: Collection[GatewaySystemBody] = Collection("teal.gateway")
"""Key: gateway name. The gateway's part of the applied teal.toml."""
REFUSALS: Collection[RefusalBody] = Collection("teal.refusal")
"""Key: who was refused."""
ENVOY_ROLES: Collection[EnvoyRoleBody] = Collection("teal.envoyRole")
"""Key: ARN of a role of tasks with an Envoy, that IAM knew."""
REMOVALS: Collection[RemovalBody] = Collection("teal.removal")
"""Key: name of a service or gateway of teal.toml that is being removed."""
IMAGES: Collection[ImageBody] = Collection("teal.image")
"""Key: image pattern. The command that runs in place of such images on this machine."""
GROUPS: Collection[GroupBody] = Collection("teal.group")
"""Key: name. The groups of services that are deployed together."""
GROUP_DEPLOYMENTS: Collection[GroupDeploymentBody] = Collection("teal.groupDeployment")
"""Key: group, id of the group deployment."""
DEPLOYMENTS: Collection[DeploymentBody] = Collection("teal.deployment")
"""Key: service, deployment id."""
TROUBLES: Collection[TroubleBody] = Collection("teal.trouble")
"""Key: worker, error. The workers of the running control planes that fail."""
ROUTER_EXTENSIONS: Collection[RouterExtensionBody] = Collection("teal.routerExtension")
"""Key: mesh, router. What running deployments add to routes, beside App Mesh's specifications."""
UNUSABLE: Collection[UnusableBody] = Collection("teal.unusable")
"""Key: cluster, ECS service, task id, why. The tasks that services were told no caller can use."""
JOURNAL: Collection[JournalEntryBody] = Collection("teal.journal")
"""Key: deployment id, sequence number with six digits."""
LOCKS: Collection[LockBody] = Collection("teal.lock")
"""Key: service. The services that are locked against deployments."""
KEPT: Collection[KeptBody] = Collection("teal.kept")
"""Key: service. Sides without weight that are kept running for a way back."""
TERRAFORM: Collection[TerraformBody] = Collection("teal.terraform")
"""Key: service. Who runs Terraform for its latest deployment, and what is asked for."""
NOTICES: Collection[NoticeBody] = Collection("teal.notice")
"""Key: target, order. What is still to be told."""
NOTICE_TARGETS: Collection[NoticeTargetBody] = Collection("teal.notice_target")
"""Key: name."""
HOOKS: Collection[HookBody] = Collection("teal.hook")
"""Key: deployment id, index of the step with three digits, index of the hook with three digits."""
CODES: Collection[CodeBody] = Collection("teal.code")
"""Key: the code's SHA-256. The codes that open the page, until they are used or a minute old."""
SESSIONS: Collection[SessionBody] = Collection("teal.session")
"""Key: id. The sessions of the page, and tokens of programs, that have not ended."""
FAILED_TASKS: Collection[FailedTaskBody] = Collection("teal.failedTask")
"""Key: deployment id, task id. The tasks that failed while the deployment ran."""
WINDOWS: Collection[WindowBody] = Collection("teal.window")
"""Key: deployment id, index of the window with six digits."""
