"""What the store keeps of Cloud Map.

``wire`` is the part of a document that the API returns. Times are seconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import (
        DnsConfigOutputTypeDef,
        HealthCheckConfigTypeDef,
        HealthCheckCustomConfigTypeDef,
        NamespacePropertiesTypeDef,
    )


class TagBody(TypedDict):
    """A tag."""

    Key: str
    Value: str


class NamespaceWire(TypedDict):
    """A namespace as the API returns it, without the number of its services."""

    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    Type: str
    """HTTP, DNS_PRIVATE or DNS_PUBLIC."""
    Properties: NamespacePropertiesTypeDef
    CreateDate: float
    Description: NotRequired[str]
    CreatorRequestId: NotRequired[str]


class DiscoveryServiceWire(TypedDict):
    """A service as the API returns it, without the number of its instances."""

    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    NamespaceId: str
    Type: str
    """HTTP or DNS_HTTP."""
    CreatedByAccount: str
    CreateDate: float
    Description: NotRequired[str]
    DnsConfig: NotRequired[DnsConfigOutputTypeDef]
    HealthCheckConfig: NotRequired[HealthCheckConfigTypeDef]
    HealthCheckCustomConfig: NotRequired[HealthCheckCustomConfigTypeDef]
    CreatorRequestId: NotRequired[str]


class OperationWire(TypedDict):
    """An operation as the API returns it: complete as soon as it exists."""

    Id: str
    OwnerAccount: str
    Type: str
    Status: str
    """Always SUCCESS."""
    CreateDate: float
    UpdateDate: float
    Targets: dict[str, str]
    """Ids by NAMESPACE, SERVICE and INSTANCE."""


class NamespaceOrigin(TypedDict):
    """The request that created a namespace, so that the same request again is recognised."""

    kind: str
    """The name of the operation, such as CreateHttpNamespace."""
    digest: str
    operation: str
    """The id of the operation that it was answered with."""


class NamespaceBody(TypedDict):
    """A namespace: https://docs.aws.amazon.com/cloud-map/latest/api/API_Namespace.html"""

    id: str
    name: str
    vpc: str
    """Empty unless the namespace is a private DNS namespace."""
    wire: NamespaceWire
    tags: list[TagBody]
    request: NamespaceOrigin


class DiscoveryServiceBody(TypedDict):
    """A service: https://docs.aws.amazon.com/cloud-map/latest/api/API_Service.html"""

    id: str
    name: str
    namespaceId: str
    wire: DiscoveryServiceWire
    attributes: dict[str, str]
    tags: list[TagBody]
    request: str
    """Digest of the request that created it."""


class InstanceBody(TypedDict):
    """An instance: https://docs.aws.amazon.com/cloud-map/latest/api/API_Instance.html"""

    id: str
    serviceId: str
    attributes: dict[str, str]
    health: str
    """HEALTHY or UNHEALTHY."""
    draining: bool
    """Whether the engine is about to stop it: Envoys send it no new requests."""
    creatorRequestId: NotRequired[str]


class OperationBody(TypedDict):
    """An operation: https://docs.aws.amazon.com/cloud-map/latest/api/API_Operation.html"""

    id: str
    wire: OperationWire
