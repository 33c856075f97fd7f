"""Every leaf of App Mesh's model is either translated or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from tealmesh.envoy.support import HANDLED, unsupported
from tealmesh.model.mesh import Kind

SPECS = {
    Kind.MESH: "MeshSpec",
    Kind.VIRTUAL_NODE: "VirtualNodeSpec",
    Kind.VIRTUAL_SERVICE: "VirtualServiceSpec",
    Kind.VIRTUAL_ROUTER: "VirtualRouterSpec",
    Kind.ROUTE: "RouteSpec",
    Kind.VIRTUAL_GATEWAY: "VirtualGatewaySpec",
    Kind.GATEWAY_ROUTE: "GatewayRouteSpec",
}


def leaves(shape: Any, path: str = "") -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from leaves(member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from leaves(shape.member, f"{path}[]")
    else:
        yield path


def model_leaves(kind: Kind) -> set[str]:
    model = botocore.session.get_session().get_service_model("appmesh")
    return set(leaves(model.shape_for(SPECS[kind])))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_leaf_of_the_model_is_handled_and_nothing_besides(kind: Kind) -> None:
    assert HANDLED[kind] == model_leaves(kind)


def test_a_member_that_is_new_is_refused_and_named_as_the_user_wrote_it() -> None:
    http = {"portMapping": {"port": 1, "protocol": "http"}}
    quic = {"portMapping": {"port": 2, "protocol": "http", "transport": {"kind": "quic"}}}
    spec = {"listeners": [http, quic], "fresh": [{"one": 1}]}
    assert unsupported(Kind.VIRTUAL_NODE, spec) == [
        "listeners[1].portMapping.transport.kind",
        "fresh[0].one",
    ]


@pytest.mark.parametrize(
    "spec", [{}, {"backends": []}, {"backendDefaults": {}}, {"logging": {}, "listeners": []}]
)
def test_what_says_nothing_is_not_refused(spec: dict[str, Any]) -> None:
    assert unsupported(Kind.VIRTUAL_NODE, spec) == []
