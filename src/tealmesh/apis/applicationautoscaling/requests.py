"""Requests and answers of Application Auto Scaling.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.scaling.bodies import (
    AlarmBody,
    ScalableTargetAction,
    ScalableTargetBody,
    ScalingActivityBody,
    ScalingPolicyBody,
    ScheduledActionBody,
    StepScaling,
    TargetTracking,
)


class OnResource(TypedDict):
    """What names the scalable target in every request about one."""

    ServiceNamespace: str
    ResourceId: str
    ScalableDimension: str


class SentSuspendedState(TypedDict, total=False):
    """The kinds of scaling to suspend or resume."""

    DynamicScalingInSuspended: bool
    DynamicScalingOutSuspended: bool
    ScheduledScalingSuspended: bool


class RegisterRequest(OnResource):
    """RegisterScalableTarget."""

    MinCapacity: NotRequired[int]
    MaxCapacity: NotRequired[int]
    RoleARN: NotRequired[str]
    SuspendedState: NotRequired[SentSuspendedState]
    Tags: NotRequired[dict[str, str]]


class PutPolicyRequest(OnResource):
    """PutScalingPolicy."""

    PolicyName: str
    PolicyType: NotRequired[str]
    StepScalingPolicyConfiguration: NotRequired[StepScaling]
    TargetTrackingScalingPolicyConfiguration: NotRequired[TargetTracking]


class DeletePolicyRequest(OnResource):
    """DeleteScalingPolicy."""

    PolicyName: str


class PutScheduledRequest(OnResource):
    """PutScheduledAction."""

    ScheduledActionName: str
    Schedule: NotRequired[str]
    Timezone: NotRequired[str]
    StartTime: NotRequired[float]
    EndTime: NotRequired[float]
    ScalableTargetAction: NotRequired[ScalableTargetAction]


class DeleteScheduledRequest(OnResource):
    """DeleteScheduledAction."""

    ScheduledActionName: str


class DescribeRequest(TypedDict):
    """The filters and the page of every Describe operation."""

    ServiceNamespace: str
    ResourceId: NotRequired[str]
    ScalableDimension: NotRequired[str]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribeTargetsRequest(TypedDict):
    """DescribeScalableTargets, which takes several resources."""

    ServiceNamespace: str
    ResourceIds: NotRequired[list[str]]
    ScalableDimension: NotRequired[str]
    MaxResults: NotRequired[int]
    NextToken: NotRequired[str]


class DescribePoliciesRequest(DescribeRequest):
    """DescribeScalingPolicies."""

    PolicyNames: NotRequired[list[str]]


class DescribeScheduledRequest(DescribeRequest):
    """DescribeScheduledActions."""

    ScheduledActionNames: NotRequired[list[str]]


class DescribeActivitiesRequest(DescribeRequest):
    """DescribeScalingActivities."""

    IncludeNotScaledActivities: NotRequired[bool]


class TaggedRequest(TypedDict):
    """ListTagsForResource."""

    ResourceARN: str


class TagRequest(TaggedRequest):
    """TagResource."""

    Tags: dict[str, str]


class UntagRequest(TaggedRequest):
    """UntagResource."""

    TagKeys: list[str]


class NoAnswer(TypedDict):
    """An answer without members."""


class RegisterAnswer(TypedDict):
    """RegisterScalableTarget."""

    ScalableTargetARN: str


class PutPolicyAnswer(TypedDict):
    """PutScalingPolicy."""

    PolicyARN: str
    Alarms: list[AlarmBody]


class NextPage(TypedDict, total=False):
    """The token of the next page, unless this is the last."""

    NextToken: str


class TargetsAnswer(NextPage):
    """DescribeScalableTargets."""

    ScalableTargets: list[ScalableTargetBody]


class PoliciesAnswer(NextPage):
    """DescribeScalingPolicies."""

    ScalingPolicies: list[ScalingPolicyBody]


class ScheduledAnswer(NextPage):
    """DescribeScheduledActions."""

    ScheduledActions: list[ScheduledActionBody]


class ActivitiesAnswer(NextPage):
    """DescribeScalingActivities."""

    ScalingActivities: list[ScalingActivityBody]


class TagsAnswer(TypedDict):
    """ListTagsForResource."""

    Tags: dict[str, str]
