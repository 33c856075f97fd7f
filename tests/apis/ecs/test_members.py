"""Every member of the requests that create something is honoured, shown, refused with its reason,
or named by `teal doctor` when it is used: each is sent, and what happens is looked at.
"""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from tealmesh.apis.ecs.members import MEMBERS, names
from tealmesh.apis.ecs.without_effect import without_effect
from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, NETWORK, Direct

MODEL = botocore.session.Session().get_service_model("ecs")
OPERATIONS = ("CreateCluster", "CreateService", "RunTask", "RegisterTaskDefinition")

EC2 = {
    "family": "plain",
    "containerDefinitions": [{"name": "app", "image": "example/web:1", "memory": 64}],
}
SERVICE = {"serviceName": "s", "taskDefinition": "plain", "desiredCount": 1}
BASE: dict[str, dict[str, Any]] = {
    "CreateCluster": {"clusterName": "c"},
    "CreateService": SERVICE,
    "RunTask": {"taskDefinition": "plain"},
    "RegisterTaskDefinition": FARGATE,
}
CONSTRAINT = [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}]
STRATEGY = [{"type": "spread", "field": "instanceId"}]
EXECUTE = {"executeCommandConfiguration": {"logging": "DEFAULT"}}
FARGATE_NETWORK = {"launchType": "FARGATE", "taskDefinition": "web"}
SENT: dict[str, dict[str, Any]] = {
    "CreateCluster": {
        "settings": [{"name": "containerInsights", "value": "enabled"}],
        "configuration": EXECUTE,
        "serviceConnectDefaults": {"namespace": "shop.local"},
    },
    "CreateService": {
        "availabilityZoneRebalancing": "ENABLED",
        "platformVersion": "1.4.0",
        "networkConfiguration": NETWORK,
        "placementConstraints": CONSTRAINT,
        "placementStrategy": STRATEGY,
        "enableExecuteCommand": True,
        "serviceConnectConfiguration": {"enabled": True},
        "vpcLatticeConfigurations": [{"roleArn": "r"}],
        "gatewayConnectors": [{"name": "g"}],
        "volumeConfigurations": [{"name": "v"}],
        "monitoring": {"metricConfigurations": [{}]},
    },
    "RunTask": {
        "enableExecuteCommand": True,
        "networkConfiguration": NETWORK,
        "placementConstraints": CONSTRAINT,
        "placementStrategy": STRATEGY,
        "platformVersion": "1.4.0",
        "volumeConfigurations": [{"name": "v"}],
        "referenceId": "r",
    },
    "RegisterTaskDefinition": {
        "executionRoleArn": "arn:aws:iam::123456789012:role/pull",
        "cpu": "512",
        "placementConstraints": CONSTRAINT,
        "pidMode": "task",
        "ipcMode": "task",
        "inferenceAccelerators": [{"deviceName": "d", "deviceType": "t"}],
        "ephemeralStorage": {"sizeInGiB": 30},
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"},
        "enableFaultInjection": True,
        "trustedExecutionConfiguration": {"isolationMode": "m"},
    },
}
"""A value for each member that is not honoured."""
ELSEWHERE = {
    ("CreateService", "role"),
    ("CreateService", "networkConfiguration"),
    ("RunTask", "networkConfiguration"),
}
"""Shown, but not just as they were sent: tests of their own look at them."""


@pytest.fixture
def direct(direct: Direct) -> Direct:
    direct.ecs("create_cluster")
    direct.ecs("register_task_definition", **EC2)
    direct.ecs("register_task_definition", **FARGATE)
    return direct


def cases(verdict: Any) -> list[tuple[str, str]]:
    return [(operation, member) for operation in OPERATIONS for member in names(operation, verdict)]


def call(direct: Direct, operation: str, member: str) -> dict[str, Any]:
    """Send the member; return what was made."""
    request = {**BASE[operation], member: SENT[operation][member]}
    if member in ("platformVersion", "networkConfiguration"):
        request |= {**FARGATE_NETWORK, "networkConfiguration": NETWORK}
    if operation == "RegisterTaskDefinition" and member in ("placementConstraints", "ipcMode"):
        request = {**EC2, member: request[member]}
    if member == "cpu":
        request["memory"] = "1024"
    name = {"CreateCluster": "create_cluster", "CreateService": "create_service"}
    method = {**name, "RunTask": "run_task", "RegisterTaskDefinition": "register_task_definition"}
    (made, *_) = direct.ecs(method[operation], **request).values()
    return made[0] if isinstance(made, list) else made  # type: ignore[no-any-return]


def test_every_member_is_in_the_table() -> None:
    for name, members in MEMBERS.items():
        known = MODEL.operation_names
        shape = MODEL.operation_model(name).input_shape if name in known else MODEL.shape_for(name)
        assert set(shape.members) == set(members), name


