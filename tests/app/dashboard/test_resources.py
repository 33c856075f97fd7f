"""A resource of a mesh with what Envoys have of it, from the state and the cache of the ADS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.app.dashboard.resources import Held, described
from tealmesh.model.clock import system_clock
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.store.snapshot import mesh_snapshot
from tealmesh.xds.streams.cache import AdsCache
from tests.support.meshes.translation import translate
from tests.support.planes.appmesh import Direct

PORT = {"portMapping": {"port": 80, "protocol": "http"}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Direct, list[Held]]]:
    """A mesh whose gateway leads to web, which calls db; an Envoy of each has connected."""
    api = Direct(tmp_path / "state.db")
    api.call("create_mesh", meshName="m")

    def node(name: str, *backends: str) -> None:
        uses = [{"virtualService": {"virtualServiceName": one}} for one in backends]
        where = {"dns": {"hostname": f"{name}.example"}}
        spec = {"listeners": [PORT], "serviceDiscovery": where, "backends": uses}
        api.call("create_virtual_node", meshName="m", virtualNodeName=name, spec=spec)

    node("db")
    for name in ("db.local", "web.local"):
        api.call("create_virtual_service", meshName="m", virtualServiceName=name, spec={})
    node("web", "db.local")
    api.call("create_virtual_router", meshName="m", virtualRouterName="r",
             spec={"listeners": [PORT]})  # fmt: skip
    targets = [{"virtualNode": "db", "weight": 1}]
    route = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}
    api.call("create_route", meshName="m", virtualRouterName="r", routeName="all",
             spec={"httpRoute": route})  # fmt: skip
    for name, provider in (
        ("db.local", {"virtualRouter": {"virtualRouterName": "r"}}),
        ("web.local", {"virtualNode": {"virtualNodeName": "web"}}),
    ):
        api.call("update_virtual_service", meshName="m", virtualServiceName=name,
                 spec={"provider": provider})  # fmt: skip
    listeners = [{"portMapping": {"port": 8080, "protocol": "http"}}]
    api.call("create_virtual_gateway", meshName="m", virtualGatewayName="edge",
             spec={"listeners": listeners})  # fmt: skip
    target = {"target": {"virtualService": {"virtualServiceName": "web.local"}}}
    way = {"match": {"prefix": "/"}, "action": target}
    api.call("create_gateway_route", meshName="m", virtualGatewayName="edge",
             gatewayRouteName="all", spec={"httpRoute": way})  # fmt: skip
    snapshot = mesh_snapshot(api.store.view, "m")
    assert snapshot is not None
    cache = AdsCache(translate, lambda mesh: [], system_clock)
    cache.snapshots["m"] = snapshot  # Without a loop there is no hold-off to wait for.
    nodes = [("db", Kind.VIRTUAL_NODE), ("web", Kind.VIRTUAL_NODE), ("edge", Kind.VIRTUAL_GATEWAY)]
    for name, kind in nodes:
        proxy = Proxy("m", kind, name)
        cache.refresh(cache.connect(f"e-{name}", proxy.resource, proxy, delta=False))
    yield api, [Held(*one) for one in cache.held("m")]
    api.close()


def ask(world: tuple[Direct, list[Held]], kind: str, name: str, **more: Any) -> Any:
    api, held = world
    request: Any = {"mesh": "m", "kind": kind, "name": name, **more}
    return described(api.store.view, request, held, frozenset({"e-db"}))


def found(answer: Any) -> dict[tuple[str, str], list[str]]:
    return {(one["type"], one["name"]): one["envoys"] for one in answer["envoyResources"]}


def test_a_node_has_what_its_callers_and_its_own_envoys_have(world: Any) -> None:
    answer = ask(world, "virtualNode", "db")
    resources = found(answer)
    assert resources["cluster", "cds_egress_m_db_http_80"] == ["e-web"]
    assert any(kind == "listener" and who == ["e-db"] for (kind, _), who in resources.items())
    assert (answer["acknowledged"], answer["lagging"]) == (["e-web"], ["e-db"])
    assert json.loads(answer["spec"])["listeners"] == [PORT]


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        ("virtualService", "db.local", {}),
        ("virtualRouter", "r", {}),
        ("route", "all", {"parent": "r"}),
    ],
)
def test_routes_show_the_virtual_hosts_that_are_meant(
    world: Any, kind: str, name: str, more: dict[str, str]
) -> None:
    answer = ask(world, kind, name, **more)
    assert list(found(answer).values()) == [["e-web"]]
    hosts = json.loads(answer["envoyResources"][0]["content"])["virtualHosts"]
    assert [host["name"] for host in hosts] == ["db.local"]


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [("virtualService", "web.local", {}), ("gatewayRoute", "all", {"parent": "edge"})],
)
def test_a_gateway_has_routes_to_the_virtual_service_behind_it(
    world: Any, kind: str, name: str, more: dict[str, str]
) -> None:
    assert list(found(ask(world, kind, name, **more)).values()) == [["e-edge"]]


@pytest.mark.parametrize(
    ("kind", "name", "more", "code", "said"),
    [
        ("mesh", "m", {}, "BadRequestException", "must be one of"),
        ("route", "all", {}, "BadRequestException", "needs the name of what holds it"),
        ("virtualNode", "db", {"parent": "r"}, "BadRequestException", "has none"),
        ("virtualNode", "dbb", {}, "NotFoundException", "db"),
        ("route", "all", {"parent": "nobody"}, "NotFoundException", "all"),
    ],
)
def test_what_there_is_not(
    world: Any, kind: str, name: str, more: dict[str, str], code: str, said: str
) -> None:
    with pytest.raises(AwsError) as error:
        ask(world, kind, name, **more)
    assert error.value.code == code
    assert said in error.value.message
