"""The seven resources of App Mesh as data: what their members are called, what rules they have,
and where they are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from tealmesh.apis.appmesh import route_rules, spec_rules
from tealmesh.apis.appmesh.spec_rules import Problems
from tealmesh.envoy.tls import arns_of_specs
from tealmesh.model.appmesh import NameMember, ResourceBody, S
from tealmesh.model.arn import Arn
from tealmesh.model.mesh import Kind
from tealmesh.store import Document, Reader, tables
from tealmesh.store.tables import Collection

if TYPE_CHECKING:
    from tealmesh.model.appmesh import (
        GatewayRouteSpec,
        MeshSpec,
        RouteSpec,
        VirtualGatewaySpec,
        VirtualNodeSpec,
        VirtualRouterSpec,
        VirtualServiceSpec,
    )


def _as_sent(spec: S) -> S:
    return spec


def _acm_arns(spec: VirtualNodeSpec | VirtualGatewaySpec) -> Iterator[tuple[str, str]]:
    return arns_of_specs([spec])


@dataclass(frozen=True)
class Noun(Generic[S]):
    """One resource of the API."""

    kind: Kind
    """Its value is the payload member of answers, and the resource's segment in an ARN."""

    title: str
    """Its name in operations and messages: ``VirtualNode``."""

    verb_object: str
    """Its name in methods: ``virtual_node``."""

    list_member: str
    """The member of List's answer: ``virtualNodes``."""

    name_members: tuple[NameMember, ...]
    """The members that together name one resource, outermost first."""

    collection: Collection[ResourceBody[S]]

    problems: Callable[[S], Problems]
    """What is wrong with a specification that the model accepts."""

    filled: Callable[[S], S] = _as_sent
    """What App Mesh adds to a specification."""

    acm_arns: Callable[[S], Iterator[tuple[str, str]]] | None = None
    """The certificates and authorities of ACM in a specification: (path of the field, ARN)."""

    @property
    def plural(self) -> str:
        """Its name in messages about several: ``VirtualNodes``."""
        return "Meshes" if self.kind is Kind.MESH else f"{self.title}s"

    @property
    def parent(self) -> Kind | None:
        """The router or gateway that holds it, besides the mesh."""
        holders = {Kind.ROUTE: Kind.VIRTUAL_ROUTER, Kind.GATEWAY_ROUTE: Kind.VIRTUAL_GATEWAY}
        return holders.get(self.kind)

    @property
    def name_member(self) -> NameMember:
        """The member that holds its own name."""
        return self.name_members[-1]

    def names(self, body: ResourceBody[S]) -> tuple[str, ...]:
        """The names of a stored resource, mesh first: the parts of its key."""
        names = (body["meshName"], body["parent"], body["name"])
        return names[:1] if self.kind is Kind.MESH else tuple(name for name in names if name)

    def arn(self, region: str, account: str, names: tuple[str, ...]) -> str:
        """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsappmesh.html"""
        segments = (member.removesuffix("Name") for member in self.name_members)
        path = "/".join(f"{segment}/{name}" for segment, name in zip(segments, names, strict=True))
        return str(Arn("appmesh", region, account, path))


MESH: Noun[MeshSpec] = Noun(
    Kind.MESH,
    "Mesh",
    "mesh",
    "meshes",
    ("meshName",),
    tables.MESHES,
    spec_rules.unconstrained,
)
VIRTUAL_NODE: Noun[VirtualNodeSpec] = Noun(
    Kind.VIRTUAL_NODE,
    "VirtualNode",
    "virtual_node",
    "virtualNodes",
    ("meshName", "virtualNodeName"),
    tables.VIRTUAL_NODES,
    spec_rules.virtual_node,
    spec_rules.filled_node,
    _acm_arns,
)
VIRTUAL_SERVICE: Noun[VirtualServiceSpec] = Noun(
    Kind.VIRTUAL_SERVICE,
    "VirtualService",
    "virtual_service",
    "virtualServices",
    ("meshName", "virtualServiceName"),
    tables.VIRTUAL_SERVICES,
    spec_rules.unconstrained,
)
VIRTUAL_ROUTER: Noun[VirtualRouterSpec] = Noun(
    Kind.VIRTUAL_ROUTER,
    "VirtualRouter",
    "virtual_router",
    "virtualRouters",
    ("meshName", "virtualRouterName"),
    tables.VIRTUAL_ROUTERS,
    spec_rules.virtual_router,
)
ROUTE: Noun[RouteSpec] = Noun(
    Kind.ROUTE,
    "Route",
    "route",
    "routes",
    ("meshName", "virtualRouterName", "routeName"),
    tables.ROUTES,
    route_rules.route,
)
VIRTUAL_GATEWAY: Noun[VirtualGatewaySpec] = Noun(
    Kind.VIRTUAL_GATEWAY,
    "VirtualGateway",
    "virtual_gateway",
    "virtualGateways",
    ("meshName", "virtualGatewayName"),
    tables.VIRTUAL_GATEWAYS,
    spec_rules.virtual_gateway,
    spec_rules.filled_gateway,
    _acm_arns,
)
GATEWAY_ROUTE: Noun[GatewayRouteSpec] = Noun(
    Kind.GATEWAY_ROUTE,
    "GatewayRoute",
    "gateway_route",
    "gatewayRoutes",
    ("meshName", "virtualGatewayName", "gatewayRouteName"),
    tables.GATEWAY_ROUTES,
    route_rules.gateway_route,
)

# Any: a mapping cannot say that each kind has a noun of its own specification.
NOUNS: Mapping[Kind, Noun[Any]] = {
    MESH.kind: MESH,
    VIRTUAL_NODE.kind: VIRTUAL_NODE,
    VIRTUAL_SERVICE.kind: VIRTUAL_SERVICE,
    VIRTUAL_ROUTER.kind: VIRTUAL_ROUTER,
    ROUTE.kind: ROUTE,
    VIRTUAL_GATEWAY.kind: VIRTUAL_GATEWAY,
    GATEWAY_ROUTE.kind: GATEWAY_ROUTE,
}


@dataclass(frozen=True)
class Resource(Generic[S]):
    """A stored resource, or one about to be stored."""

    noun: Noun[S]
    names: tuple[str, ...]
    """The parts of its key, mesh first."""
    spec: S

    @property
    def name(self) -> str:
        return self.names[-1]

    def __str__(self) -> str:
        """``Route R under VirtualRouter V``, for messages."""
        title, parent = self.noun.title, self.noun.parent
        if parent is None:
            return f"{title} {self.name}"
        return f"{title} {self.name} under {NOUNS[parent].title} {self.names[1]}"


class MeshContent:
    """The resources of one mesh, as a reader of the store sees them: a transaction includes its
    own writes.
    """

    def __init__(self, state: Reader, mesh: str) -> None:
        self._state = state
        self.mesh = mesh

    def get(self, noun: Noun[S], *names: str) -> Resource[S] | None:
        """The resource of that name (below the mesh), or None."""
        document = self._state.get(noun.collection, self.mesh, *names)
        return _resource(noun, document) if document else None

    def each(self, noun: Noun[S], *scope: str) -> Iterator[Resource[S]]:
        """All resources of a kind in the mesh, or under one router or gateway; or all meshes."""
        prefix = () if noun.kind is Kind.MESH else (self.mesh, *scope)
        for document in self._state.list(noun.collection, *prefix):
            yield _resource(noun, document)


def _resource(noun: Noun[S], document: Document[ResourceBody[S]]) -> Resource[S]:
    return Resource(noun, noun.names(document.body), document.body["spec"])
