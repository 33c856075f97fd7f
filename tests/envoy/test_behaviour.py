"""Requests through a real Envoy with translated resources, to real backends."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tealmesh.envoy.bootstrap.statistics import stats_config
from tealmesh.model.mesh import Instance, Kind
from tests.support.machine import free_port
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.backend import Backend, backend
from tests.support.programs.envoy import RunningEnvoy, loopback, running, static_bootstrap

PROXY = loopback(2)
APP = loopback(3)
PORT = 8080
S = {"unit": "s", "value": 1}


class Mesh:
    """A mesh of nodes that each have one backend, and an Envoy of one of them."""

    def __init__(self, directory: Path) -> None:
        self.builder = MeshBuilder()
        self.directory = directory
        self.backends: dict[str, Backend] = {}
        self.stack = ExitStack()

    def node(self, name: str, last: int, **more: Any) -> Backend:
        """A node with one instance whose backend listens at 127.x.y.``last``."""
        made = self.stack.enter_context(backend(name, loopback(last), PORT))
        self.builder.node(name, **more)
        self.builder.instances(name, made.address)
        self.backends[name] = made
        return made

    @contextmanager
    def envoy(self, name: str, kind: Kind = Kind.VIRTUAL_NODE) -> Iterator[RunningEnvoy]:
        """The Envoy of ``name``, not redirected, at `PROXY`."""
        proxy = self.builder.proxy(name, kind, address=PROXY, app_address=APP)
        admin = ("127.0.0.1", free_port())
        resources = translate(self.builder.snapshot(), proxy)
        with running(static_bootstrap(resources, admin), self.directory, admin) as envoy:
            yield envoy


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    made = Mesh(tmp_path)
    with made.stack:
        yield made


def caller(**more: Any) -> httpx.Client:
    """The application of the proxied node: it sends everything to the egress proxy."""
    return httpx.Client(
        transport=httpx.HTTPTransport(proxy=httpx.Proxy(f"http://{PROXY}:15001")),
        timeout=20,
        **more,
    )


def answer_of(client: httpx.Client, url: str, **more: Any) -> dict[str, Any]:
    response = client.get(url, **more)
    assert response.status_code == 200, (url, response.status_code, response.text)
    answer: dict[str, Any] = response.json()
    return answer


def test_weighted_targets_and_routes_of_a_service(mesh: Mesh) -> None:
    mesh.node("blue", 11)
    mesh.node("green", 12)
    mesh.node("special", 13)
    mesh.builder.service("shop.local", "shop")
    mesh.builder.route("shop", "all", {"blue": 1, "green": 0})
    header = {"name": "x-side", "match": {"exact": "green"}}
    green = {"prefix": "/", "headers": [header]}
    mesh.builder.route("shop", "green", {"green": 1}, match=green)
    mesh.builder.route("shop", "deep", {"special": 1}, match={"prefix": "/deep"})
    exact = {"path": {"exact": "/deep/one"}, "method": "GET"}
    mesh.builder.route("shop", "exact", {"green": 1}, match=exact)
    first = {"prefix": "/deep/first"}
    mesh.builder.route("shop", "first", {"blue": 1}, match=first, priority=0)
    mesh.builder.caller("web", "shop.local")
    with mesh.envoy("web"), caller() as client:
        base = "http://shop.local"
        assert answer_of(client, f"{base}/")["name"] == "blue"
        assert answer_of(client, f"{base}:8080/")["name"] == "blue"
        assert answer_of(client, f"{base}/", headers={"x-side": "green"})["name"] == "green"
        assert answer_of(client, f"{base}/deep/x")["name"] == "special"
        assert answer_of(client, f"{base}/deep/one?q=1")["name"] == "green"
        assert client.post(f"{base}/deep/one").json()["name"] == "special"
        assert answer_of(client, f"{base}//deep/a/../first")["name"] == "blue"
        # DROP_ALL: a name that is not a backend is refused, and never reaches a node.
        assert client.get("http://other.local/").status_code == 404
        # A Host without the absolute form works too.
        direct = httpx.get(f"http://{PROXY}:15001/", headers={"host": "shop.local"})
        assert direct.json()["name"] == "blue"


def test_retries_go_to_another_host_and_time_limits_hold(mesh: Mesh) -> None:
    failing = mesh.node("shop", 11)
    other = mesh.stack.enter_context(backend("other", loopback(12), PORT))
    mesh.builder.instances("shop", failing.address, other.address)
    failing.answer = lambda seen: (503, 0)
    mesh.builder.service("shop.local", "shop")
    mesh.builder.route("shop", "default", {"shop": 1})
    policy = {"httpRetryEvents": ["server-error"], "maxRetries": 0, "perRetryTimeout": S}
    mesh.builder.route("shop", "none", {"shop": 1}, match={"prefix": "/none"}, retryPolicy=policy)
    limit = {"perRequest": {"unit": "ms", "value": 300}}
    mesh.builder.route("shop", "slow", {"shop": 1}, match={"prefix": "/slow"}, timeout=limit)
    mesh.builder.caller("web", "shop.local")
    with mesh.envoy("web") as envoy, caller() as client:
        for _ in range(10):
            assert answer_of(client, "http://shop.local/")["name"] == "other"
        assert len(failing.seen) >= 3
        statuses = {client.get("http://shop.local/none").status_code for _ in range(6)}
        assert statuses == {200, 503}
        other.answer = failing.answer = lambda seen: (200, 1.0)
        begin = time.monotonic()
        assert client.get("http://shop.local/slow").status_code == 504
        assert time.monotonic() - begin < 1
        assert envoy.stat(r"cluster.cds_egress_m_shop_http_8080.upstream_rq_retry") >= 3


def test_ingress_reaches_the_application_and_writes_its_access_log(mesh: Mesh) -> None:
    application = mesh.stack.enter_context(backend("app", APP, PORT))
    text = {"text": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%\n"}
    log = {"accessLog": {"file": {"path": "/dev/stdout", "format": text}}}
    limit = {"timeout": {"http": {"perRequest": {"unit": "ms", "value": 300}}}}
    mesh.builder.node("app", listener=limit, logging=log)
    application.answer = lambda seen: (200, 1.0 if seen.path == "/slow" else 0)
    with mesh.envoy("app") as envoy:
        base = f"http://{PROXY}:{PORT}"
        assert httpx.get(f"{base}/hello").json() == {
            "name": "app",
            "path": "/hello",
            "host": f"{PROXY}:{PORT}",
        }
        assert httpx.get(f"{base}/slow").status_code == 504
        wait_for(lambda: "GET /slow 504\n" in envoy.log())
        assert "GET /hello 200\n" in envoy.log()
        assert envoy.stat("http.ingress.downstream_rq_total") == 2
        assert envoy.stat("http.ingress.downstream_rq_active") == 0


def test_json_access_log_in_a_file(mesh: Mesh, tmp_path: Path) -> None:
    mesh.stack.enter_context(backend("app", APP, PORT))
    pairs = [{"key": "path", "value": "%REQ(:PATH)%"}, {"key": "code", "value": "%RESPONSE_CODE%"}]
    path = tmp_path / "access.json"
    log = {"accessLog": {"file": {"path": str(path), "format": {"json": pairs}}}}
    mesh.builder.node("app", logging=log)
    with mesh.envoy("app"):
        httpx.get(f"http://{PROXY}:{PORT}/seen")
        wait_for(lambda: path.exists() and path.read_text().endswith("\n"))
    assert json.loads(path.read_text()) == {"path": "/seen", "code": 200}


def test_gateway_routes_rewrite_as_app_mesh_does(mesh: Mesh) -> None:
    mesh.node("shop", 11)
    mesh.node("admin", 12)
    mesh.builder.service("shop.local", "shop")
    mesh.builder.route("shop", "all", {"shop": 1})
    mesh.builder.service("api.local", "api")
    mesh.builder.route("api", "v1", {"shop": 1}, match={"prefix": "/v1"})
    mesh.builder.route("api", "admin", {"admin": 1}, match={"path": {"regex": "/admin/[a-z]+"}})
    mesh.builder.gateway("edge")
    add = mesh.builder.gateway_route
    add("edge", "shop", "shop.local", match={"prefix": "/shop"})
    add("edge", "api", "api.local", match={"prefix": "/api/"})
    add("edge", "v2", "api.local", match={"prefix": "/v2"}, rewrite={"prefix": {"value": "/v1"}})
    disabled = {
        "prefix": {"defaultPrefix": "DISABLED"},
        "hostname": {"defaultTargetHostname": "DISABLED"},
    }
    add("edge", "raw", "shop.local", match={"prefix": "/raw"}, rewrite=disabled)
    exact = {"path": {"exact": "/old"}}
    add("edge", "path", "shop.local", match=exact, rewrite={"path": {"exact": "/new"}})
    host = {"hostname": {"suffix": ".example.com"}, "prefix": "/"}
    add("edge", "host", "shop.local", match=host)
    with (
        mesh.envoy("edge", Kind.VIRTUAL_GATEWAY),
        httpx.Client(base_url=f"http://{PROXY}:{PORT}") as client,
    ):
        seen = {"name": "shop", "path": "/", "host": "shop.local"}
        assert answer_of(client, "/shop") == seen
        assert answer_of(client, "/shop/") == seen
        assert answer_of(client, "/shop/a/b?c=d") == {**seen, "path": "/a/b?c=d"}
        assert answer_of(client, "/api/v1/x") == {**seen, "path": "/v1/x", "host": "api.local"}
        assert answer_of(client, "/api/admin/users")["name"] == "admin"
        assert client.get("/api/admin/7").status_code == 404
        assert client.get("/api/other").status_code == 404
        assert answer_of(client, "/v2/x") == {**seen, "path": "/v1/x", "host": "api.local"}
        own = f"{PROXY}:{PORT}"
        assert answer_of(client, "/raw/x") == {**seen, "path": "/raw/x", "host": own}
        assert answer_of(client, "/old?a=1") == {**seen, "path": "/new?a=1"}
        assert client.get("/nothing").status_code == 404
        named = {"host": "www.example.com"}
        assert answer_of(client, "/nothing", headers=named) == {**seen, "path": "/nothing"}
        assert answer_of(client, "/shop/x", headers=named) == {**seen, "path": "/shop/x"}


def test_only_instances_with_every_attribute_that_are_neither_sick_nor_draining(
    mesh: Mesh,
) -> None:
    good = mesh.node("shop", 11)
    others = [
        mesh.stack.enter_context(backend("other", loopback(last), PORT)) for last in (12, 13, 14)
    ]
    attributes = [{"key": "ECS_SERVICE_NAME", "value": "s"}]
    cloud_map = {"namespaceName": "ns", "serviceName": "shop", "attributes": attributes}
    listeners = [{"portMapping": {"port": PORT, "protocol": "http"}}]
    spec = {"listeners": listeners, "serviceDiscovery": {"awsCloudMap": cloud_map}}
    mesh.builder.put(Kind.VIRTUAL_NODE, "shop", spec)
    mesh.builder.instances("shop", good.address)
    mesh.builder.cloud_map["ns", "shop"] = (
        instance(good.address, "s"),
        instance(others[0].address, "another"),
        instance(others[1].address, "s", healthy=False),
        instance(others[2].address, "s", draining=True),
    )
    mesh.builder.service("shop.local", "shop")
    mesh.builder.route("shop", "all", {"shop": 1})
    mesh.builder.caller("web", "shop.local")
    with mesh.envoy("web"), caller() as client:
        for _ in range(12):
            assert answer_of(client, "http://shop.local/")["name"] == "shop"
    assert [one.seen for one in others] == [[], [], []]


def test_health_checks_take_a_failing_instance_out(mesh: Mesh) -> None:
    check = {
        "protocol": "http",
        "path": "/health",
        "port": PORT,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
        "timeoutMillis": 2000,
        "intervalMillis": 5000,
    }
    good = mesh.node("shop", 11, listener={"healthCheck": check})
    bad = mesh.stack.enter_context(backend("bad", loopback(12), PORT))
    bad.answer = lambda seen: (500 if seen.path == "/health" else 200, 0)
    mesh.builder.instances("shop", good.address, bad.address)
    mesh.builder.service("shop.local", "shop")
    mesh.builder.route("shop", "all", {"shop": 1})
    mesh.builder.caller("web", "shop.local")
    with mesh.envoy("web"), caller() as client:
        wait_for(lambda: any(one.path == "/health" for one in bad.seen))
        for _ in range(12):
            assert answer_of(client, "http://shop.local/")["name"] == "shop"
    assert "/" not in bad.paths()
    assert "/health" in good.paths()


def test_a_service_provided_by_a_node_found_by_dns(mesh: Mesh) -> None:
    made = mesh.stack.enter_context(backend("dns", loopback(11), PORT))
    dns = {"dns": {"hostname": made.address, "responseType": "ENDPOINTS"}}
    mesh.builder.node("shop", serviceDiscovery=dns)
    provider = {"virtualNode": {"virtualNodeName": "shop"}}
    mesh.builder.put(Kind.VIRTUAL_SERVICE, "shop.local", {"provider": provider})
    mesh.builder.put(Kind.VIRTUAL_SERVICE, "none.local", {})
    mesh.builder.caller("web", "shop.local", "none.local", "missing.local")
    with mesh.envoy("web"), caller() as client:
        assert answer_of(client, "http://shop.local:8080/x")["name"] == "dns"
        assert client.get("http://none.local/").status_code == 404
        assert client.get("http://missing.local/").status_code == 404


def test_allow_all_lets_requests_out_of_the_mesh(mesh: Mesh) -> None:
    outside = mesh.stack.enter_context(backend("outside", loopback(11)))
    mesh.builder.put(Kind.MESH, "m", {"egressFilter": {"type": "ALLOW_ALL"}})
    mesh.builder.caller("web")
    with mesh.envoy("web"), caller() as client:
        url = f"http://{outside.address}:{outside.port}/x"
        assert answer_of(client, url)["name"] == "outside"


def test_tcp_routes_by_connect_and_the_way_in(mesh: Mesh) -> None:
    mesh.node("db", 11, protocol="tcp")
    mesh.node("other", 12, protocol="tcp")
    mesh.builder.service("db.local", "db", port=5432, protocol="tcp")
    weighted = {"db": 1, "other": 0}
    mesh.builder.route("db", "all", weighted, member="tcpRoute", match={})
    backends = [{"virtualService": {"virtualServiceName": "db.local"}}]
    mesh.stack.enter_context(backend("app", APP, PORT))
    mesh.builder.node("web", protocol="tcp", backends=backends)
    with mesh.envoy("web"):
        for _ in range(5):
            connection = http.client.HTTPConnection(PROXY, 15001, timeout=10)
            connection.set_tunnel("db.local", 5432)
            connection.request("GET", "/through")
            assert json.loads(connection.getresponse().read())["name"] == "db"
            connection.close()
        assert httpx.get(f"http://{PROXY}:{PORT}/in").json()["name"] == "app"


def instance(address: str, service: str, **more: Any) -> Any:

    attributes = (("AWS_INSTANCE_IPV4", address), ("ECS_SERVICE_NAME", service))
    return Instance(address, attributes, **more)


def wait_for(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_the_statistics_that_deployments_are_judged_by_are_kept_and_few_others(mesh: Mesh) -> None:
    mesh.node("shop", 11)
    mesh.stack.enter_context(backend("app", APP, PORT))
    mesh.builder.service("shop.local", "shop")
    mesh.builder.route("shop", "all", {"shop": 1})
    backends = [{"virtualService": {"virtualServiceName": "shop.local"}}]
    mesh.builder.node("web", backends=backends)
    admin = ("127.0.0.1", free_port())
    proxy = mesh.builder.proxy("web", address=PROXY, app_address=APP)
    whole = json.loads(static_bootstrap(translate(mesh.builder.snapshot(), proxy), admin))
    whole["stats_config"] = stats_config(proxy.resource, tagged=True)
    with running(json.dumps(whole), mesh.directory, admin) as envoy, caller() as client:
        assert answer_of(client, "http://shop.local/")["name"] == "shop"
        assert httpx.get(f"http://{PROXY}:{PORT}/in").status_code == 200
        cluster = "cluster.cds_egress_m_shop_http_8080"
        assert envoy.stat(f"{cluster}.upstream_rq_2xx") == 1
        assert envoy.stat(f"{cluster}.upstream_rq_total") == 1
        assert envoy.stat(f"{cluster}.membership_healthy") == 1
        assert envoy.stat("http.ingress.downstream_rq_2xx") == 1
        lines = httpx.get(f"{envoy.admin}/stats").text.splitlines()
        kept = {line.partition(":")[0] for line in lines}
    assert {f"{cluster}.upstream_rq_time", "http.ingress.downstream_rq_active"} <= kept
    assert len(kept) < 150
