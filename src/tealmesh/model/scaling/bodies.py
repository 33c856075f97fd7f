"""The documents that the store keeps of Application Auto Scaling: scalable targets, policies,
scheduled actions and activities, all of ECS services.

Members are named and documented in the API reference; times are seconds since the epoch. Our own
members stand under ``teal``, which no output shape has.
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Types.html
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class SuspendedState(TypedDict):
    """Which kinds of scaling are suspended."""

    DynamicScalingInSuspended: bool
    DynamicScalingOutSuspended: bool
    ScheduledScalingSuspended: bool


class CooldownBody(TypedDict):
    """The cooldown period that a scaling activity began."""

    boot: str
    """Id of the machine's boot in which it began."""
    at: float
    """When it began, in seconds since that boot."""
    seconds: float
    """How long it lasts."""
    base: int
    """The capacity before the activity: what the next one is computed from meanwhile."""


class TargetTeal(TypedDict):
    """Our own members of a scalable target."""

    tags: dict[str, str]
    bounded: bool
    """Whether the desired count has been brought within the bounds since they were last set."""
    activities: int
    """How many activities there have been: the number of the newest."""
    scaledOut: NotRequired[CooldownBody]
    scaledIn: NotRequired[CooldownBody]


class ScalableTargetBody(TypedDict):
    """A service that may be scaled, and its bounds."""

    ServiceNamespace: str
    ResourceId: str
    ScalableDimension: str
    MinCapacity: int
    MaxCapacity: int
    RoleARN: str
    CreationTime: float
    SuspendedState: SuspendedState
    ScalableTargetARN: str
    teal: TargetTeal


class StepAdjustment(TypedDict):
    """What to add or set when the metric is so far beyond the alarm's threshold."""

    MetricIntervalLowerBound: NotRequired[float]
    MetricIntervalUpperBound: NotRequired[float]
    ScalingAdjustment: int


class StepScaling(TypedDict, total=False):
    """``StepScalingPolicyConfiguration``."""

    AdjustmentType: str
    """ChangeInCapacity, PercentChangeInCapacity or ExactCapacity."""
    StepAdjustments: list[StepAdjustment]
    MinAdjustmentMagnitude: int
    Cooldown: int
    """Seconds."""
    MetricAggregationType: str
    """Average, Minimum or Maximum."""


class Dimension(TypedDict):
    """A dimension of a CloudWatch metric."""

    Name: str
    Value: str


class PredefinedMetric(TypedDict):
    """``PredefinedMetricSpecification``."""

    PredefinedMetricType: str
    ResourceLabel: NotRequired[str]


class CustomizedMetric(TypedDict, total=False):
    """``CustomizedMetricSpecification``, without metric math."""

    MetricName: str
    Namespace: str
    Dimensions: list[Dimension]
    Statistic: str
    Unit: str
    Metrics: list[object]


class TargetTracking(TypedDict):
    """``TargetTrackingScalingPolicyConfiguration``."""

    TargetValue: float
    PredefinedMetricSpecification: NotRequired[PredefinedMetric]
    CustomizedMetricSpecification: NotRequired[CustomizedMetric]
    ScaleOutCooldown: NotRequired[int]
    ScaleInCooldown: NotRequired[int]
    DisableScaleIn: NotRequired[bool]


class AlarmBody(TypedDict):
    """An alarm that belongs to a policy."""

    AlarmName: str
    AlarmARN: str


class PolicyTeal(TypedDict, total=False):
    """Our own members of a policy."""

    waits: str
    """Why it cannot act at present; absent if it can."""


class ScalingPolicyBody(TypedDict):
    """A scaling policy."""

    PolicyARN: str
    PolicyName: str
    ServiceNamespace: str
    ResourceId: str
    ScalableDimension: str
    PolicyType: str
    """StepScaling or TargetTrackingScaling."""
    StepScalingPolicyConfiguration: NotRequired[StepScaling]
    TargetTrackingScalingPolicyConfiguration: NotRequired[TargetTracking]
    Alarms: list[AlarmBody]
    """Of target tracking, those that we keep in CloudWatch: the high one, then the low one unless
    scaling in is disabled. Those of a step policy are the users', and looked up when asked for."""
    CreationTime: float
    teal: PolicyTeal


class ScalableTargetAction(TypedDict, total=False):
    """The bounds that a scheduled action sets."""

    MinCapacity: int
    MaxCapacity: int


class ScheduledActionBody(TypedDict):
    """A scheduled action."""

    ScheduledActionName: str
    ScheduledActionARN: str
    ServiceNamespace: str
    ResourceId: str
    ScalableDimension: str
    Schedule: str
    Timezone: NotRequired[str]
    StartTime: NotRequired[float]
    EndTime: NotRequired[float]
    ScalableTargetAction: ScalableTargetAction
    CreationTime: float
    teal: ScheduledTeal


class ScheduledTeal(TypedDict):
    """Our own members of a scheduled action."""

    next: float | None
    """When it is due next (seconds since the epoch); None if never again."""


class NotScaledReason(TypedDict):
    """Why nothing was changed.
    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
    """

    Code: str
    MaxCapacity: NotRequired[int]
    MinCapacity: NotRequired[int]
    CurrentCapacity: NotRequired[int]


class ActivityTeal(TypedDict):
    """Our own members of an activity."""

    count: int | None
    """The desired count that it set; None if it changed nothing."""


class ScalingActivityBody(TypedDict):
    """One change of a desired count, or the decision to change nothing."""

    ActivityId: str
    ServiceNamespace: str
    ResourceId: str
    ScalableDimension: str
    Description: str
    Cause: str
    StartTime: float
    EndTime: NotRequired[float]
    StatusCode: str
    StatusMessage: NotRequired[str]
    Details: NotRequired[str]
    NotScaledReasons: NotRequired[list[NotScaledReason]]
    teal: ActivityTeal
