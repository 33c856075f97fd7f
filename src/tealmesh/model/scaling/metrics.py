"""The CloudWatch metrics that policies track. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.model.scaling.names import cluster_and_service

if TYPE_CHECKING:
    from tealmesh.model.scaling.bodies import ScalingPolicyBody

PREDEFINED = (
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization",
    "ALBRequestCountPerTarget",
)
"""The predefined metrics of ECS."""

LABEL = r"(app/[^/]+/[0-9a-f]+)/(targetgroup/[^/]+/[0-9a-f]+)"
"""A ``ResourceLabel``: the load balancer, then the target group."""

Dimensions = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted."""


@dataclass(frozen=True)
class Metric:
    """A metric and one of its statistics."""

    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str
    """Average, Minimum, Maximum, SampleCount or Sum."""
    unit: str = ""
    """Only data of this unit; of any unit if empty."""

    def __str__(self) -> str:
        dimensions = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace} {self.name}" + (f" ({dimensions})" if dimensions else "")


def tracked(policy: ScalingPolicyBody) -> Metric:
    """The metric of a target tracking policy."""
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    custom = tracking.get("CustomizedMetricSpecification")
    if custom is not None:
        dimensions = sorted((one["Name"], one["Value"]) for one in custom.get("Dimensions", []))
        return Metric(
            custom["Namespace"],
            custom["MetricName"],
            tuple(dimensions),
            custom["Statistic"],
            custom.get("Unit", ""),
        )
    predefined = tracking["PredefinedMetricSpecification"]
    kind = predefined["PredefinedMetricType"]
    if kind == "ALBRequestCountPerTarget":
        label = re.fullmatch(LABEL, predefined.get("ResourceLabel", ""))
        balancer, group = label.groups() if label else ("", "")
        # The sum of what each of the targets got is the mean of all: the metric is per target.
        return Metric(
            "AWS/ApplicationELB",
            "RequestCountPerTarget",
            (("LoadBalancer", balancer), ("TargetGroup", group)),
            "Sum",
        )
    cluster, service = cluster_and_service(policy["ResourceId"]) or ("", "")
    name = "CPUUtilization" if kind == PREDEFINED[0] else "MemoryUtilization"
    return Metric(
        "AWS/ECS", name, (("ClusterName", cluster), ("ServiceName", service)), "Average", "Percent"
    )
