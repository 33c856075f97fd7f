"""Names, references, order and reuse in translated resources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy.resources import ResourceSet, by_name, dangling, encode
from tealmesh.envoy.translate import Translator
from tealmesh.model.certificates import Material
from tealmesh.model.errors import TranslationError
from tealmesh.model.mesh import Kind
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import as_json, decoded, static_bootstrap, validate

EGRESS = "rds_egress_http_15001"


def shop() -> MeshBuilder:
    """A node `web` that calls shop.local, which `blue` and `green` provide."""
    mesh = MeshBuilder()
    mesh.node("blue")
    mesh.node("green")
    mesh.instances("blue", "127.9.9.1")
    mesh.instances("green", "127.9.9.2")
    mesh.service("shop.local", "shop")
    mesh.route("shop", "all", {"blue": 3, "green": 0})
    backends = [{"virtualService": {"virtualServiceName": "shop.local"}}]
    mesh.node("web", port=9090, backends=backends)
    return mesh


def weights(mesh: MeshBuilder) -> dict[str, int]:
    egress = translate(mesh.snapshot(), mesh.proxy("web")).routes[EGRESS]
    route = decoded(egress).virtual_hosts[0].routes[0].route
    return {one.name.split("_")[3]: one.weight.value for one in route.weighted_clusters.clusters}


def test_names_are_app_meshs() -> None:
    mesh = shop()
    made = translate(mesh.snapshot(), mesh.proxy("web"))
    assert sorted(made.listeners) == ["lds_egress_0.0.0.0_15001", "lds_ingress_0.0.0.0_15000"]
    assert sorted(made.routes) == [EGRESS, "rds_ingress_http_9090"]
    assert sorted(made.clusters) == [
        "cds_egress_m_amazonaws",
        "cds_egress_m_blue_http_8080",
        "cds_egress_m_green_http_8080",
        "cds_ingress_m_web_http_9090",
    ]
    assert sorted(made.endpoints) == ["cds_egress_m_blue_http_8080", "cds_egress_m_green_http_8080"]
    plain = translate(mesh.snapshot(), mesh.proxy("web", address="127.0.0.5"))
    assert sorted(plain.listeners) == ["lds_egress_127.0.0.5_15001", "lds_ingress_127.0.0.5_9090"]


def test_one_virtual_host_a_service_by_name_and_port() -> None:
    mesh = shop()
    route = as_json(translate(mesh.snapshot(), mesh.proxy("web")).routes[EGRESS])
    hosts = {host["name"]: host["domains"] for host in route["virtual_hosts"]}
    assert hosts["shop.local"] == ["shop.local", "shop.local:8080"]
    assert set(hosts) == {"shop.local", "amazonaws"}


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    mesh = shop()
    snapshot, proxy = mesh.snapshot(), mesh.proxy("web")
    assert translate(snapshot, proxy) == translate(snapshot, proxy)
    again = shop()
    assert translate(again.snapshot(), again.proxy("web")) == translate(snapshot, proxy)


def test_a_route_that_changes_leaves_everything_else_as_it_is() -> None:
    mesh, translator = shop(), Translator()
    proxy = mesh.proxy("web")
    before = translator.translate(mesh.snapshot(), proxy)
    mesh.route("shop", "all", {"blue": 1, "green": 1})
    after = translator.translate(mesh.snapshot(), proxy)
    changed = {
        name
        for kind in ("clusters", "endpoints", "listeners", "routes")
        for name, resource in getattr(after, kind).items()
        if resource is not getattr(before, kind)[name]
    }
    assert changed == {EGRESS}
    assert after.routes[EGRESS].version != before.routes[EGRESS].version


def test_a_proxy_that_the_mesh_does_not_have_is_named() -> None:
    mesh = shop()
    with pytest.raises(TranslationError, match="mesh/m/virtualNode/none does not exist"):
        translate(mesh.snapshot(), mesh.proxy("none"))
    with pytest.raises(TranslationError, match="mesh/m/virtualGateway/web does not exist"):
        translate(mesh.snapshot(), mesh.proxy("web", Kind.VIRTUAL_GATEWAY))
    with pytest.raises(TranslationError, match="another mesh"):
        translate(mesh.snapshot(), mesh.proxy("web", mesh="other"))


def test_weight_waits_for_an_instance_that_can_answer() -> None:
    mesh = shop()
    mesh.route("shop", "all", {"blue": 1, "green": 9})
    mesh.instances("green")
    assert weights(mesh) == {"blue": 1, "green": 0}
    mesh.instances("green", "127.9.9.2", healthy=False)
    assert weights(mesh) == {"blue": 1, "green": 0}
    mesh.instances("green", "127.9.9.2")
    assert weights(mesh) == {"blue": 1, "green": 9}
    mesh.instances("green", "127.9.9.2", draining=True)
    assert weights(mesh) == {"blue": 1, "green": 0}
    mesh.instances("blue")
    assert weights(mesh) == {"blue": 1, "green": 9}


def test_zero_weight_clusters_stay_in_the_route() -> None:
    assert weights(shop()) == {"blue": 3, "green": 0}


def test_dangling_references_are_found() -> None:
    made = translate(shop().snapshot(), shop().proxy("web"))
    assert dangling(made) == []
    lacking = ResourceSet(
        clusters={"cds_a": encode("cds_a", decoded(made.clusters["cds_egress_m_amazonaws"]), "x")},
        routes={EGRESS: made.routes[EGRESS]},
        listeners=made.listeners,
    )
    assert dangling(lacking) == [
        "cluster cds_a needs x, which is absent",
        "listener lds_egress_0.0.0.0_15001 needs cds_egress_m_amazonaws, which is absent",
        "listener lds_ingress_0.0.0.0_15000 needs rds_ingress_http_9090, which is absent",
        "route rds_egress_http_15001 leads to cluster cds_egress_m_amazonaws, which is absent",
        "route rds_egress_http_15001 leads to cluster cds_egress_m_blue_http_8080, which is absent",
        "route rds_egress_http_15001 leads to cluster cds_egress_m_green_http_8080, "
        "which is absent",
    ]


def test_names_that_differ_in_case_alone_do_not_break_the_others() -> None:
    mesh = shop()
    mesh.service("SHOP.local", "shop")
    mesh.caller("web", "shop.local", "SHOP.local")
    hosts = as_json(translate(mesh.snapshot(), mesh.proxy("web")).routes[EGRESS])["virtual_hosts"]
    domains = [domain.lower() for host in hosts for domain in host["domains"]]
    assert len(domains) == len(set(domains))


ROUTES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 3)),
        st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/longest/of/all"]),
    ),
    min_size=1,
    max_size=6,
)


@given(ROUTES)
def test_routes_stand_in_the_order_of_priority_then_longest_prefix(
    chosen: list[tuple[int | None, str]],
) -> None:
    mesh = shop()
    del mesh.made[Kind.ROUTE, "shop", "all"]
    for index, (priority, prefix) in enumerate(chosen):
        more = {} if priority is None else {"priority": priority}
        mesh.route("shop", f"r{index}", {"blue": 1}, match={"prefix": prefix}, **more)
    made = decoded(translate(mesh.snapshot(), mesh.proxy("web")).routes[EGRESS])
    tried = [chosen[int(route.name[1:])] for route in made.virtual_hosts[0].routes]
    assert tried == sorted(
        tried, key=lambda one: (1001 if one[0] is None else one[0], -len(one[1]))
    )
    assert len(tried) == len(chosen)


@pytest.mark.parametrize("allow", ["DROP_ALL", "ALLOW_ALL"])
def test_envoy_accepts_redirected_listeners_of_every_protocol(allow: str, tmp_path: Path) -> None:
    mesh = shop()
    mesh.put(Kind.MESH, "m", {"egressFilter": {"type": allow}})
    protocols = {"http": 8001, "http2": 8002, "grpc": 8003, "tcp": 8004}
    second = {"unit": "s", "value": 1}
    mesh.node("db", port=5432, protocol="tcp")
    for name, port in (("db.local", 5432), ("db2.local", 5433)):
        mesh.service(name, name, port=port, protocol="tcp")
        timeout = {"idle": second}
        mesh.route(name, "all", {"db": 1}, member="tcpRoute", match={}, timeout=timeout)
    names = ["shop.local", "db.local", "db2.local"]
    spec = {
        "listeners": [
            {"portMapping": {"port": port, "protocol": name}, "timeout": {name: {"idle": second}}}
            for name, port in protocols.items()
        ],
        "serviceDiscovery": {"dns": {"hostname": "web.local"}},
        "backends": [{"virtualService": {"virtualServiceName": name}} for name in names],
    }
    mesh.put(Kind.VIRTUAL_NODE, "web", spec)
    mesh.service("web.local", "web")
    made = translate(mesh.snapshot(), mesh.proxy("web"))
    assert validate(static_bootstrap(made), tmp_path) == ""
    egress = as_json(made.listeners["lds_egress_0.0.0.0_15001"])
    assert [chain["name"] for chain in egress["filter_chains"]] == [
        "http",
        "amazonaws",
        "tcp_5432",
        "tcp_5433",
    ]
    assert ("default_filter_chain" in egress) == (allow == "ALLOW_ALL")


def test_a_secret_that_is_absent_is_dangling_and_one_that_is_there_is_not() -> None:
    listener = encode("lds_a", listener_pb2.Listener(name="lds_a"), ["trust:file:/ca.pem"])
    cluster = encode("cds_a", cluster_pb2.Cluster(name="cds_a"), ["trust:file:/ca.pem"])
    secret = encode("trust:file:/ca.pem", secret_pb2.Secret(name="trust:file:/ca.pem"))
    lacking = ResourceSet(listeners=by_name([listener]), clusters=by_name([cluster]))
    assert dangling(lacking) == [
        "cluster cds_a needs trust:file:/ca.pem, which is absent",
        "listener lds_a needs trust:file:/ca.pem, which is absent",
    ]
    assert dangling(replace(lacking, secrets=by_name([secret]))) == []


def test_nothing_prints_a_private_key() -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/c"
    builder = MeshBuilder()
    tls = {"mode": "STRICT", "certificate": {"acm": {"certificateArn": arn}}}
    builder.node("a", listener={"tls": tls})
    material = {arn: Material("root", "chain", "THE-KEY")}
    snapshot = replace(builder.snapshot(), material=material)
    made = translate(snapshot, builder.proxy("a"))
    assert b"THE-KEY" in made.secrets[f"certificate:acm:{arn}"].body
    assert "THE-KEY" not in f"{made!r} {snapshot!r} {material!r}"
