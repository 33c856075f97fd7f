"""Resources of the App Mesh controller for Kubernetes (appmesh.k8s.aws/v1beta2).

https://aws.github.io/aws-app-mesh-controller-for-k8s/reference/api_spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.json import Json, Made
from tealmesh.migration.spelling import from_any_case, spec_shape
from tealmesh.model.mesh import Kind

API = "appmesh.k8s.aws/"
KINDS = {
    "Mesh": Kind.MESH,
    "VirtualNode": Kind.VIRTUAL_NODE,
    "VirtualService": Kind.VIRTUAL_SERVICE,
    "VirtualRouter": Kind.VIRTUAL_ROUTER,
    "VirtualGateway": Kind.VIRTUAL_GATEWAY,
    "GatewayRoute": Kind.GATEWAY_ROUTE,
}
_OF_KUBERNETES = {
    "awsName", "gatewayRouteSelector", "meshOwner", "meshRef", "namespaceSelector", "podSelector",
    "virtualGatewayRef",
}  # fmt: skip
"""Members that are the cluster's, or of which a name has been made."""

_REFERENCES = {
    "virtualNodeRef": (Kind.VIRTUAL_NODE, "virtualNodeName"),
    "virtualRouterRef": (Kind.VIRTUAL_ROUTER, "virtualRouterName"),
    "virtualServiceRef": (Kind.VIRTUAL_SERVICE, "virtualServiceName"),
}


def is_ours(document: Any) -> bool:
    """Whether a document is one of the controller's resources, or a list that has some."""
    return any(True for _ in _items(document))


def _items(document: Any) -> Iterable[Json]:
    if isinstance(document, Mapping):
        if str(document.get("apiVersion", "")).startswith(API) and document.get("kind") in KINDS:
            yield document
        elif str(document.get("kind", "")).endswith("List"):
            for one in document.get("items") or ():
                yield from _items(one)


def read(documents: Sequence[Any], origin: str) -> Found:
    """All resources at once, since they name one another by references."""
    items = [item for document in documents for item in _items(document)]
    cluster = _Cluster(items)
    found = Found()
    for item in items:
        found.add(cluster.resource(item, origin))
    return found


class _Cluster:
    """The resources of some files, which find one another by name and namespace."""

    def __init__(self, items: Sequence[Json]) -> None:
        self._names = {self._key(item["kind"], item["metadata"]): _aws_name(item) for item in items}
        self._meshes = [_aws_name(item) for item in items if item["kind"] == "Mesh"]
        self._gateways = [_aws_name(item) for item in items if item["kind"] == "VirtualGateway"]

    @staticmethod
    def _key(kind: str, metadata: Json) -> tuple[str, str, str]:
        # A mesh belongs to the cluster.
        namespace = "" if kind == "Mesh" else str(metadata.get("namespace") or "default")
        return kind, namespace, str(metadata["name"])

    def resource(self, item: Json, origin: str) -> Found:
        found = Found()
        kind, given = KINDS[item["kind"]], item.get("spec") or {}
        metadata = item["metadata"]
        where = f"{origin}: {item['kind']} {metadata['name']}"
        mesh = self._mesh(kind, item)
        if not mesh:
            found.remark(
                where, "its meshRef is not set, and there is not exactly one Mesh: left out"
            )
            return found
        gateway = self._gateway(given, metadata) if kind is Kind.GATEWAY_ROUTE else ""
        if kind is Kind.GATEWAY_ROUTE and not gateway:
            found.remark(where, "its virtualGatewayRef is not set, and there is not exactly one"
                         " VirtualGateway: left out")  # fmt: skip
            return found
        name = Name(kind, mesh, _aws_name(item), gateway)
        routes = given.get("routes") or [] if kind is Kind.VIRTUAL_ROUTER else []
        spec = {k: v for k, v in given.items() if k not in _OF_KUBERNETES and k != "routes"}
        self._add(found, name, spec, where, metadata)
        for route in routes:
            of_route = Name(Kind.ROUTE, mesh, str(route.get("name")), name.name)
            inner = {k: v for k, v in route.items() if k != "name"}
            self._add(found, of_route, inner, where, metadata)
        return found

    def _add(
        self,
        found: Found,
        name: Name,
        given: Json,
        where: str,
        metadata: Json,
    ) -> None:
        def tell(_path: str, text: str) -> None:
            found.remark(name, text)

        resolved = self._resolved(given, str(metadata.get("namespace") or "default"))
        spec = from_any_case(spec_shape(name.kind), resolved, tell)
        found.resources.append(Resource(name, spec, where))

    def _resolved(self, value: Any, namespace: str, above: str = "") -> Any:
        """References replaced by names, and ARNs of services by what they name."""
        if isinstance(value, list):
            return [self._resolved(one, namespace, above) for one in value]
        if not isinstance(value, Mapping):
            return value
        found: Made = {}
        for member, inner in value.items():
            if member in _REFERENCES:
                kind, named = _REFERENCES[member]
                # A target of a route has the node's name in another member than a provider.
                short = kind is Kind.VIRTUAL_NODE and above == "weightedTargets"
                found["virtualNode" if short else named] = self._named(kind, inner, namespace)
            elif member.endswith("ARN") and member.startswith("virtual"):
                short = above == "weightedTargets"
                name = str(inner).rpartition("/")[2]
                found["virtualNode" if short else f"{member.removesuffix('ARN')}Name"] = name
            else:
                found[member] = self._resolved(inner, namespace, member)
        return found

    def _named(self, kind: Kind, reference: Json, namespace: str) -> str:
        there = {"namespace": namespace, **reference}
        known = self._names.get(self._key(kind.noun, there))
        return known or _made_up(kind.noun, there)

    def _mesh(self, kind: Kind, item: Json) -> str:
        if kind is Kind.MESH:
            return _aws_name(item)
        reference = (item.get("spec") or {}).get("meshRef")
        if reference:
            return self._names.get(("Mesh", "", str(reference["name"])), str(reference["name"]))
        return self._meshes[0] if len(self._meshes) == 1 else ""

    def _gateway(self, spec: Json, metadata: Json) -> str:
        reference = spec.get("virtualGatewayRef")
        if reference:
            namespace = str(metadata.get("namespace") or "default")
            return self._named(Kind.VIRTUAL_GATEWAY, reference, namespace)
        return self._gateways[0] if len(self._gateways) == 1 else ""


def _aws_name(item: Json) -> str:
    given = (item.get("spec") or {}).get("awsName")
    return str(given) if given else _made_up(item["kind"], item["metadata"])


def _made_up(kind: str, metadata: Json) -> str:
    """As the controller names a resource without ``awsName``."""
    name, namespace = str(metadata["name"]), str(metadata.get("namespace") or "default")
    if kind == "Mesh":
        return name
    return f"{name}.{namespace}" if kind == "VirtualService" else f"{name}_{namespace}"
