"""Preview, mirror, A/B and stickiness through a real Envoy, beside the weights of a route."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tealmesh.model.config.beside import Cohort, Mirror, Preview, Sticky
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.mesh import Kind
from tests.support.machine import free_port
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.backend import Backend, backend
from tests.support.programs.envoy import (
    RunningEnvoy,
    as_json,
    loopback,
    running,
    static_bootstrap,
    validate,
)
from tests.support.waiting import until

PROXY = loopback(2)
PORT = 8080


class Shop:
    """``shop.local`` with the sides blue and green, called by ``web`` and through ``edge``; the
    deployment to green is of the service ``shop``.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.builder = MeshBuilder()
        self.blue = self._side(stack, "blue", 11)
        self.green = self._side(stack, "green", 12)
        self.router("shop")
        self.builder.caller("web", "shop.local")
        self.builder.gateway("edge")
        self.builder.gateway_route("edge", "shop", "shop.local")

    def _side(self, stack: ExitStack, name: str, last: int) -> Backend:
        made = stack.enter_context(backend(name, loopback(last), PORT))
        self.builder.node(name)
        self.builder.instances(name, made.address)
        return made

    def router(self, name: str, blue: int = 100, green: int = 0) -> None:
        self.builder.service(f"{name}.local", name)
        self.builder.route(name, "all", {"blue": blue, "green": green})

    def beside(
        self,
        router: str = "shop",
        preview: Preview | None = None,
        mirror: Mirror | None = None,
        cohort: Cohort | None = None,
        sticky: Sticky | None = None,
    ) -> None:
        self.builder.extensions[router] = RouterExtension(
            "m", router, "d1", router, "green", "green", preview, mirror, cohort, sticky
        )

    @contextmanager
    def envoy(
        self, name: str = "web", kind: Kind = Kind.VIRTUAL_NODE
    ) -> Iterator[tuple[RunningEnvoy, httpx.Client]]:
        """The Envoy of a caller and a client that calls through it."""
        proxy = self.builder.proxy(name, kind, address=PROXY)
        admin = ("127.0.0.1", free_port())
        resources = translate(self.builder.snapshot(), proxy)
        way = httpx.HTTPTransport(proxy=httpx.Proxy(f"http://{PROXY}:15001"))
        if kind is Kind.VIRTUAL_GATEWAY:
            way = httpx.HTTPTransport()
        with (
            running(static_bootstrap(resources, admin), self.directory, admin) as envoy,
            httpx.Client(transport=way, timeout=20) as client,
        ):
            yield envoy, client


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(tmp_path, stack)


