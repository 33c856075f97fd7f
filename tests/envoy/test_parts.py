"""Requests to parts of a service are labelled by the routes, before and behind a gateway."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from hypothesis import assume, given
from hypothesis import strategies as st

from tealmesh.envoy.bootstrap.bootstrap import proxy_of
from tealmesh.envoy.extensions.parts import EXTENSION, FILTER
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.model.traffic.parts import Part
from tests.envoy.test_gateways import (
    PIECES,
    gateway_paths,
    holds,
    pieces,
    rewrites,
    rewritten,
)
from tests.envoy.test_translate import EGRESS, shop
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import as_json, decoded, static_message, validate

parts = st.builds(
    Part,
    method=st.sampled_from(["", "POST", "GET"]),
    prefix=st.one_of(st.just(""), pieces),
    header=st.sampled_from(["", "x-tenant"]),
    value=st.sampled_from(["a", "b"]),
).filter(lambda part: bool(part.method or part.prefix or part.header))
watches = st.lists(parts, min_size=1, max_size=4, unique=True).map(tuple)


@dataclass(frozen=True)
class Request:
    path: str
    method: str = "GET"
    tenant: str = ""
    query: str = ""

    def header(self, name: str) -> str:
        return {":method": self.method, "x-tenant": self.tenant, ":path": self.path + self.query}[
            name
        ]

    def at(self, path: str) -> Request:
        return replace(self, path=path)


request_paths = sorted({a.rstrip("/") + b for a in PIECES for b in PIECES})
requests = st.builds(
    Request,
    path=st.sampled_from(request_paths),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    tenant=st.sampled_from(["", "a", "b"]),
    query=st.sampled_from(["", "?q=/a/b"]),
)


def inside(part: Part, request: Request) -> bool:
    """Whether the service would say that the request, as it has received it, is in the part."""
    return (
        (not part.method or part.method == request.method)
        and request.path.startswith(part.prefix)
        and (not part.header or part.value == request.tenant)
    )


def label(routes: Iterable[components.Route], request: Request) -> str | None:
    """The label of the route that Envoy would choose; None for none."""
    for route in routes:
        match = route.match
        path = {
            "path": match.path == request.path,
            "prefix": request.path.startswith(match.prefix),
            "safe_regex": re.fullmatch(match.safe_regex.regex, request.path) is not None,
        }
        if path[match.WhichOneof("path_specifier")] and all(
            _holds(header, request) for header in match.headers
        ):
            metadata = route.metadata.filter_metadata
            return str(metadata["tealmesh"]["part"]) if "tealmesh" in metadata else ""
    return None


def _holds(header: components.HeaderMatcher, request: Request) -> bool:
    text, wanted = request.header(header.name), header.string_match
    kind = wanted.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return re.fullmatch(wanted.safe_regex.regex, text) is not None
    return text == wanted.exact if kind == "exact" else text.startswith(wanted.prefix)


def labels(watch: tuple[Part, ...], request: Request) -> str:
    return "_".join(part.key for part in watch if inside(part, request)) or "rest"


def routes_of(resource: Any) -> Any:
    return decoded(resource).virtual_hosts[0].routes


@given(watches, requests, gateway_paths)
def test_a_request_to_a_service_has_the_label_of_all_its_parts(
    watch: tuple[Part, ...], request: Request, path: Any
) -> None:
    mesh = shop()
    one = {"path": {path.kind: path.value}} if path.kind != "prefix" else {"prefix": path.value}
    mesh.route("shop", "all", {"blue": 3, "green": 0}, match=one)
    snapshot = replace(mesh.snapshot(), watched={"shop": watch})
    made = routes_of(translate(snapshot, mesh.proxy("web")).routes[EGRESS])
    wanted = labels(watch, request) if holds(path, request.path) else None
    assert label(made, request) == wanted


@given(st.data(), watches, requests, gateway_paths)
def test_behind_a_gateway_it_is_the_path_that_the_service_receives(
    data: st.DataObject, watch: tuple[Part, ...], request: Request, path: Any
) -> None:
    spec = data.draw(rewrites(path))
    matching = [one for one in request_paths if holds(path, one)]
    assume(matching)
    request = request.at(data.draw(st.sampled_from(matching)))
    received = request.at(rewritten(path, spec, request.path))
    mesh = MeshBuilder()
    mesh.node("n")
    mesh.service("s.local", "r")
    mesh.route("r", "all", {"n": 1})
    mesh.gateway("g")
    one = {"path": {path.kind: path.value}} if path.kind != "prefix" else {"prefix": path.value}
    mesh.gateway_route("g", "route", "s.local", match=one, rewrite=spec)
    snapshot = replace(mesh.snapshot(), watched={"r": watch})
    made = translate(snapshot, mesh.proxy("g", Kind.VIRTUAL_GATEWAY))
    assert label(routes_of(made.routes["rds_ingress_http_8080"]), request) == labels(
        watch, received
    )


def test_watching_changes_routes_alone_and_each_leads_to_where_it_led(tmp_path: Path) -> None:
    """A listener that changes drains, which ends streams; a cluster would have to warm up."""
    mesh = shop()
    mesh.gateway("edge")
    mesh.gateway_route("edge", "route", "shop.local", match={"prefix": "/shop"})
    watch = (Part(method="POST"), Part(prefix="/pay"), Part(header="x-tenant", value="acme"))
    plain, watched = mesh.snapshot(), replace(mesh.snapshot(), watched={"shop": watch})
    for proxy in (mesh.proxy("web"), mesh.proxy("edge", Kind.VIRTUAL_GATEWAY)):
        before, after = (
            translate(one, replace(proxy, counts_parts=True, times_parts=True))
            for one in (plain, watched)
        )
        assert (before.listeners, before.clusters) == (after.listeners, after.clusters)
        (name,) = [name for name in before.routes if before.routes[name] != after.routes[name]]
        (route, *_), divided = routes_of(before.routes[name]), routes_of(after.routes[name])
        divided = [one for one in divided if one.HasField("route")]
        assert len(divided) == 8
        assert all(one.route == route.route and one.name == route.name for one in divided)
        assert divided[-1].match == route.match
        assert validate(static_message(after).SerializeToString(), tmp_path) == ""


def test_only_envoys_that_can_count_get_the_log_that_counts() -> None:
    def node(minor: int, *extensions: str) -> Any:
        made = base_pb2.Node(id="mesh/m/virtualNode/web", user_agent_name="envoy")
        made.user_agent_build_version.version.major_number = 1
        made.user_agent_build_version.version.minor_number = minor
        for extension in extensions:
            made.extensions.add(name=extension)
        return made

    def logs(proxy: Proxy) -> tuple[bool, bool]:
        """Whether it counts, and whether it times."""
        mesh = shop()
        made = translate(mesh.snapshot(), proxy).listeners["lds_egress_0.0.0.0_15001"]
        return EXTENSION in str(as_json(made)), FILTER in str(as_json(made))

    assert logs(proxy_of(node(40, "envoy.filters.http.router", EXTENSION))) == (True, False)
    assert logs(proxy_of(node(40, EXTENSION, FILTER))) == (True, True)
    assert logs(proxy_of(node(40, "envoy.filters.http.router"))) == (False, False)
    assert logs(proxy_of(node(38, EXTENSION, FILTER))) == (False, False)
