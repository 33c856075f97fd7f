"""Requests through a load balancer scale a service out: ALBRequestCountPerTarget."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.planes.balanced import CLUSTER, balanced, get
from tests.support.waiting import until


@pytest.mark.drill
def test_requests_through_a_load_balancer_scale_out(tmp_path: Path) -> None:
    with balanced(tmp_path, ["--scaling-minute", "0.5"]) as world:
        group = world.group("busy")
        place = world.front("busy", group)
        world.create("busy", world.define("busy", "team/web:1"), group)
        world.steady("busy")
        (balancer,) = world.elb.describe_load_balancers(Names=["busy"])["LoadBalancers"]
        label = "/".join(
            [
                balancer["LoadBalancerArn"].partition(":loadbalancer/")[2],
                group.rpartition(":")[2],
            ]
        )
        scaling = world.plane.client("application-autoscaling")
        on = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/{CLUSTER}/busy",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        scaling.register_scalable_target(**on, MinCapacity=1, MaxCapacity=2)
        scaling.put_scaling_policy(
            **on,
            PolicyName="requests",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 3,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "ALBRequestCountPerTarget",
                    "ResourceLabel": label,
                },
            },
        )

        def scaled() -> bool:
            for _ in range(10):
                assert get(place)[0] == 200
            return bool(world.describe("busy")["desiredCount"] == 2)

        until(scaled, world.plane.log)
        metrics = world.plane.client("cloudwatch").list_metrics(Namespace="AWS/ApplicationELB")
        assert {"RequestCount", "RequestCountPerTarget"} <= {
            metric["MetricName"] for metric in metrics["Metrics"]
        }
