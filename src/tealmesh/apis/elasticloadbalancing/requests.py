"""Requests and answers of the operations that are ours, and of those that are checked.

Members that nothing here reads are left out.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.load_balancers import ActionBody, ConditionBody


class TargetDescription(TypedDict):
    """A target; without a port, its group's."""

    Id: str
    Port: NotRequired[int]
    QuicServerId: NotRequired[str]


class TargetsRequest(TypedDict):
    """RegisterTargets, DeregisterTargets."""

    TargetGroupArn: str
    Targets: list[TargetDescription]


class TargetHealthRequest(TypedDict):
    """DescribeTargetHealth."""

    TargetGroupArn: str
    Targets: NotRequired[list[TargetDescription]]


class Nothing(TypedDict):
    """An answer without members."""


class TargetHealthState(TypedDict):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""

    State: str
    Reason: NotRequired[str]
    Description: NotRequired[str]


class TargetHealthDescription(TypedDict):
    """The health of one target."""

    Target: TargetDescription
    HealthCheckPort: NotRequired[str]
    TargetHealth: TargetHealthState


class TargetHealthAnswer(TypedDict):
    """DescribeTargetHealth."""

    TargetHealthDescriptions: list[TargetHealthDescription]


class MutualAuthentication(TypedDict):
    """Whether clients show certificates."""

    Mode: NotRequired[str]


class CheckedRequest(TypedDict, total=False):
    """The members that `refused` reads of requests that make or change something."""

    Name: str
    LoadBalancerArn: str
    Type: str
    Protocol: str
    TargetType: str
    HealthCheckProtocol: str
    MutualAuthentication: MutualAuthentication
    DefaultActions: list[ActionBody]
    Actions: list[ActionBody]
    Conditions: list[ConditionBody]
    Transforms: list[object]
