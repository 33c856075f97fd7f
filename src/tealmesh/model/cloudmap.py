"""What the store keeps of Cloud Map. ``wire`` is what the API shows of a document."""

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
    """A namespace as the API shows it, but for its time and count."""

    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    Type: str
    Properties: NamespacePropertiesTypeDef
    Description: NotRequired[str]
    CreatorRequestId: NotRequired[str]


class DiscoveryServiceWire(TypedDict):
    """A service as the API shows it, but for its time and count."""

    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    NamespaceId: str
    Type: str
    CreatedByAccount: str
    Description: NotRequired[str]
    DnsConfig: NotRequired[DnsConfigOutputTypeDef]
    HealthCheckConfig: NotRequired[HealthCheckConfigTypeDef]
    HealthCheckCustomConfig: NotRequired[HealthCheckCustomConfigTypeDef]
    CreatorRequestId: NotRequired[str]


class OperationWire(TypedDict):
    """An operation as the API shows it. Ours have ended well when they are answered."""

    Id: str
    OwnerAccount: str
    Type: str
    Status: str
    CreateDate: float
    UpdateDate: float
    Targets: NotRequired[dict[str, str]]


class NamespaceBody(TypedDict):
    """A namespace.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_Namespace.html
    """

    id: str
    name: str
    vpc: str
    wire: NamespaceWire
    tags: list[TagBody]
    request: str
    """Digest of the request that made it."""


class DiscoveryServiceBody(TypedDict):
    """A service in a namespace. https://docs.aws.amazon.com/cloud-map/latest/api/API_Service.html"""

    id: str
    name: str
    namespaceId: str
    wire: DiscoveryServiceWire
    attributes: dict[str, str]
    tags: list[TagBody]
    request: str


class InstanceBody(TypedDict):
    """An instance of a service.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_Instance.html
    """

    id: str
    serviceId: str
    attributes: dict[str, str]
    health: str
    draining: bool
    """The engine is about to stop it: Envoys send it nothing new."""
    creatorRequestId: NotRequired[str]


class OperationBody(TypedDict):
    """An operation. https://docs.aws.amazon.com/cloud-map/latest/api/API_Operation.html"""

    id: str
    wire: OperationWire
