"""What becomes of each member of the requests that create something.

``docs/operations.md`` is made from this, `without_effect` finds where a member without effect is
used, and a test sends every member and looks at what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tealmesh.apis.ecs import service_rules, tasks
from tealmesh.apis.ecs.definitions import REFUSED_MEMBERS

Verdict = Literal["honoured", "shown", "no effect", "refused"]
Fates = Mapping[str, tuple[Verdict, str]]
"""Member -> what becomes of it, and a remark or the reason."""

_CONNECT = "there is no Service Connect: a mesh's virtual services do that"
_ONE_ZONE = "all tasks run in one zone"
_ONE_INSTANCE = "every task runs on this machine"
_SHELL = "there is no ExecuteCommand: tasks run on this machine, use its shell"
_METADATA = "kept; nothing here checks permissions"


def _refused(reasons: Mapping[str, str]) -> Fates:
    return {member: ("refused", reason) for member, reason in reasons.items()}


_CREATE_CLUSTER: Fates = {
    "clusterName": ("honoured", ""),
    "tags": ("honoured", ""),
    "settings": ("no effect", "there are no Container Insights"),
    "configuration": ("no effect", "there is no ExecuteCommand and no managed storage"),
    "capacityProviders": ("honoured", "all of them are this machine"),
    "defaultCapacityProviderStrategy": ("honoured", ""),
    "serviceConnectDefaults": ("no effect", _CONNECT),
}
_CREATE_SERVICE: Fates = {
    "cluster": ("honoured", ""),
    "serviceName": ("honoured", ""),
    "taskDefinition": ("honoured", ""),
    "availabilityZoneRebalancing": ("shown", _ONE_ZONE),
    "loadBalancers": ("honoured", "application and network load balancers"),
    "serviceRegistries": ("honoured", ""),
    "desiredCount": ("honoured", ""),
    "clientToken": ("honoured", ""),
    "launchType": ("honoured", "FARGATE and EC2, both on this machine; EXTERNAL is refused"),
    "capacityProviderStrategy": ("honoured", ""),
    "platformVersion": ("shown", "checked; all versions are alike here"),
    "role": ("shown", "with load balancers and without awsvpc, as ECS allows"),
    "deploymentConfiguration": ("honoured", "ROLLING; its members are below"),
    "placementConstraints": ("no effect", _ONE_INSTANCE),
    "placementStrategy": ("no effect", _ONE_INSTANCE),
    "networkConfiguration": ("shown", "tasks have addresses of this machine"),
    "healthCheckGracePeriodSeconds": ("honoured", ""),
    "schedulingStrategy": ("honoured", "a DAEMON has one task: there is one machine"),
    "deploymentController": (
        "honoured",
        "ECS; CODE_DEPLOY and EXTERNAL are refused: use `teal deploy`",
    ),
    "tags": ("honoured", ""),
    "enableECSManagedTags": ("honoured", ""),
    "propagateTags": ("honoured", ""),
    "enableExecuteCommand": ("no effect", _SHELL),
    "serviceConnectConfiguration": ("refused", _CONNECT),
    **_refused(service_rules.REFUSED),
}
_DEPLOYMENT_CONFIGURATION: Fates = {
    "deploymentCircuitBreaker": ("honoured", "enable and rollback"),
    "maximumPercent": ("honoured", ""),
    "minimumHealthyPercent": ("honoured", ""),
    "alarms": ("no effect", "alarms are not watched: use the gates of `teal deploy`"),
    "strategy": ("honoured", "ROLLING; the others are refused: use `teal deploy`"),
    **_refused(service_rules.REFUSED_DEPLOYMENT),
}
_RUN_TASK: Fates = {
    "capacityProviderStrategy": ("honoured", ""),
    "cluster": ("honoured", ""),
    "count": ("honoured", ""),
    "enableECSManagedTags": ("honoured", ""),
    "enableExecuteCommand": ("no effect", _SHELL),
    "group": ("honoured", ""),
    "launchType": ("honoured", "FARGATE and EC2, both on this machine; EXTERNAL is refused"),
    "networkConfiguration": ("shown", "as the attachment of a network interface"),
    "overrides": ("honoured", "its members are below"),
    "placementConstraints": ("no effect", _ONE_INSTANCE),
    "placementStrategy": ("no effect", _ONE_INSTANCE),
    "platformVersion": ("shown", "checked; all versions are alike here"),
    "propagateTags": ("honoured", ""),
    "startedBy": ("honoured", ""),
    "tags": ("honoured", ""),
    "taskDefinition": ("honoured", ""),
    "clientToken": ("honoured", ""),
    **_refused(tasks.REFUSED),
}
_TASK_OVERRIDE: Fates = {
    "containerOverrides": ("honoured", "but for environmentFiles, which are refused"),
    "cpu": ("shown", "not enforced"),
    "inferenceAcceleratorOverrides": ("shown", "there are no accelerators here"),
    "executionRoleArn": ("shown", _METADATA),
    "memory": ("shown", "not enforced"),
    "taskRoleArn": ("honoured", "its credentials are the task's"),
    "ephemeralStorage": ("shown", "all tasks share this machine's disk"),
}
_REGISTER_TASK_DEFINITION: Fates = {
    "family": ("honoured", ""),
    "taskRoleArn": ("honoured", "its credentials are the task's"),
    "executionRoleArn": ("shown", _METADATA),
    "networkMode": ("honoured", "as far as a runtime has networks"),
    "containerDefinitions": ("honoured", "their members are below"),
    "volumes": ("honoured", "in containers; a process sees this machine's file system"),
    "placementConstraints": ("no effect", _ONE_INSTANCE),
    "requiresCompatibilities": ("honoured", ""),
    "cpu": ("shown", "checked; not enforced"),
    "memory": ("honoured", "checked; enforced in containers"),
    "tags": ("honoured", ""),
    "pidMode": ("no effect", "each container has its own processes"),
    "ipcMode": ("no effect", "each container has its own IPC namespace"),
    "proxyConfiguration": ("honoured", "in containers; a process uses HTTP_PROXY"),
    "inferenceAccelerators": ("no effect", "there are no accelerators here"),
    "ephemeralStorage": ("shown", "all tasks share this machine's disk"),
    "runtimePlatform": ("shown", "LINUX; tasks run on this machine's processor"),
    "enableFaultInjection": ("no effect", "there are no fault injection endpoints"),
    **_refused(REFUSED_MEMBERS),
}

MEMBERS: Mapping[str, Fates] = {
    "CreateCluster": _CREATE_CLUSTER,
    "CreateService": _CREATE_SERVICE,
    "DeploymentConfiguration": _DEPLOYMENT_CONFIGURATION,
    "RunTask": _RUN_TASK,
    "TaskOverride": _TASK_OVERRIDE,
    "RegisterTaskDefinition": _REGISTER_TASK_DEFINITION,
}
"""The operations, and the structures in their requests, by their names in botocore's model.
UpdateCluster and UpdateService treat their members as CreateCluster and CreateService do.
"""


def names(structure: str, verdict: Verdict) -> list[str]:
    """The members that end in this way."""
    return [member for member, (fate, _) in MEMBERS[structure].items() if fate == verdict]
