"""What is not supported: operations that are refused, and members of containers without effect.

The gateway answers a refused operation with its reason. `docs/operations.md` is made from this.
"""

from __future__ import annotations

from collections.abc import Mapping

_INSTANCES = "there are no container instances: every task runs on this machine"
_AGENT = "it serves the ECS agent, which is not used here"
_DAEMONS = "there are no container instances to run daemons on"
_EXPRESS = "there are no express gateway services: use a service and a virtual gateway of the mesh"
_GATEWAYS = "there are no ECS gateways: use a virtual gateway of the mesh"
_TASK_SETS = "there are no task sets: split traffic between services by a virtual router's weights"
_HOOKS = "deployments have no lifecycle hooks here: use the gates of `teal deploy`"
_PROTECTION = "automatic scaling removes tasks here without regard to what they do"

_ECS = {
    _INSTANCES: "DeregisterContainerInstance DescribeContainerInstances ListContainerInstances"
    " RegisterContainerInstance StartTask UpdateContainerInstancesState PutAttributes"
    " DeleteAttributes ListAttributes",
    _AGENT: "DiscoverPollEndpoint SubmitAttachmentStateChanges SubmitContainerStateChange"
    " SubmitTaskStateChange UpdateContainerAgent",
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
    "tasks run on this machine: use its shell": "ExecuteCommand",
    "there is no Service Connect: a mesh's virtual services do that": "ListServicesByNamespace",
}

_XRAY = {
    "there are no groups here: FilterExpression says which traces": "CreateGroup DeleteGroup"
    " GetGroup GetTimeSeriesServiceStatistics UpdateGroup",
    "there are no insights here": "GetInsight GetInsightEvents GetInsightImpactGraph"
    " GetInsightSummaries",
    "there is the default rule alone; Envoys have XRAY_SAMPLING_RATE": "CreateSamplingRule"
    " DeleteSamplingRule GetSamplingStatisticSummaries UpdateSamplingRule",
    "traces are in memory and not in CloudWatch: BatchGetTraces has them": "CancelTraceRetrieval"
    " GetIndexingRules GetRetrievedTracesGraph GetTraceSegmentDestination ListRetrievedTraces"
    " StartTraceRetrieval UpdateIndexingRule UpdateTraceSegmentDestination",
    "traces are in memory and not on a disk": "GetEncryptionConfig PutEncryptionConfig",
    "there are no other accounts here": "DeleteResourcePolicy ListResourcePolicies"
    " PutResourcePolicy",
    "there is nothing of one's own to tag": "ListTagsForResource TagResource UntagResource",
}

REASONS: Mapping[str, Mapping[str, str]] = {
    "ecs": {name: reason for reason, names in _ECS.items() for name in names.split()},
    "application-autoscaling": {
        "GetPredictiveScalingForecast": "there are no predictive scaling policies here"
    },
    "xray": {name: reason for reason, names in _XRAY.items() for name in names.split()},
}
"""The reason for each refused operation, by service and operation."""


def reason(service: str, operation: str) -> str:
    """Why an operation is refused; empty if there is no particular reason."""
    return REASONS.get(service, {}).get(operation, "")


_IMAGE = "a process sees this machine's file system"
_KERNEL = "a process uses this machine's kernel settings and devices"
_NET = "processes share this machine's network and host name"

CONTAINER_MEMBERS: Mapping[str, tuple[str, str]] = {
    "name": ("honoured", ""),
    "image": ("honoured", "by the image map; Envoy and the X-Ray daemon are built in"),
    "repositoryCredentials": ("no effect", "images are not pulled"),
    "cpu": ("shown", "checked against the task's; not enforced"),
    "memory": ("shown", "checked against the task's; not enforced"),
    "memoryReservation": ("shown", "checked against the task's; not enforced"),
    "links": ("refused", "containers of a task share localhost"),
    "portMappings": (
        "honoured",
        "the first containerPort is in PORT; each task has its own addresses",
    ),
    "essential": ("honoured", ""),
    "restartPolicy": ("no effect", "a task whose essential container exits is replaced"),
    "entryPoint": ("honoured", "replaces the image map's command"),
    "command": ("honoured", "arguments appended to the image map's command or the entryPoint"),
    "environment": ("honoured", ""),
    "environmentFiles": ("refused", "use environment or secrets"),
    "mountPoints": ("no effect", _IMAGE),
    "volumesFrom": ("no effect", _IMAGE),
    "linuxParameters": (
        "no effect",
        "as if initProcessEnabled: processes that a container leaves behind are ended with it",
    ),
    "secrets": ("honoured", "from SSM and Secrets Manager, by this endpoint; never stored"),
    "dependsOn": ("honoured", "START, HEALTHY, COMPLETE, SUCCESS"),
    "startTimeout": ("honoured", ""),
    "stopTimeout": ("honoured", "30 s by default"),
    "versionConsistency": ("no effect", "images have no digests here"),
    "hostname": ("no effect", _NET),
    "user": (
        "honoured",
        "a user of this machine, where `teal up` runs as root; else all run as its user",
    ),
    "workingDirectory": (
        "honoured",
        "a directory of this machine, or relative to the image map's cwd",
    ),
    "disableNetworking": ("no effect", _NET),
    "privileged": ("no effect", "refused for Fargate, as ECS does"),
    "readonlyRootFilesystem": ("no effect", _IMAGE),
    "dnsServers": ("no effect", _NET),
    "dnsSearchDomains": ("no effect", _NET),
    "extraHosts": ("no effect", _NET),
    "dockerSecurityOptions": ("no effect", _KERNEL),
    "interactive": ("no effect", "there is no terminal to attach"),
    "pseudoTerminal": ("no effect", "there is no terminal to attach"),
    "dockerLabels": ("shown", "in the task metadata"),
    "ulimits": ("honoured", "up to this machine's hard limits; a limit that is lowered is logged"),
    "logConfiguration": ("honoured", "awslogs; other drivers ship nothing"),
    "healthCheck": (
        "honoured",
        "localhost and 127.0.0.1 in the command become the task's address; for the built-in"
        " images the engine checks Envoy's readiness and the daemon's port instead",
    ),
    "systemControls": ("no effect", _KERNEL),
    "resourceRequirements": ("no effect", _KERNEL),
    "firelensConfiguration": ("no effect", "there is no log router"),
    "credentialSpecs": ("no effect", "there is no Active Directory"),
}
"""The members of a container definition: what the process runtime does with each, and a remark."""
