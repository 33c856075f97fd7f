"""Resources of the App Mesh controller for Kubernetes (appmesh.k8s.aws/v1beta2).

https://aws.github.io/aws-app-mesh-controller-for-k8s/reference/api_spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.json import Json, Made, list_of, name_of, object_of, objects_of
from tealmesh.migration.readers.selectors import selects
from tealmesh.migration.spelling import SHARED, from_any_case, spec_shape
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

GROUP = "appmesh.k8s.aws"
API = f"{GROUP}/v1beta2"
KINDS = {
    "Mesh": Kind.MESH,
    "VirtualNode": Kind.VIRTUAL_NODE,
    "VirtualService": Kind.VIRTUAL_SERVICE,
    "VirtualRouter": Kind.VIRTUAL_ROUTER,
    "VirtualGateway": Kind.VIRTUAL_GATEWAY,
    "GatewayRoute": Kind.GATEWAY_ROUTE,
}
_GROUP_OF_BACKENDS = "BackendGroup"
_CLUSTERS = ("gatewayRouteSelector", "namespaceSelector", "podSelector")
"""What says to which pods and namespaces of the cluster a resource belongs."""

_NAMING = ("awsName", "backendGroups", "meshOwner", "meshRef", "virtualGatewayRef")
"""Members of which something else has been made."""

_SPELLINGS = {"meshServiceDiscovery": "serviceDiscovery"}
"""The controller's words for members of App Mesh's."""

_REFERENCES = {
    "virtualNodeRef": (Kind.VIRTUAL_NODE, "virtualNodeName"),
    "virtualRouterRef": (Kind.VIRTUAL_ROUTER, "virtualRouterName"),
    "virtualServiceRef": (Kind.VIRTUAL_SERVICE, "virtualServiceName"),
}


def is_kubernetes(document: Any) -> bool:
    """Whether a document is a resource of a cluster, of whatever kind."""
    return isinstance(document, Mapping) and "apiVersion" in document and "kind" in document


def read(documents: Sequence[tuple[str, Any]]) -> Found:
    """Pairs of origin and document, all at once, since they name one another by references. Raises
    TealError for what is not as a cluster has it.
    """
    items = [(origin, one) for origin, document in documents for one in _items(document, origin)]
    found = Found()
    ours = [(origin, item) for origin, item in items if _is_ours(origin, item, found)]
    labels = {
        str(item["metadata"]["name"]): item["metadata"].get("labels")
        for _, item in items
        if item.get("kind") == "Namespace"
    }
    cluster = _Cluster([item for _, item in ours], labels)
    for origin, item in ours:
        if item["kind"] != _GROUP_OF_BACKENDS:
            found.add(
                cluster.resource(item, f"{origin}: {item['kind']} {item['metadata']['name']}")
            )
    return found


def _items(document: Json, origin: str) -> Iterator[Json]:
    """The resources of a document, each with its metadata and name."""
    if str(document.get("kind")).endswith("List") and "items" in document:
        for one in objects_of(document.get("items"), f"{origin}: items"):
            yield from _items(one, origin)
        return
    kind = str(document.get("kind"))
    where = f"{origin}: {kind}"
    metadata = object_of(document.get("metadata"), f"{where}: metadata")
    name = name_of(metadata.get("name"))
    if not name or "kind" not in document:
        if str(document.get("apiVersion")).startswith(GROUP):
            lacking = "metadata.name" if not name else "kind"
            raise TealError(f"{where}: it has no {lacking}")
        return
    spec = document.get("spec")
    if str(document.get("apiVersion")).startswith(GROUP):
        spec = object_of(spec, f"{where} {name}: spec")
    yield {**document, "metadata": {**metadata, "name": name}, "spec": spec}


def _is_ours(origin: str, item: Json, found: Found) -> bool:
    version = str(item.get("apiVersion"))
    if not version.startswith(f"{GROUP}/"):
        return False
    where = f"{origin}: {item['kind']} {item['metadata']['name']}"
    if version != API:
        found.remark(where, f"is of {version}: {API} is read")
        return False
    if item["kind"] not in (*KINDS, _GROUP_OF_BACKENDS):
        found.remark(where, "is of a kind that App Mesh's API has not: left out")
        return False
    return True


class _Cluster:
    """The resources of some files, which find one another by name and namespace."""

    def __init__(self, items: Sequence[Json], labels: Mapping[str, Any]) -> None:
        self._items = {self._key(item["kind"], item["metadata"]): item for item in items}
        self._labels = labels

    @staticmethod
    def _key(kind: str, metadata: Json) -> tuple[str, str, str]:
        # A mesh belongs to the cluster.
        namespace = "" if kind == "Mesh" else _namespace(metadata)
        return kind, namespace, name_of(metadata.get("name"))

    def _of(self, kind: str) -> list[Json]:
        return [item for (own, _, _), item in self._items.items() if own == kind]

    def resource(self, item: Json, where: str) -> Found:
        found = Found()
        kind, given, metadata = KINDS[item["kind"]], item["spec"], item["metadata"]
        mesh = self._mesh(kind, item)
        if not mesh:
            found.remark(where, "its meshRef is not set, and it is not clear which Mesh selects its"
                         " namespace: left out")  # fmt: skip
            return found
        gateway = self._gateway(item) if kind is Kind.GATEWAY_ROUTE else ""
        if kind is Kind.GATEWAY_ROUTE and not gateway:
            found.remark(where, "its virtualGatewayRef is not set, and it is not clear which"
                         " VirtualGateway selects it: left out")  # fmt: skip
            return found
        name = Name(kind, mesh, _aws_name(item), gateway)
        self._tell(found, name, item)
        own = {_SPELLINGS.get(k, k): v for k, v in given.items() if k not in (*_NAMING, *_CLUSTERS)}
        if given.get("backendGroups"):
            own["backends"] = self._backends(found, name, item, where)
        routes = own.pop("routes", None) if kind is Kind.VIRTUAL_ROUTER else None
        self._add(found, name, own, where, metadata)
        for route in objects_of(routes, f"{where}: routes"):
            of_route = Name(Kind.ROUTE, mesh, name_of(route.get("name")), name.name)
            inner = {k: v for k, v in route.items() if k != "name"}
            self._add(found, of_route, inner, where, metadata)
        return found

    def _tell(self, found: Found, name: Name, item: Json) -> None:
        spec = item["spec"]
        if spec.get("meshOwner"):
            found.remark(name, SHARED.format(spec["meshOwner"]))
        if spec.get("podSelector"):
            found.remark(name, "podSelector is not kept: an Envoy says itself which node it is of")
        for member in ("gatewayRouteSelector", "namespaceSelector"):
            if spec.get(member):
                found.remark(name, f"{member} is the cluster's, and is not kept")

    def _add(self, found: Found, name: Name, given: Json, where: str, metadata: Json) -> None:
        def tell(_path: str, text: str) -> None:
            found.remark(name, text)

        resolved = self._resolved(given, _namespace(metadata))
        spec = from_any_case(spec_shape(name.kind), resolved, tell)
        found.resources.append(Resource(name, spec, where))

    def _backends(self, found: Found, name: Name, item: Json, where: str) -> list[Any]:
        """A node's own backends, and the services of its groups of backends."""
        namespace = _namespace(item["metadata"])
        references: list[Json] = []
        for group in objects_of(item["spec"].get("backendGroups"), f"{where}: backendGroups"):
            there = {"namespace": namespace, **group}
            if there.get("name") == "*":
                services = self._of("VirtualService")
                references += [
                    one["metadata"]
                    for one in services
                    if _namespace(one["metadata"]) == there["namespace"]
                ]
                continue
            known = self._items.get(self._key(_GROUP_OF_BACKENDS, there))
            if known is None:
                text = f"names the BackendGroup {there.get('name')}, which is not here"
                found.remark(name, text)
                continue
            members = objects_of(known["spec"].get("virtualservices"), f"{where}: virtualservices")
            references += [{"namespace": _namespace(known["metadata"]), **one} for one in members]
        made = list(list_of(item["spec"].get("backends"), f"{where}: backends"))
        for reference in references:
            plain = {"name": reference.get("name"), "namespace": _namespace(reference)}
            backend = {"virtualService": {"virtualServiceRef": plain}}
            made += [] if backend in made else [backend]
        return made

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
                reference = object_of(inner, member)
                found["virtualNode" if short else named] = self._named(kind, reference, namespace)
            elif member in ("virtualNodeARN", "virtualRouterARN", "virtualServiceARN"):
                short = above == "weightedTargets"
                name = str(inner).rpartition("/")[2]
                found["virtualNode" if short else f"{member.removesuffix('ARN')}Name"] = name
            else:
                found[member] = self._resolved(inner, namespace, member)
        return found

    def _named(self, kind: Kind, reference: Json, namespace: str) -> str:
        there = {"namespace": namespace, **{k: v for k, v in reference.items() if v}}
        known = self._items.get(self._key(kind.noun, there))
        return _aws_name(known) if known else _made_up(kind.noun, there)

    def _mesh(self, kind: Kind, item: Json) -> str:
        """The mesh's name: of the reference, or of the one mesh that selects the namespace, as the
        controller finds it when a resource is made.
        """
        if kind is Kind.MESH:
            return _aws_name(item)
        reference = object_of(item["spec"].get("meshRef"), "meshRef")
        if reference:
            known = self._items.get(("Mesh", "", name_of(reference.get("name"))))
            return _aws_name(known) if known else name_of(reference.get("name"))
        return self._only(self._of("Mesh"), item)

    def _gateway(self, item: Json) -> str:
        reference = object_of(item["spec"].get("virtualGatewayRef"), "virtualGatewayRef")
        if reference:
            return self._named(Kind.VIRTUAL_GATEWAY, reference, _namespace(item["metadata"]))
        labels = item["metadata"].get("labels") or {}
        gateways = [
            gateway
            for gateway in self._of("VirtualGateway")
            if selects(gateway["spec"].get("gatewayRouteSelector"), labels, nothing=True)
        ]
        return self._only(gateways, item)

    def _only(self, candidates: Sequence[Json], item: Json) -> str:
        """The name of the one candidate that selects an item's namespace. Where the labels of the
        namespace are not here, of the one candidate that there is.
        """
        namespace = _namespace(item["metadata"])
        if len(candidates) > 1 and namespace in self._labels:
            labels = self._labels[namespace] or {}
            candidates = [
                one for one in candidates if selects(one["spec"].get("namespaceSelector"), labels)
            ]
        return _aws_name(candidates[0]) if len(candidates) == 1 else ""


def _namespace(metadata: Json) -> str:
    return name_of(metadata.get("namespace")) or "default"


def _aws_name(item: Json) -> str:
    return name_of(item["spec"].get("awsName")) or _made_up(item["kind"], item["metadata"])


def _made_up(kind: str, metadata: Json) -> str:
    """As the controller names a resource without ``awsName``."""
    name, namespace = name_of(metadata.get("name")), _namespace(metadata)
    if kind == "Mesh":
        return name
    return f"{name}.{namespace}" if kind == "VirtualService" else f"{name}_{namespace}"
