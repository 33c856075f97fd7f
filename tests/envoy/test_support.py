"""Every leaf of App Mesh's model is either translated or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from tealmesh.envoy.support import HANDLED, REFUSED, unsupported
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
def test_every_leaf_is_handled_or_refused_and_never_both(kind: Kind) -> None:
    found = model_leaves(kind)
    refused = {one for one in found if one.startswith(tuple(REFUSED.get(kind, ())))}
    assert refused | HANDLED[kind] == found
    assert not refused & HANDLED[kind]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_refused_beginning_exists_in_the_model(kind: Kind) -> None:
    for beginning in REFUSED.get(kind, ()):
        assert any(one.startswith(beginning) for one in model_leaves(kind)), beginning


def test_what_is_refused_is_named_as_the_user_wrote_it() -> None:
    tls = {"mode": "STRICT", "certificate": {"sds": {"secretName": "s"}}}
    http = {"portMapping": {"port": 1, "protocol": "http"}}
    spec = {"listeners": [http, {**http, "tls": tls}]}
    assert unsupported(Kind.VIRTUAL_NODE, spec) == [
        "listeners[1].tls.mode",
        "listeners[1].tls.certificate.sds.secretName",
    ]


@pytest.mark.parametrize(
    "spec", [{}, {"backends": []}, {"backendDefaults": {}}, {"logging": {}, "listeners": []}]
)
def test_what_says_nothing_is_not_refused(spec: dict[str, Any]) -> None:
    assert unsupported(Kind.VIRTUAL_NODE, spec) == []


def test_an_empty_structure_that_is_not_handled_is_refused() -> None:
    spec = {"listeners": [{"tls": {}}]}
    assert unsupported(Kind.VIRTUAL_NODE, spec) == ["listeners[0].tls"]
