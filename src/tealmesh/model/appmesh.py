"""What the store keeps of App Mesh: seven kinds of resource, and answers by client token.

Specifications are stored as callers sent them; their types are those of the API reference
(https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Types.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NotRequired, TypedDict, TypeVar

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

S = TypeVar("S")
"""One of the seven specifications."""


class ResourceBody(TypedDict, Generic[S]):
    """One resource. ``parent``: the router of a route, the gateway of a gateway route, else empty.
    Times are seconds since the epoch.
    """

    meshName: str
    name: str
    parent: str
    arn: str
    uid: str
    version: int
    createdAt: float
    lastUpdatedAt: float
    meshOwner: str
    resourceOwner: str
    spec: S
    tags: dict[str, str]
    until: NotRequired[float]
    """Of a lingering route: when its grace ends."""


class CertificateBody(TypedDict):
    """A certificate of ACM that a mesh names: ``sha256`` of what Envoys are given of it."""

    arn: str
    sha256: str


class ClientTokenBody(TypedDict):
    """The answer given to a ``clientToken``, kept to answer a retry."""

    request: str
    """Digest of the request, without its token."""
    at: float
    """When it was answered, in seconds since the epoch."""
    answer: dict[str, Any]  # of whichever operation it was
