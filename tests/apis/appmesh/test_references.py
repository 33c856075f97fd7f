"""Rules between resources: ports, protocols, quotas, and what may change under what uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.apis.appmesh.quotas import Quotas
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind
from tests.support.planes.appmesh import Direct


def listeners(*ports: tuple[int, str]) -> dict[str, Any]:
    return {"listeners": [{"portMapping": {"port": p, "protocol": name}} for p, name in ports]}


def node(*ports: tuple[int, str]) -> dict[str, Any]:
    return {**listeners(*ports), "serviceDiscovery": {"dns": {"hostname": "a.local"}}}


def route(
    target: str = "n", protocol: str = "http", port: int | None = None, match: int | None = None
) -> dict[str, Any]:
    weighted = {"virtualNode": target, "weight": 1} | ({"port": port} if port else {})
    matched = {"port": match} if match else {}
    return {f"{protocol}Route": {"match": matched, "action": {"weightedTargets": [weighted]}}}


def gateway_route(
    service: str = "s", protocol: str = "http", port: int | None = None, match: int | None = None
) -> dict[str, Any]:
    target: dict[str, Any] = {"virtualService": {"virtualServiceName": service}}
    target |= {"port": port} if port else {}
    matched = {"port": match} if match else {}
    return {f"{protocol}Route": {"match": matched, "action": {"target": target}}}


def provided_by(kind: str, name: str) -> dict[str, Any]:
    return {"provider": {kind: {f"{kind}Name": name}}}


class Mesh:
    """One mesh, called directly: ``create("virtual_node", "n", spec)``."""

    def __init__(self, direct: Direct) -> None:
        self.direct = direct
        direct.call("create_mesh", meshName="m")

    def call(self, verb: str, noun: str, path: str, **more: Any) -> dict[str, Any]:
        *parent, name = path.split("/")
        names = {"meshName": "m", f"{_camel(noun)}Name": name}
        holder = "virtualRouter" if noun == "route" else "virtualGateway"
        names |= {f"{holder}Name": parent[0]} if parent else {}
        return self.direct.call(f"{verb}_{noun}", **names, **more)

    def create(self, noun: str, path: str, spec: dict[str, Any]) -> None:
        self.call("create", noun, path, spec=spec)

    def update(self, noun: str, path: str, spec: dict[str, Any]) -> None:
        self.call("update", noun, path, spec=spec)

    def refuses(self, code: str, verb: str, noun: str, path: str, spec: dict[str, Any]) -> str:
        before = self.direct.store.revision
        with pytest.raises(AwsError) as caught:
            self.call(verb, noun, path, spec=spec)
        assert caught.value.code == code, caught.value
        assert self.direct.store.revision == before, "a refused change changed something"
        return caught.value.message


def _camel(noun: str) -> str:
    first, *rest = noun.split("_")
    return first + "".join(word.title() for word in rest)


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    direct = Direct(tmp_path / "state.db")
    yield Mesh(direct)
    direct.close()


@pytest.fixture
def system(mesh: Mesh) -> Mesh:
    """Node n (http 8080) behind router r (http 80), service s and gateway g (http 9080)."""
    mesh.create("virtual_node", "n", node((8080, "http")))
    mesh.create("virtual_router", "r", listeners((80, "http")))
    mesh.create("virtual_service", "s", provided_by("virtualRouter", "r"))
    mesh.create("virtual_gateway", "g", listeners((9080, "http")))
    return mesh


ROUTES = [
    (route(port=8081), "action.weightedTargets[0].port = 8081: must be a port of a listener of Vi"),
    (route(match=81), "spec.httpRoute.match.port = 81: must be a port of a listener of VirtualRou"),
    (route(protocol="http2"), 'spec = "http2Route": must not be used: the listener of VirtualRout'),
    (route(protocol="grpc"), "on port 80 has protocol 'http'"),
    (route("two"), "weightedTargets[0].port = null: must be one of 1, 2, as VirtualNode two has"),
    (route("grpc"), "virtualNode = \"grpc\": must have a listener of protocol 'http'"),
]


@pytest.mark.parametrize(("spec", "text"), ROUTES)
def test_a_route_fits_its_router_and_targets(system: Mesh, spec: dict[str, Any], text: str) -> None:
    system.create("virtual_node", "two", node((1, "http"), (2, "http")))
    system.create("virtual_node", "grpc", node((1, "grpc")))
    assert text in system.refuses("BadRequestException", "create", "route", "r/x", spec)
    system.create("route", "r/x", route(port=8080, match=80))
    assert text in system.refuses("BadRequestException", "update", "route", "r/x", spec)


def test_routes_that_fit(system: Mesh) -> None:
    system.create("virtual_node", "two", node((1, "grpc"), (2, "http")))
    system.create("virtual_node", "silent", {})
    system.create("virtual_router", "open", {})
    system.create("route", "r/a", route("two", port=2))
    system.create("route", "r/b", route("silent"))  # App Mesh accepts a target without a listener
    system.create("route", "open/c", route("two", "grpc", port=1))


def test_a_router_with_many_listeners_needs_ports_in_its_routes(system: Mesh) -> None:
    system.create("route", "r/x", route())
    two = listeners((80, "http"), (81, "http"))
    message = system.refuses("BadRequestException", "update", "virtual_router", "r", two)
    assert message == (
        "All Routes for this Virtual Router must define a port match before adding multiple"
        " listeners to this Virtual Router. 1 Route(s) are missing port. Listing up to 5 route"
        " names: [x]"
    )
    system.update("route", "r/x", route(match=80))
    system.update("virtual_router", "r", two)
    message = system.refuses("BadRequestException", "create", "route", "r/y", route())
    assert "Route must define a port match criteria if the VirtualRouter has multiple" in message


@pytest.mark.parametrize(
    ("noun", "path", "spec", "user"),
    [
        ("virtual_node", "n", node((8080, "grpc")), "Route x under VirtualRouter r"),
        ("virtual_node", "n", node((8081, "http")), "Route x under VirtualRouter r"),
        ("virtual_router", "r", listeners((80, "http2")), "Route x under VirtualRouter r"),
        ("virtual_router", "r", listeners((81, "http")), "Route x under VirtualRouter r"),
        ("virtual_gateway", "g", listeners((9080, "grpc")), "GatewayRoute y under VirtualGateway"),
        ("virtual_gateway", "g", listeners((9081, "http")), "GatewayRoute y under VirtualGateway"),
        ("virtual_service", "s", provided_by("virtualNode", "n"), "GatewayRoute y under Virtual"),
    ],
)
def test_what_is_used_cannot_change_under_its_users(
    system: Mesh, noun: str, path: str, spec: dict[str, Any], user: str
) -> None:
    system.create("route", "r/x", route(port=8080, match=80))
    system.create("gateway_route", "g/y", gateway_route(port=80, match=9080))
    message = system.refuses("BadRequestException", "update", noun, path, spec)
    assert user in message
    assert "would no longer fit" in message


def test_what_is_used_can_change_where_its_users_still_fit(system: Mesh) -> None:
    system.create("route", "r/x", route())
    system.update("virtual_node", "n", node((9999, "http")))
    system.update("virtual_router", "r", listeners((81, "http")))
    system.update("virtual_service", "s", provided_by("virtualNode", "n"))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (gateway_route(protocol="grpc"), "the listener of VirtualGateway g on port 9080 has proto"),
        (gateway_route(match=1), "match.port = 1: must be a port of a listener of VirtualGateway"),
        (gateway_route(port=81), "target.port = 81: must be a port of a listener of VirtualRouter"),
        (gateway_route("two"), "target.port = null: must be one of 1, 2, as VirtualNode two has"),
    ],
)
def test_a_gateway_route_fits_its_gateway_and_service(
    system: Mesh, spec: dict[str, Any], text: str
) -> None:
    system.create("virtual_node", "two", node((1, "http"), (2, "http")))
    system.create("virtual_service", "two", provided_by("virtualNode", "two"))
    assert text in system.refuses("BadRequestException", "create", "gateway_route", "g/y", spec)
    system.create("gateway_route", "g/y", gateway_route("two", port=2))
    assert text in system.refuses("BadRequestException", "update", "gateway_route", "g/y", spec)


def test_a_gateway_with_many_listeners_needs_a_port(system: Mesh) -> None:
    system.create("virtual_gateway", "g2", listeners((1, "http"), (2, "grpc")))
    message = system.refuses(
        "BadRequestException", "create", "gateway_route", "g2/y", gateway_route()
    )
    assert "GatewayRoute must define a port match criteria" in message
    system.create("gateway_route", "g2/y", gateway_route(match=1))
    system.create("gateway_route", "g2/z", gateway_route(protocol="grpc", match=2))


def test_the_first_of_two_broken_rules_does_not_hide_the_second(mesh: Mesh) -> None:
    spec = node((1, "http"), (1, "tcp")) | {"serviceDiscovery": {"dns": {"hostname": "a b"}}}
    message = mesh.refuses("BadRequestException", "create", "virtual_node", "n", spec)
    assert "hostname" in message
    assert "portMapping.port" in message


SMALL = Quotas(resources=dict.fromkeys(Kind, 2), backends=3)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Mesh]:
    """A mesh where two of each are allowed, with one node, router, service and gateway."""
    direct = Direct(tmp_path / "state.db", SMALL)
    mesh = Mesh(direct)
    mesh.create("virtual_node", "0", {})
    mesh.create("virtual_router", "0", {})
    mesh.create("virtual_service", "0", {})
    mesh.create("virtual_gateway", "0", listeners((1, "http")))
    yield mesh
    direct.close()


@pytest.mark.parametrize(
    ("noun", "spec", "holder"),
    [
        ("virtual_node", {}, "Mesh m already has 2 VirtualNodes"),
        ("virtual_router", {}, "Mesh m already has 2 VirtualRouters"),
        ("virtual_service", {}, "Mesh m already has 2 VirtualServices"),
        ("virtual_gateway", listeners((1, "http")), "Mesh m already has 2 VirtualGateways"),
    ],
)
def test_quotas_of_a_mesh(small: Mesh, noun: str, spec: dict[str, Any], holder: str) -> None:
    small.create(noun, "1", spec)
    message = small.refuses("LimitExceededException", "create", noun, "2", spec)
    assert message.startswith(holder)
    small.call("delete", noun, "1")
    small.create(noun, "2", spec)
    small.direct.call("create_mesh", meshName="other")
    with pytest.raises(AwsError, match="this account already has 2 Meshes"):
        small.direct.call("create_mesh", meshName="third")


@pytest.mark.parametrize(
    ("noun", "spec", "holder"),
    [
        ("route", route("0"), "VirtualRouter 0 already has 2 Routes"),
        ("gateway_route", gateway_route("0"), "VirtualGateway 0 already has 2 GatewayRoutes"),
    ],
)
def test_quotas_of_routers_and_gateways(
    small: Mesh, noun: str, spec: dict[str, Any], holder: str
) -> None:
    small.create(noun, "0/1", spec)
    small.create(noun, "0/2", spec)
    message = small.refuses("LimitExceededException", "create", noun, "0/3", spec)
    assert message.startswith(holder)
    small.create("virtual_router", "1", {})
    small.create("virtual_gateway", "1", listeners((1, "http")))
    small.create(noun, "1/1", spec)


def test_quota_of_backends(small: Mesh) -> None:
    names = [{"virtualService": {"virtualServiceName": str(n)}} for n in range(4)]
    small.update("virtual_node", "0", {"backends": names[:3]})
    message = small.refuses(
        "LimitExceededException", "update", "virtual_node", "0", {"backends": names}
    )
    assert message == (
        "spec.backends has 4 entries: at most 3 backends per VirtualNode are allowed"
    )


def test_the_defaults_are_app_meshs() -> None:
    quotas = Quotas()
    assert quotas.backends == 50
    assert {kind.value: count for kind, count in quotas.resources.items()} == {
        "mesh": 15,
        "virtualNode": 200,
        "virtualService": 200,
        "virtualRouter": 200,
        "route": 50,
        "virtualGateway": 3,
        "gatewayRoute": 10,
    }
