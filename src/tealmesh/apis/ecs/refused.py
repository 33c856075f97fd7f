"""Operations that are refused by name, and why; and what becomes of each member of a container.

The gateway answers with the reason; `docs/operations.md` is made from this.
"""

from __future__ import annotations

from collections.abc import Mapping

_INSTANCES = "there are no container instances: every task runs on this machine"
_AGENT = "it is for the ECS agent, and there is none"
_PROVIDERS = "FARGATE and FARGATE_SPOT are the only capacity providers"
_DAEMONS = "there are no daemons: one machine has no instances to run them on"
_EXPRESS = "there are no express gateway services: use a service and a virtual gateway of the mesh"
_GATEWAYS = "there are no ECS gateways: use a virtual gateway of the mesh"
_TASK_SETS = "there are no task sets: a virtual router's weights share traffic between services"
_HOOKS = "deployments have no lifecycle hooks here: use the gates of `teal deploy`"
_PROTECTION = "tasks are not protected from scaling: nothing scales by itself here"

_ECS = {
    _INSTANCES: "DeregisterContainerInstance DescribeContainerInstances ListContainerInstances"
    " RegisterContainerInstance StartTask UpdateContainerInstancesState PutAttributes"
    " DeleteAttributes ListAttributes",
    _AGENT: "DiscoverPollEndpoint SubmitAttachmentStateChanges SubmitContainerStateChange"
    " SubmitTaskStateChange UpdateContainerAgent",
    _PROVIDERS: "CreateCapacityProvider DeleteCapacityProvider UpdateCapacityProvider",
    _DAEMONS: "CreateDaemon DeleteDaemon DeleteDaemonTaskDefinition DescribeDaemon"
    " DescribeDaemonDeployments DescribeDaemonRevisions DescribeDaemonTaskDefinition"
    " ListDaemonDeployments ListDaemonTaskDefinitions ListDaemons RegisterDaemonTaskDefinition"
    " UpdateDaemon",
    _EXPRESS: "CreateExpressGatewayService DeleteExpressGatewayService"
    " DescribeExpressGatewayService UpdateExpressGatewayService",
    _GATEWAYS: "AssociateGatewayWithCluster CreateGateway DeleteGateway DescribeGateway"
    " DescribeGatewayResources DescribeGatewayRoute DisassociateGatewayFromCluster"
    " ListGatewayClusterAssociations ListGatewayRoutes ListGateways UpdateGateway",
    _TASK_SETS: "CreateTaskSet DeleteTaskSet DescribeTaskSets UpdateServicePrimaryTaskSet"
    " UpdateTaskSet",
    _HOOKS: "ContinueServiceDeployment",
    _PROTECTION: "GetTaskProtection UpdateTaskProtection",
    "tasks are processes of this machine: use its own shell": "ExecuteCommand",
    "there is no Service Connect: a mesh's virtual services do that": "ListServicesByNamespace",
}

REASONS: Mapping[str, Mapping[str, str]] = {
    "ecs": {name: reason for reason, names in _ECS.items() for name in names.split()}
}
"""Service -> operation -> why it is refused."""


def reason(service: str, operation: str) -> str:
    """Why an operation is refused; empty where nothing more can be said."""
    return REASONS.get(service, {}).get(operation, "")


_IMAGE = "a process has the machine's file system"
_KERNEL = "a process has the machine's kernel settings and devices"
_NET = "processes share the machine's network and names"

CONTAINER_MEMBERS: Mapping[str, tuple[str, str]] = {
    "name": ("honoured", ""),
    "image": ("honoured", "by the image map; Envoy's and the X-Ray daemon's are built in"),
    "repositoryCredentials": ("no effect", "images are not pulled"),
    "cpu": ("shown", "checked against the task's; not enforced"),
    "memory": ("shown", "checked against the task's; not enforced"),
    "memoryReservation": ("shown", "checked against the task's; not enforced"),
    "links": ("refused", "containers of a task share localhost"),
    "portMappings": ("honoured", "the first containerPort is PORT; each task has its addresses"),
    "essential": ("honoured", ""),
    "restartPolicy": ("no effect", "a task whose essential container ends is replaced"),
    "entryPoint": ("honoured", "in place of the image map's command"),
    "command": ("honoured", "arguments behind the image map's command, or the entryPoint"),
    "environment": ("honoured", ""),
    "environmentFiles": ("refused", "use environment or secrets"),
    "mountPoints": ("no effect", _IMAGE),
    "volumesFrom": ("no effect", _IMAGE),
    "linuxParameters": (
        "no effect",
        "as if initProcessEnabled: what a container leaves behind is ended with it",
    ),
    "secrets": ("honoured", "SSM and Secrets Manager, by this port; never stored"),
    "dependsOn": ("honoured", "START, HEALTHY, COMPLETE, SUCCESS"),
    "startTimeout": ("honoured", ""),
    "stopTimeout": ("honoured", "30 s where none is given"),
    "versionConsistency": ("no effect", "images have no digests here"),
    "hostname": ("no effect", _NET),
    "user": ("no effect", "processes run as the user of `teal up`"),
    "workingDirectory": ("honoured", "a directory of this machine, or relative to the image's cwd"),
    "disableNetworking": ("no effect", _NET),
    "privileged": ("no effect", "refused for Fargate, as ECS does"),
    "readonlyRootFilesystem": ("no effect", _IMAGE),
    "dnsServers": ("no effect", _NET),
    "dnsSearchDomains": ("no effect", _NET),
    "extraHosts": ("no effect", _NET),
    "dockerSecurityOptions": ("no effect", _KERNEL),
    "interactive": ("no effect", "nobody could type"),
    "pseudoTerminal": ("no effect", "nobody could type"),
    "dockerLabels": ("shown", "in the task metadata"),
    "ulimits": ("honoured", "as far as the machine's hard limits allow, which the log says"),
    "logConfiguration": ("honoured", "awslogs; of other drivers nothing is shipped"),
    "healthCheck": (
        "honoured",
        "localhost and 127.0.0.1 in the command are replaced by the task's address; of the"
        " built-in images the engine looks at Envoy's readiness and the daemon's port instead",
    ),
    "systemControls": ("no effect", _KERNEL),
    "resourceRequirements": ("no effect", _KERNEL),
    "firelensConfiguration": ("no effect", "nothing is routed by FireLens"),
    "credentialSpecs": ("no effect", "there is no Active Directory"),
}
"""Member of a container definition -> what becomes of it in the process runtime, and a remark."""
