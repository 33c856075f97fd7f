"""Which leaf fields of App Mesh's seven specifications the table proves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import botocore.session

from tealmesh.model.mesh import Kind
from tests.behaviour.table import Row, resources

SPECS: Mapping[Kind, str] = {
    Kind.MESH: "MeshSpec",
    Kind.VIRTUAL_NODE: "VirtualNodeSpec",
    Kind.VIRTUAL_SERVICE: "VirtualServiceSpec",
    Kind.VIRTUAL_ROUTER: "VirtualRouterSpec",
    Kind.ROUTE: "RouteSpec",
    Kind.VIRTUAL_GATEWAY: "VirtualGatewaySpec",
    Kind.GATEWAY_ROUTE: "GatewayRouteSpec",
}


def model_leaves() -> list[str]:
    """Every leaf path of the model, as ``route.httpRoute.match.prefix``, in the model's order."""
    model = botocore.session.get_session().get_service_model("appmesh")
    return [
        path for kind, name in SPECS.items() for path in _leaves(model.shape_for(name), kind.value)
    ]


def _leaves(shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _leaves(member, f"{path}.{name}")
    elif shape.type_name == "list":
        yield from _leaves(shape.member, f"{path}[]")
    else:
        yield path


def used(row: Row) -> set[str]:
    """The leaf paths that occur in the specs of the row's mesh."""
    return {path for kind, _, _, spec in resources(row) for path in _used(spec, kind.value)}


def _used(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _used(member, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _used(one, f"{path}[]")
    else:
        yield path


def proofs(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows that prove each path."""
    proven: dict[str, list[Row]] = {}
    for row in rows:
        for path in dict.fromkeys(row.proves):
            proven.setdefault(path, []).append(row)
    return proven