def side(client: httpx.Client, url: str = "http://shop.local/", **headers: str) -> str:
    """Which side answers."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(url, headers=fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["name"])


def test_a_preview_reaches_the_new_side_without_weight_by_header_and_by_baggage(
    shop: Shop,
) -> None:
    shop.beside(preview=Preview())
    deep = {"prefix": "/deep"}
    shop.builder.route("shop", "deep", {"blue": 1, "green": 0}, match=deep)
    shop.builder.route("shop", "own", {"blue": 1}, match={"prefix": "/own"})
    with shop.envoy() as (envoy, client):
        for value in ("green", "shop=green", "other=blue, shop=green", "green ,cart=blue"):
            assert side(client, x_teal_preview=value) == "green", value
        for value in (
            "x-teal-preview=green",
            "a=b, X-Teal-Preview = green ; p=1,c=d",
            "x-teal-preview=cart=blue%2Cshop%3Dgreen",
        ):
            assert side(client, baggage=value) == "green", value
        assert side(client, "http://shop.local/deep/x", x_teal_preview="green") == "green"
        # Others are where their route's weights say: no header, another side, another service.
        assert side(client) == "blue"
        for value in ("blue", "greenish", "cart=green", "Green"):
            assert side(client, x_teal_preview=value) == "blue", value
        for value in ("x-teal-preview=blue", "not-x-teal-preview=green", "a=x-teal-preview=green"):
            assert side(client, baggage=value) == "blue", value
        # A route that the deployment does not shift has no preview.
        assert side(client, "http://shop.local/own/", x_teal_preview="green") == "blue"
        # Services further on see the header too, as the application passes it on.
        assert shop.green.seen[0].headers["x-teal-preview"] == "green"
        assert envoy.stat("cluster.cds_preview_m_green_http_8080.upstream_rq_total") == 8
        assert envoy.stat("cluster.cds_egress_m_green_http_8080.upstream_rq_total") == 0


@pytest.mark.parametrize("allowed", [False, True])
def test_a_gateway_removes_the_header_unless_the_preview_allows_it(
    shop: Shop, allowed: bool
) -> None:
    shop.beside(preview=Preview(allow=("edge",) if allowed else ("another",)))
    base = f"http://{PROXY}:{PORT}/"
    with shop.envoy("edge", Kind.VIRTUAL_GATEWAY) as (_, client):
        wanted = "green" if allowed else "blue"
        assert side(client, base, x_teal_preview="green") == wanted
        assert side(client, base, baggage="a=b,x-teal-preview=green,c=d") == wanted
        assert side(client, base, baggage="x-teal-preview=green") == wanted
        assert side(client, base, baggage="a=b") == "blue"
    seen = (shop.green if allowed else shop.blue).seen
    if allowed:
        assert seen[0].headers["x-teal-preview"] == "green"
        assert seen[1].headers["baggage"] == "a=b,x-teal-preview=green,c=d"
    else:
        assert "x-teal-preview" not in seen[0].headers
        assert seen[1].headers["baggage"] == "a=b,c=d"
        assert "baggage" not in seen[2].headers
    assert shop.blue.seen[-1].headers["baggage"] == "a=b"


def test_a_header_of_one_preview_passes_a_gateway_only_if_all_previews_with_it_allow_that(
    shop: Shop,
) -> None:
    shop.router("cart")
    shop.beside(preview=Preview(allow=("edge",)))
    shop.beside("cart", preview=Preview())
    base = f"http://{PROXY}:{PORT}/"
    with shop.envoy("edge", Kind.VIRTUAL_GATEWAY) as (_, client):
        assert side(client, base, x_teal_preview="green") == "blue"
    shop.beside("cart", preview=Preview("x-cart"))
    with shop.envoy("edge", Kind.VIRTUAL_GATEWAY) as (_, client):
        assert side(client, base, x_teal_preview="green", x_cart="green") == "green"
    assert "x-cart" not in shop.green.seen[0].headers


def test_copies_go_to_the_new_side_and_nobody_sees_their_answers(shop: Shop) -> None:
    shop.beside(mirror=Mirror(percent=100))
    shop.green.answer = lambda seen: (500, 0.0)
    with shop.envoy() as (envoy, client):
        for _ in range(5):
            assert side(client, "http://shop.local/read?x=1") == "blue"
        assert client.post("http://shop.local/write").status_code == 200
        mirror = "cluster.cds_mirror_m_green_http_8080."
        until(lambda: envoy.stat(f"{mirror}upstream_rq_5xx") == 5)
        assert envoy.stat(f"{mirror}upstream_rq_completed") == 5
        # The evidence of both sides is as if there were no copies.
        assert envoy.stat("cluster.cds_egress_m_green_http_8080.upstream_rq_total") == 0
        assert envoy.stat("cluster.cds_egress_m_blue_http_8080.upstream_rq_completed") == 6
    assert {(one.method, one.path, one.host) for one in shop.green.seen} == {
        ("GET", "/read?x=1", "shop.local")
    }


def test_copies_of_other_methods_when_they_are_named(shop: Shop) -> None:
    shop.beside(mirror=Mirror(percent=100, methods=("POST",)))
    with shop.envoy() as (_, client):
        client.post("http://shop.local/write")
        until(lambda: len(shop.green.seen) == 1)
        client.get("http://shop.local/read")
    assert shop.green.paths() == ["/write"]


def test_a_cohort_is_sent_to_the_new_side_by_header_or_cookie(shop: Shop) -> None:
    shop.router("cart")
    shop.builder.caller("web", "shop.local", "cart.local")
    shop.beside(cohort=Cohort("beta", header="x-cohort"))
    shop.beside("cart", cohort=Cohort("beta", cookie="cohort"))
    cart = "http://cart.local/"
    with shop.envoy() as (envoy, client):
        assert side(client, x_cohort="beta") == "green"
        assert side(client) == side(client, x_cohort="beta2") == "blue"
        for cookie in ("cohort=beta", "a=b; cohort=beta; c=d", 'cohort="beta"'):
            assert side(client, cart, cookie=cookie) == "green", cookie
        for cookie in ("cohort=beta2", "xcohort=beta", "a=cohort=beta"):
            assert side(client, cart, cookie=cookie) == "blue", cookie
        assert envoy.stat("cluster.cds_cohort_m_green_http_8080.upstream_rq_total") == 4


def test_a_cohort_goes_by_the_weights_while_the_new_side_cannot_answer(shop: Shop) -> None:
    shop.beside(cohort=Cohort("beta", header="x-cohort"), mirror=Mirror(percent=100))
    address = shop.green.address
    shop.builder.instances("green", address, healthy=False)
    with shop.envoy() as (_, client):
        assert side(client, x_cohort="beta") == "blue"
    assert shop.green.seen == []


def test_a_cookie_keeps_users_and_they_only_move_to_the_new_side(shop: Shop) -> None:
    """Every weight from 0 to 100 is a service of its own; a user asks all of them in turn."""
    names = [f"at{weight}" for weight in range(101)]
    for weight, name in enumerate(names):
        shop.router(name, 100 - weight, weight)
        shop.beside(name, sticky=Sticky(cookie="user", ttl=3600))
    shop.builder.caller("web", *(f"{name}.local" for name in names))
    with shop.envoy() as (_, client):
        assert {first_answer(client)[0] for _ in range(25)} == {"blue", "green"}
        for _ in range(5):
            first, cookie = first_answer(client)
            assert cookie.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
            fields = {"cookie": f"a=b; {cookie.partition(';')[0]}"}
            sides = []
            for name in names:
                answer = client.get(f"http://{name}.local/", headers=fields)
                assert "set-cookie" not in answer.headers
                sides.append(answer.json()["name"])
            # The side of the first answer is the one of the cookie that it set.
            assert sides[40] == first
            assert (sides[0], sides[-1]) == ("blue", "green")
            changes = [pair for pair in itertools.pairwise(sides) if pair[0] != pair[1]]
            assert changes == [("blue", "green")]


def first_answer(client: httpx.Client) -> tuple[str, str]:
    """The side that answers a user without a cookie at 40 %, and the cookie that is set."""
    answer = client.get("http://at40.local/")
    client.cookies.clear()
    return answer.json()["name"], answer.headers["set-cookie"]


def test_a_header_keeps_users(shop: Shop) -> None:
    shop.router("shop", 50, 50)
    shop.beside(sticky=Sticky(header="x-user"))
    with shop.envoy() as (_, client):
        found = {f"u{n}": side(client, x_user=f"u{n}") for n in range(20)}
        assert set(found.values()) == {"blue", "green"}
        for user, before in found.items():
            assert side(client, x_user=user) == before
        # Without the header a request goes by the weights alone.
        assert {side(client) for _ in range(30)} == {"blue", "green"}


def test_envoy_accepts_all_of_it_at_once_for_every_protocol(tmp_path: Path) -> None:
    mesh = MeshBuilder()
    for protocol, member in (("http", "httpRoute"), ("http2", "http2Route"), ("grpc", "grpcRoute")):
        old, new, router = f"{protocol}-old", f"{protocol}-new", f"{protocol}-router"
        mesh.node(old, protocol=protocol)
        mesh.node(new, protocol=protocol)
        mesh.service(f"{protocol}.local", router, protocol=protocol)
        match = {} if protocol == "grpc" else {"prefix": "/"}
        mesh.route(router, "all", {old: 90, new: 0}, member=member, match=match)
        mesh.instances(old, "127.9.9.1")
        mesh.instances(new, "127.9.9.2")
        mesh.extensions[router] = RouterExtension(
            "m", router, "d", "s.1", "new", new, Preview("x-p"), Mirror(0.01, methods=("POST",)),
            Cohort("a|b", cookie="c.c"), Sticky(cookie="s"),
        )  # fmt: skip
    mesh.caller("web", "http.local", "http2.local", "grpc.local")
    mesh.gateway("edge")
    mesh.gateway_route("edge", "all", "http.local")
    for name, kind in (("web", Kind.VIRTUAL_NODE), ("edge", Kind.VIRTUAL_GATEWAY)):
        made = translate(mesh.snapshot(), mesh.proxy(name, kind, address="127.0.0.9"))
        assert validate(static_bootstrap(made), tmp_path) == ""


def test_hosts_are_checked_once_more_only_for_a_cohort_and_found_as_ever(shop: Shop) -> None:
    check = {
        "protocol": "http", "path": "/", "intervalMillis": 5000, "timeoutMillis": 2000,
        "healthyThreshold": 2, "unhealthyThreshold": 2,
    }  # fmt: skip
    shop.builder.node("green", listener={"healthCheck": check})
    shop.beside(preview=Preview(), mirror=Mirror(), cohort=Cohort("b", header="x-c"))
    made = translate(shop.builder.snapshot(), shop.builder.proxy("web"))
    checked = {name for name, one in made.clusters.items() if "health_checks" in as_json(one)}
    assert checked == {"cds_egress_m_green_http_8080", "cds_cohort_m_green_http_8080"}
    own = {
        name: as_json(one)["endpoints"] for name, one in made.endpoints.items() if "green" in name
    }
    assert len(own) == 4
    assert all(one == own["cds_egress_m_green_http_8080"] for one in own.values())


def test_without_an_extension_nothing_is_added(shop: Shop) -> None:
    before = translate(shop.builder.snapshot(), shop.builder.proxy("web"))
    shop.beside(preview=Preview())
    extension = shop.builder.extensions["shop"]
    shop.builder.extensions["shop"] = replace(extension, node="elsewhere")
    other_node = translate(shop.builder.snapshot(), shop.builder.proxy("web"))
    assert other_node.routes == before.routes
    assert set(other_node.clusters) == set(before.clusters)
