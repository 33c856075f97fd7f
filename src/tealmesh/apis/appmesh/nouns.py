"""The seven resources of App Mesh as data: where each is kept and what its members are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.model.arn import Arn
from tealmesh.model.mesh import Kind
from tealmesh.store import Document, Transaction, View, tables


@dataclass(frozen=True)
class Noun:
    """One resource of the API.

    ``title`` names it in operations and messages (``VirtualNode``), ``verb_object`` and
    ``verb_objects`` in method names, ``list_member`` in the answer of List. ``parent`` is the
    resource that holds it besides the mesh; ``segment`` its part of an ARN is the kind's value.
    """

    kind: Kind
    title: str
    plural: str
    collection: str
    verb_object: str
    list_member: str
    parent: Kind | None = None

    @property
    def verb_objects(self) -> str:
        return "meshes" if self.kind is Kind.MESH else f"{self.verb_object}s"

    @property
    def name_member(self) -> str:
        return f"{self.kind.value}Name"

    @property
    def name_members(self) -> tuple[str, ...]:
        """The members that together name one resource, outermost first."""
        if self.kind is Kind.MESH:
            return ("meshName",)
        if self.parent is None:
            return ("meshName", self.name_member)
        return ("meshName", f"{self.parent.value}Name", self.name_member)

    def names(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """The document key's parts that a request asks for."""
        return tuple(request[member] for member in self.name_members)

    def scope(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """The same without its own name: what List lists within."""
        return tuple(request[member] for member in self.name_members[:-1])

    def arn(self, region: str, account: str, names: tuple[str, ...]) -> str:
        """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsappmesh.html"""
        segments = ("mesh", *(member.removesuffix("Name") for member in self.name_members[1:]))
        path = "/".join(f"{segment}/{name}" for segment, name in zip(segments, names, strict=True))
        return str(Arn("appmesh", region, account, path))


NOUNS: dict[Kind, Noun] = {
    noun.kind: noun
    for noun in (
        Noun(Kind.MESH, "Mesh", "Meshes", tables.MESHES, "mesh", "meshes"),
        Noun(
            Kind.VIRTUAL_NODE,
            "VirtualNode",
            "VirtualNodes",
            tables.VIRTUAL_NODES,
            "virtual_node",
            "virtualNodes",
        ),
        Noun(
            Kind.VIRTUAL_SERVICE,
            "VirtualService",
            "VirtualServices",
            tables.VIRTUAL_SERVICES,
            "virtual_service",
            "virtualServices",
        ),
        Noun(
            Kind.VIRTUAL_ROUTER,
            "VirtualRouter",
            "VirtualRouters",
            tables.VIRTUAL_ROUTERS,
            "virtual_router",
            "virtualRouters",
        ),
        Noun(
            Kind.ROUTE,
            "Route",
            "Routes",
            tables.ROUTES,
            "route",
            "routes",
            parent=Kind.VIRTUAL_ROUTER,
        ),
        Noun(
            Kind.VIRTUAL_GATEWAY,
            "VirtualGateway",
            "VirtualGateways",
            tables.VIRTUAL_GATEWAYS,
            "virtual_gateway",
            "virtualGateways",
        ),
        Noun(
            Kind.GATEWAY_ROUTE,
            "GatewayRoute",
            "GatewayRoutes",
            tables.GATEWAY_ROUTES,
            "gateway_route",
            "gatewayRoutes",
            parent=Kind.VIRTUAL_GATEWAY,
        ),
    )
}


@dataclass(frozen=True)
class Resource:
    """A stored resource: its kind, the parts of its key (mesh first) and its specification."""

    kind: Kind
    names: tuple[str, ...]
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.names[-1]

    def __str__(self) -> str:
        """``Route R under VirtualRouter V``, for messages."""
        noun = NOUNS[self.kind]
        if noun.parent is None:
            return f"{noun.title} {self.name}"
        return f"{noun.title} {self.name} under {NOUNS[noun.parent].title} {self.names[1]}"


class MeshContent:
    """One mesh as a change sees it: the change's own writes included."""

    def __init__(self, state: Transaction | View, mesh: str) -> None:
        self._state = state
        self.mesh = mesh

    def get(self, kind: Kind, *names: str) -> Resource | None:
        """The resource of that name (below the mesh), or None."""
        document = self._state.get(NOUNS[kind].collection, self.mesh, *names)
        return _resource(kind, document) if document else None

    def each(self, kind: Kind, *scope: str) -> Iterator[Resource]:
        """All resources of a kind in the mesh, or under one router or gateway; all meshes."""
        prefix = () if kind is Kind.MESH else (self.mesh, *scope)
        for document in self._state.list(NOUNS[kind].collection, *prefix):
            yield _resource(kind, document)


def _resource(kind: Kind, document: Document) -> Resource:
    body = document.body
    parent = (body["parent"],) if body["parent"] else ()
    names = (body["meshName"], *parent, body["name"])
    return Resource(kind, names if kind is not Kind.MESH else names[:1], body["spec"])
