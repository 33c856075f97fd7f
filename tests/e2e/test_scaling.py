"""Real tasks under CPU load are scaled out, and in again when it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.waiting import until

MINUTE = 0.5
"""Seconds that a minute of CloudWatch lasts here."""

BUSY = """
import os, sys, time
while True:
    until = time.monotonic() + 0.02
    while os.path.exists(sys.argv[1]) and time.monotonic() < until:
        pass
    time.sleep(0.1)
"""
"""Uses a sixth of a processor as long as a file exists."""

ON = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/scaled/busy",
    "ScalableDimension": "ecs:service:DesiredCount",
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    directory = tmp_path_factory.mktemp("scaling")
    # Of a closed directory, a task without privileges sees what was there when it began.
    directory.chmod(0o755)
    (directory / "busy.py").write_text(BUSY)
    command = ["python3", str(directory / "busy.py"), str(directory / "load")]
    (directory / "teal.toml").write_text(f'[images]\n"busy" = {json.dumps(command)}\n')
    options = ["--scaling-minute", str(MINUTE)]
    with control_plane(directory, directory / "teal.toml", options) as plane:
        ecs = plane.client("ecs")
        ecs.create_cluster(clusterName="scaled")
        ecs.register_task_definition(
            family="busy",
            containerDefinitions=[{"name": "app", "image": "busy", "cpu": 64, "memory": 64}],
        )
        ecs.create_service(
            cluster="scaled",
            serviceName="busy",
            taskDefinition="busy",
            desiredCount=1,
            deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 200},
        )
        yield plane


@pytest.fixture(scope="module")
def scaling(plane: ControlPlane) -> Any:
    return plane.client("application-autoscaling")


def busy(plane: ControlPlane) -> Any:
    (service,) = plane.client("ecs").describe_services(cluster="scaled", services=["busy"])[
        "services"
    ]
    return service


def activities(scaling: Any, **more: bool) -> list[Any]:
    answer = scaling.describe_scaling_activities(
        ServiceNamespace="ecs", ResourceId=ON["ResourceId"], **more
    )
    found: list[Any] = answer["ScalingActivities"]
    return found


def alarm_states(cloudwatch: Any) -> dict[str, str]:
    """Of the policy's two alarms, by their kind."""
    found = cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-service/scaled/busy")
    return {one["AlarmName"].split("-")[2]: one["StateValue"] for one in found["MetricAlarms"]}


@pytest.mark.scenario
def test_load_scales_out_and_its_end_scales_in(plane: ControlPlane, scaling: Any) -> None:
    load = plane.directory / "load"
    load.touch()
    scaling.register_scalable_target(**ON, MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(
        **ON,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 50,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
            },
            "ScaleInCooldown": 0,
        },
    )
    until(lambda: busy(plane)["runningCount"] == 3)
    until(lambda: any(a["StatusCode"] == "Successful" for a in activities(scaling)))
    out = activities(scaling)[-1]
    assert out["Description"] in ("Setting desired count to 2.", "Setting desired count to 3.")
    assert "-AlarmHigh-" in out["Cause"]
    assert out["Cause"].endswith("in state ALARM triggered policy cpu")
    cloudwatch = plane.client("cloudwatch")
    # On a busy machine three tasks may have less than they want for a moment.
    until(lambda: alarm_states(cloudwatch)["AlarmHigh"] == "ALARM")
    metrics = cloudwatch.list_metrics(Namespace="AWS/ECS")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} == {"CPUUtilization", "MemoryUtilization"}
    assert any("set the desired count to 3" in e["message"] for e in busy(plane)["events"])

    load.unlink()
    until(lambda: busy(plane)["desiredCount"] == 1)
    assert "-AlarmLow-" in activities(scaling)[0]["Cause"]
    scaling.delete_scaling_policy(**ON, PolicyName="cpu")


def test_an_alarm_that_is_tried_invokes_its_step_policy(plane: ControlPlane, scaling: Any) -> None:
    """With `aws cloudwatch set-alarm-state`, as people try their alarms."""
    scaling.register_scalable_target(**ON, MinCapacity=1, MaxCapacity=3)
    policy = scaling.put_scaling_policy(
        **ON,
        PolicyName="up",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            "Cooldown": 0,
        },
    )
    cloudwatch = plane.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="queue-long",
        Namespace="Shop",
        MetricName="Waiting",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=2,
        Threshold=100,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    before = busy(plane)["desiredCount"]
    cloudwatch.set_alarm_state(AlarmName="queue-long", StateValue="ALARM", StateReason="a try")
    until(lambda: busy(plane)["desiredCount"] == before + 1)
    assert activities(scaling)[0]["Cause"] == (
        "monitor alarm queue-long in state ALARM triggered policy up"
    )
    until(
        lambda: (
            "CloudWatch has no data of Shop Waiting"
            in " ".join(plane.teal("doctor", check=False).stdout.split())
        )
    )


def test_data_that_users_put_counts(plane: ControlPlane, scaling: Any) -> None:
    cloudwatch = plane.client("cloudwatch")

    def rises() -> bool:
        cloudwatch.put_metric_data(
            Namespace="Shop", MetricData=[{"MetricName": "Waiting", "Value": 500}]
        )
        return bool(busy(plane)["desiredCount"] == 3)

    until(rises)
    until(
        lambda: (
            "AlreadyAtMaxCapacity" in str(activities(scaling, IncludeNotScaledActivities=True)[0])
        )
    )
    assert "NotScaledReasons" not in activities(scaling)[0]


def test_new_bounds_and_schedules_are_kept(plane: ControlPlane, scaling: Any) -> None:
    scaling.delete_scaling_policy(**ON, PolicyName="up")
    scaling.register_scalable_target(**ON, MinCapacity=0, MaxCapacity=2)
    until(lambda: busy(plane)["desiredCount"] == 2)
    assert activities(scaling)[0]["Cause"] == "maximum capacity was set to 2"

    scaling.put_scheduled_action(
        **ON,
        ScheduledActionName="soon",
        Schedule=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 2)),
        ScalableTargetAction={"MinCapacity": 0, "MaxCapacity": 1},
    )
    plane.kill9()
    plane.start()
    until(lambda: busy(plane)["desiredCount"] == 1)
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 1)
