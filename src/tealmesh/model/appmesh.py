"""What the store keeps of App Mesh: seven kinds of resource, and answers by client token.

Specifications are stored as callers sent them; their types are those of the API reference
(https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Types.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, NotRequired, TypedDict, TypeVar

from tealmesh.model.clock import MomentBody

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        GatewayRouteSpecOutputTypeDef,
        MeshSpecTypeDef,
        RouteSpecOutputTypeDef,
        VirtualGatewaySpecOutputTypeDef,
        VirtualNodeSpecOutputTypeDef,
        VirtualRouterSpecOutputTypeDef,
        VirtualServiceSpecTypeDef,
    )

    MeshSpec = MeshSpecTypeDef
    VirtualNodeSpec = VirtualNodeSpecOutputTypeDef
    VirtualServiceSpec = VirtualServiceSpecTypeDef
    VirtualRouterSpec = VirtualRouterSpecOutputTypeDef
    RouteSpec = RouteSpecOutputTypeDef
    VirtualGatewaySpec = VirtualGatewaySpecOutputTypeDef
    GatewayRouteSpec = GatewayRouteSpecOutputTypeDef
    AnySpec = (
        MeshSpec
        | VirtualNodeSpec
        | VirtualServiceSpec
        | VirtualRouterSpec
        | RouteSpec
        | VirtualGatewaySpec
        | GatewayRouteSpec
    )

S = TypeVar("S", bound="AnySpec")
"""One of the seven specifications."""

NameMember = Literal[
    "meshName",
    "virtualNodeName",
    "virtualServiceName",
    "virtualRouterName",
    "routeName",
    "virtualGatewayName",
    "gatewayRouteName",
]
"""A member of requests and answers that names a resource."""


class ResourceBody(TypedDict, Generic[S]):
    """One resource. Times are seconds since the epoch."""

    meshName: str
    name: str
    parent: str
    """The router of a route, the gateway of a gateway route, else empty."""
    arn: str
    uid: str
    version: int
    createdAt: float
    lastUpdatedAt: float
    meshOwner: str
    resourceOwner: str
    spec: S
    tags: dict[str, str]
    deleted: NotRequired[MomentBody]
    """When a route was deleted that still lingers (`apis.appmesh.grace`)."""
    lingers: NotRequired[float]
    """For how many seconds."""


class CertificateBody(TypedDict):
    """A certificate that a mesh or a load balancer names."""

    arn: str
    sha256: str
    """Of the certificate chain or authority that Envoys are given; empty while there is none."""


class ResourceNames(TypedDict, total=False):
    """The names of a resource and of those that hold it."""

    meshName: str
    virtualNodeName: str
    virtualServiceName: str
    virtualRouterName: str
    routeName: str
    virtualGatewayName: str
    gatewayRouteName: str


class ResourceMetadata(TypedDict):
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ResourceMetadata.html"""

    arn: str
    uid: str
    version: int
    createdAt: float
    lastUpdatedAt: float
    meshOwner: str
    resourceOwner: str


class ResourceStatus(TypedDict):
    status: str
    """ACTIVE or DELETED."""


class ResourceData(ResourceNames):
    """A resource in an answer (API_VirtualNodeData and its like)."""

    spec: AnySpec
    metadata: ResourceMetadata
    status: ResourceStatus


class ResourceRef(ResourceNames):
    """A resource in the answer of a List (API_VirtualNodeRef and its like)."""

    arn: str
    version: int
    createdAt: float
    lastUpdatedAt: float
    meshOwner: str
    resourceOwner: str


class ClientTokenBody(TypedDict):
    """The answer given to a ``clientToken``, kept to answer a retry."""

    request: str
    """Digest of the request, without its token."""
    since: NotRequired[MomentBody]
    """When it was answered; always there, but for answers of earlier versions."""
    answer: dict[str, ResourceData]
    """Its one member is the payload: ``virtualNode``, ``route``, …"""
