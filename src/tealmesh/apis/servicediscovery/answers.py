"""The outputs of Cloud Map's operations, with times in seconds since the epoch.

The stubs' outputs have ``datetime`` for times and require boto3's ``ResponseMetadata``.
https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.cloudmap import DiscoveryServiceWire, NamespaceWire, OperationWire, TagBody


class Empty(TypedDict):
    """The output of an operation that returns nothing."""


class OperationStarted(TypedDict):
    """The output of an operation that Cloud Map carries out later; ours is already complete."""

    OperationId: str


class Namespace(NamespaceWire):
    ServiceCount: int


class GetNamespace(TypedDict):
    Namespace: Namespace


class ListNamespaces(TypedDict):
    Namespaces: list[Namespace]
    NextToken: NotRequired[str]


class GetOperation(TypedDict):
    Operation: OperationWire


class OperationSummary(TypedDict):
    Id: str
    Status: str


class ListOperations(TypedDict):
    Operations: list[OperationSummary]
    NextToken: NotRequired[str]


class ListTags(TypedDict):
    Tags: list[TagBody]


class Service(DiscoveryServiceWire):
    InstanceCount: int


class GetService(TypedDict):
    """The output of GetService and CreateService."""

    Service: Service


class ListServices(TypedDict):
    Services: list[Service]
    NextToken: NotRequired[str]


class ServiceAttributes(TypedDict):
    ServiceArn: str
    ResourceOwner: str
    Attributes: dict[str, str]


class GetServiceAttributes(TypedDict):
    ServiceAttributes: ServiceAttributes


class Instance(TypedDict):
    Id: str
    Attributes: dict[str, str]
    CreatedByAccount: str
    CreatorRequestId: NotRequired[str]


class GetInstance(TypedDict):
    ResourceOwner: str
    Instance: Instance


class ListInstances(TypedDict):
    ResourceOwner: str
    Instances: list[Instance]
    NextToken: NotRequired[str]


class InstancesHealth(TypedDict):
    Status: dict[str, str]
    """Health by instance id."""
    NextToken: NotRequired[str]


class DiscoveredInstance(TypedDict):
    InstanceId: str
    NamespaceName: str
    ServiceName: str
    HealthStatus: str
    Attributes: dict[str, str]


class InstancesRevision(TypedDict):
    InstancesRevision: int


class DiscoverInstances(InstancesRevision):
    Instances: list[DiscoveredInstance]
