"""Application Auto Scaling on services of ECS, at the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.ecs import FARGATE, NETWORK

DIMENSION = "ecs:service:DesiredCount"
CPU = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
}


def on(name: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/scaled/{name}",
        "ScalableDimension": DIMENSION,
    }


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("scaling")) as plane:
        plane.client("ecs").create_cluster(clusterName="scaled")
        plane.client("ecs").register_task_definition(**FARGATE)
        yield plane


@pytest.fixture(scope="module")
def scaling(plane: ControlPlane) -> Any:
    return plane.client("application-autoscaling")


def service(plane: ControlPlane, name: str) -> dict[str, str]:
    plane.client("ecs").create_service(
        cluster="scaled",
        serviceName=name,
        taskDefinition="web",
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )
    return on(name)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def alarms(plane: ControlPlane, name: str) -> list[tuple[str, float]]:
    prefix = f"TargetTracking-service/scaled/{name}-"
    answer = plane.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)
    return [(a["AlarmName"].split("-")[2], a["Threshold"]) for a in answer["MetricAlarms"]]


def test_only_services_that_exist_are_registered(scaling: Any) -> None:
    code, text = refusal(
        lambda: scaling.register_scalable_target(**on("none"), MinCapacity=1, MaxCapacity=2)
    )
    assert (code, text) == (
        "ValidationException",
        "ECS service doesn't exist: service/scaled/none",
    )


def test_a_daemon_has_no_count_to_scale(plane: ControlPlane, scaling: Any) -> None:
    ecs = plane.client("ecs")
    container = {"name": "app", "image": "example/web:1", "memory": 64}
    ecs.register_task_definition(family="daemon", containerDefinitions=[container])
    ecs.create_service(
        cluster="scaled",
        serviceName="daemon",
        taskDefinition="daemon",
        schedulingStrategy="DAEMON",
    )
    code, text = refusal(
        lambda: scaling.register_scalable_target(**on("daemon"), MinCapacity=1, MaxCapacity=2)
    )
    assert code == "ValidationException"
    assert "scheduling strategy DAEMON has no desired count" in text
    ecs.delete_service(cluster="scaled", service="daemon", force=True)


def test_a_policy_has_the_alarms_that_cloudwatch_shows(plane: ControlPlane, scaling: Any) -> None:
    web = service(plane, "alarms")
    code, text = refusal(
        lambda: scaling.put_scaling_policy(
            **web,
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=CPU,
        )
    )
    assert code == "ObjectNotFoundException"
    assert text.startswith("No scalable target registered for service namespace: ecs")

    scaling.register_scalable_target(**web, MinCapacity=0, MaxCapacity=4)
    put = {"PolicyName": "cpu", "PolicyType": "TargetTrackingScaling"}
    first = scaling.put_scaling_policy(**web, **put, TargetTrackingScalingPolicyConfiguration=CPU)
    assert alarms(plane, "alarms") == [("AlarmHigh", 50), ("AlarmLow", 45)]
    second = scaling.put_scaling_policy(
        **web,
        **put,
        TargetTrackingScalingPolicyConfiguration={**CPU, "TargetValue": 60, "DisableScaleIn": True},
    )
    assert second["PolicyARN"] == first["PolicyARN"]
    assert second["Alarms"] == first["Alarms"][:1]
    assert alarms(plane, "alarms") == [("AlarmHigh", 60)]

    # One of a user's, who named it as ours are named.
    plane.client("cloudwatch").put_metric_alarm(
        AlarmName="TargetTracking-service/scaled/alarms-mine-1",
        Namespace="Shop",
        MetricName="Waiting",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=7,
        ComparisonOperator="GreaterThanThreshold",
    )
    scaling.delete_scaling_policy(**web, PolicyName="cpu")
    assert alarms(plane, "alarms") == [("mine", 7)]


def test_a_step_policy_shows_the_users_alarms(plane: ControlPlane, scaling: Any) -> None:
    web = service(plane, "steps")
    scaling.register_scalable_target(**web, MinCapacity=0, MaxCapacity=4)
    policy = scaling.put_scaling_policy(
        **web, PolicyName="up", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
    )
    plane.client("cloudwatch").put_metric_alarm(
        AlarmName="cpu-high",
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=80,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    (shown,) = scaling.describe_scaling_policies(
        ServiceNamespace="ecs", ResourceId=web["ResourceId"]
    )["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in shown["Alarms"]] == ["cpu-high"]
    assert shown["StepScalingPolicyConfiguration"] == STEPS


@pytest.mark.parametrize(
    ("member", "value", "named"),
    [
        ("PolicyType", "PredictiveScaling", "PolicyType = 'PredictiveScaling': not implemented"),
        ("TargetValue", 0, "TargetValue = 0.0: must be greater than 0"),
        ("Type", "DynamoDBReadCapacityUtilization", "must be one of ECSServiceAverageCPU"),
        ("Type", "ALBRequestCountPerTarget", "ResourceLabel = None: must be app/"),
        ("ScaleInCooldown", -1, "ScaleInCooldown = -1: must be at least 0"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    plane: ControlPlane, scaling: Any, member: str, value: Any, named: str
) -> None:
    web = on("refused")
    if not plane.client("ecs").describe_services(cluster="scaled", services=["refused"])[
        "services"
    ]:
        service(plane, "refused")
    scaling.register_scalable_target(**web, MinCapacity=0, MaxCapacity=4)
    kind = value if member == "PolicyType" else "TargetTrackingScaling"
    tracking = CPU
    if member == "Type":
        tracking = {**CPU, "PredefinedMetricSpecification": {"PredefinedMetricType": value}}
    elif member != "PolicyType":
        tracking = {**CPU, member: value}
    code, text = refusal(
        lambda: scaling.put_scaling_policy(
            **web,
            PolicyName="no",
            PolicyType=kind,
            TargetTrackingScalingPolicyConfiguration=tracking,
        )
    )
    assert code == "ValidationException"
    assert named in text
    found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=web["ResourceId"])
    assert found["ScalingPolicies"] == []


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ([(None, None, 1), (0, 5, 1)], "can't be null in the same step"),
        ([(0, 10, 1), (20, None, 2)], "must not overlap or have a gap"),
        ([(0, 10, 1), (5, None, 2)], "must not overlap or have a gap"),
        ([(-10, None, 1)], "negative lower bound"),
        ([(0, 10, 1)], "positive upper bound"),
        ([(10, 10, 1)], "must be less than MetricIntervalUpperBound"),
        ([], "must have at least one step"),
    ],
)
def test_steps_follow_one_another(
    plane: ControlPlane, scaling: Any, steps: list[tuple[Any, Any, int]], named: str
) -> None:
    web = on("intervals")
    if not plane.client("ecs").describe_services(cluster="scaled", services=["intervals"])[
        "services"
    ]:
        service(plane, "intervals")
    scaling.register_scalable_target(**web, MinCapacity=0, MaxCapacity=4)
    adjustments = [
        {"ScalingAdjustment": adjustment}
        | ({} if lower is None else {"MetricIntervalLowerBound": lower})
        | ({} if upper is None else {"MetricIntervalUpperBound": upper})
        for lower, upper, adjustment in steps
    ]
    code, text = refusal(
        lambda: scaling.put_scaling_policy(
            **web,
            PolicyName="no",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={**STEPS, "StepAdjustments": adjustments},
        )
    )
    assert code == "ValidationException"
    assert named in text


def test_a_deregistered_target_takes_policies_and_schedules_along(
    plane: ControlPlane, scaling: Any
) -> None:
    web = service(plane, "gone")
    scaling.register_scalable_target(**web, MinCapacity=0, MaxCapacity=4)
    scaling.put_scaling_policy(
        **web,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=CPU,
    )
    scaling.put_scheduled_action(
        **web,
        ScheduledActionName="morning",
        Schedule="cron(0 8 ? * MON-FRI *)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 2},
    )
    asked = {"ServiceNamespace": "ecs", "ResourceId": web["ResourceId"]}
    (action,) = scaling.describe_scheduled_actions(**asked)["ScheduledActions"]
    assert (action["Schedule"], action["Timezone"]) == ("cron(0 8 ? * MON-FRI *)", "Europe/Berlin")

    scaling.deregister_scalable_target(**web)
    assert scaling.describe_scaling_policies(**asked)["ScalingPolicies"] == []
    assert scaling.describe_scheduled_actions(**asked)["ScheduledActions"] == []
    assert alarms(plane, "gone") == []
    assert refusal(lambda: scaling.deregister_scalable_target(**web))[0] == (
        "ObjectNotFoundException"
    )


def test_a_deleted_service_takes_its_target_along(plane: ControlPlane, scaling: Any) -> None:
    web = service(plane, "deleted")
    scaling.register_scalable_target(**web, MinCapacity=0, MaxCapacity=4, Tags={"team": "a"})
    asked = {"ServiceNamespace": "ecs", "ResourceIds": [web["ResourceId"]]}
    (target,) = scaling.describe_scalable_targets(**asked)["ScalableTargets"]
    arn = target["ScalableTargetARN"]
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "a"}
    plane.client("ecs").delete_service(cluster="scaled", service="deleted")
    assert scaling.describe_scalable_targets(**asked)["ScalableTargets"] == []


def test_other_namespaces_are_motos(plane: ControlPlane, scaling: Any) -> None:
    table = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/t",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    scaling.register_scalable_target(**table, MinCapacity=1, MaxCapacity=2)
    found = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert [target["ResourceId"] for target in found] == ["table/t"]
