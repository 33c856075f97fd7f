"""The documents of clusters, of families of task definitions, and of account settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, Required, TypedDict

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AutoScalingGroupProviderTypeDef,
        CapacityProviderStrategyItemTypeDef,
        ClusterConfigurationTypeDef,
        ClusterServiceConnectDefaultsTypeDef,
        ClusterSettingTypeDef,
        TagTypeDef,
    )


class ClusterBody(TypedDict, total=False):
    """A cluster. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html"""

    clusterArn: Required[str]
    clusterName: Required[str]
    status: Required[str]
    registeredContainerInstancesCount: int
    settings: list[ClusterSettingTypeDef]
    tags: list[TagTypeDef]
    configuration: ClusterConfigurationTypeDef
    serviceConnectDefaults: ClusterServiceConnectDefaultsTypeDef
    capacityProviders: list[str]
    defaultCapacityProviderStrategy: list[CapacityProviderStrategyItemTypeDef]


class CapacityProviderBody(TypedDict):
    """A capacity provider that stands for an Auto Scaling group:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProvider.html
    """

    capacityProviderArn: str
    name: str
    status: str
    """ACTIVE, or INACTIVE once it has been deleted."""
    type: str
    autoScalingGroupProvider: NotRequired[AutoScalingGroupProviderTypeDef]
    """Absent from FARGATE and FARGATE_SPOT, which are never stored."""
    updateStatus: NotRequired[str]
    tags: NotRequired[list[TagTypeDef]]


class FamilyBody(TypedDict):
    """A family of task definitions."""

    revision: int
    """The newest revision; a number is never used again, even if its revision is deleted."""


class AccountSettingBody(TypedDict):
    """The value of one account setting."""

    value: str