def test_what_has_no_effect_or_is_refused_has_a_reason() -> None:
    for members in MEMBERS.values():
        for member, (verdict, remark) in members.items():
            assert remark or verdict == "honoured", member


@pytest.mark.parametrize(("operation", "member"), cases("refused"))
def test_refused_with_its_reason(direct: Direct, operation: str, member: str) -> None:
    before = direct.store.revision
    with pytest.raises(AwsError) as caught:
        call(direct, operation, member)
    assert caught.value.code == "InvalidParameterException"
    reason = MEMBERS[operation][member][1]
    for text in (member, reason.removeprefix("there is no Service Connect: ")):
        assert text in caught.value.message
    assert direct.store.revision == before


@pytest.mark.parametrize(
    ("operation", "member"), [case for case in cases("shown") if case not in ELSEWHERE]
)
def test_shown_as_it_was_sent(direct: Direct, operation: str, member: str) -> None:
    shown, sent = call(direct, operation, member)[member], SENT[operation][member]
    assert shown == sent


@pytest.mark.parametrize(("operation", "member"), cases("no effect"))
def test_without_effect_is_accepted_and_named(direct: Direct, operation: str, member: str) -> None:
    call_without = {**BASE[operation]}
    assert member not in call_without
    assert without_effect(direct.store.view) == []
    made = call(direct, operation, member)
    if operation == "RegisterTaskDefinition":
        # It is used once something runs with it.
        assert without_effect(direct.store.view) == []
        arn = made["taskDefinitionArn"]
        fargate = {"launchType": "FARGATE"} if "FARGATE" in made["compatibilities"] else {}
        network = {"networkConfiguration": NETWORK} if made["networkMode"] == "awsvpc" else {}
        direct.ecs("run_task", taskDefinition=arn, **fargate, **network)
    found = without_effect(direct.store.view)
    reason = MEMBERS[operation][member][1]
    assert [(one["member"], one["reason"]) for one in found] == [(member, reason)]


def test_alarms_of_a_deployment_are_accepted_and_named(direct: Direct) -> None:
    alarms = {"alarmNames": ["a"], "enable": True, "rollback": True}
    made = direct.ecs("create_service", **SERVICE, deploymentConfiguration={"alarms": alarms})
    assert made["service"]["deploymentConfiguration"]["alarms"] == alarms
    (found,) = without_effect(direct.store.view)
    assert found["member"] == "deploymentConfiguration.alarms"
    assert found["resource"] == "service/default/s"


def test_overrides_are_shown_and_environment_files_refused(direct: Direct) -> None:
    overrides = {
        "containerOverrides": [],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/pull",
        "ephemeralStorage": {"sizeInGiB": 30},
        "inferenceAcceleratorOverrides": [{"deviceName": "d", "deviceType": "t"}],
    }
    assert set(overrides) - {"containerOverrides"} == set(names("TaskOverride", "shown"))
    (task,) = direct.ecs("run_task", taskDefinition="plain", overrides=overrides)["tasks"]
    assert overrides.items() <= task["overrides"].items()
    files = [{"type": "s3", "value": "arn:aws:s3:::b/a.env"}]
    container = {"name": "app", "environmentFiles": files}
    with pytest.raises(AwsError, match="environmentFiles: not supported"):
        direct.ecs(
            "run_task", taskDefinition="plain", overrides={"containerOverrides": [container]}
        )


def test_what_is_sent_has_the_lengths_of_ecs(direct: Direct) -> None:
    container = {"name": "app", "environment": [{"name": "A", "value": "x" * 8200}]}
    with pytest.raises(AwsError, match="Container Overrides length must be at most 8192"):
        direct.ecs(
            "run_task", taskDefinition="plain", overrides={"containerOverrides": [container]}
        )
    container["environment"][0]["value"] = "x" * 65_600
    with pytest.raises(AwsError, match=r"length: '65\d\d\d'. Max allowed length is '65536' bytes"):
        direct.ecs(
            "register_task_definition",
            family="long",
            containerDefinitions=[{**container, "image": "example/web:1", "memory": 64}],
        )


def test_what_is_gone_or_off_is_not_named(direct: Direct) -> None:
    direct.ecs("create_cluster", clusterName="off", settings=[])
    direct.ecs("create_service", **SERVICE, enableExecuteCommand=False, placementConstraints=[])
    assert without_effect(direct.store.view) == []
    direct.ecs("update_service", service="s", enableExecuteCommand=True)
    assert len(without_effect(direct.store.view)) == 1
    direct.ecs("delete_service", service="s", force=True)
    assert without_effect(direct.store.view) == []
