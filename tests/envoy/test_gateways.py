"""A gateway route and the route behind it, put together, answer as one after the other would."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from envoy.config.route.v3 import route_components_pb2
from hypothesis import assume, given
from hypothesis import strategies as st

from tealmesh.envoy.gateways import compose, http_rewrite
from tealmesh.envoy.routing.matches import Match, Path
from tealmesh.model.mesh import Kind, Proxy
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import as_json

PIECES = ("/", "/a", "/a/", "/ab", "/a/b", "/b", "/b/", "/a/b/c", "/a.b")
pieces = st.sampled_from(PIECES)
patterns = st.sampled_from(["/a", "/[ab]", "/a/.*", "/a|/b", "/a*/b", "/.*", "/b/[a-c]+", "/ab?c"])
gateway_paths = st.one_of(
    st.builds(Path, st.just("prefix"), pieces),
    st.builds(Path, st.just("exact"), pieces),
    st.builds(Path, st.just("regex"), patterns),
)
route_paths = st.one_of(
    st.builds(Path, st.sampled_from(["prefix", "exact"]), pieces),
    st.builds(Path, st.just("regex"), patterns),
)
requests = st.builds(lambda a, b: a.rstrip("/") + b, pieces, pieces)


def holds(path: Path, text: str) -> bool:
    if path.kind == "prefix":
        return text.startswith(path.value)
    if path.kind == "exact":
        return text == path.value
    return re.fullmatch(path.value, text) is not None


def holds_at_gateway(match: Match | None, text: str) -> bool:
    if match is None:
        return False
    headers = [route_components_pb2.HeaderMatcher.FromString(one) for one in match.headers]
    assert all(header.name == ":path" for header in headers)
    texts = [header.string_match.safe_regex.regex for header in headers]
    return holds(match.path, text) and all(re.fullmatch(one, text) for one in texts)


@st.composite
def rewrites(draw: Any, gateway: Path) -> dict[str, Any]:
    if gateway.kind == "prefix":
        choices = [
            {},
            {"prefix": {"defaultPrefix": "ENABLED"}},
            {"prefix": {"defaultPrefix": "DISABLED"}},
            {"prefix": {"value": draw(pieces)}},
        ]
    else:
        choices = [{}, {"path": {"exact": draw(pieces)}}]
    return draw(st.sampled_from(choices))  # type: ignore[no-any-return]


def rewritten(gateway: Path, spec: dict[str, Any], text: str) -> str:
    """The path after the rewrite, as App Mesh's guide describes it."""
    if "path" in spec:
        return str(spec["path"]["exact"])
    prefix = spec.get("prefix", {})
    if gateway.kind != "prefix" or prefix.get("defaultPrefix") == "DISABLED":
        return text
    rest = text.removeprefix(gateway.value)
    if "value" in prefix:
        # The request passes the gateway's own listener again, which merges slashes.
        return re.sub("/+", "/", str(prefix["value"]) + rest)
    return rest if rest.startswith("/") else f"/{rest}"


@given(st.data(), gateway_paths, route_paths, requests)
def test_both_in_one_step_is_one_after_the_other(
    data: st.DataObject, gateway: Path, route: Path, text: str
) -> None:
    spec = data.draw(rewrites(gateway))
    assume("//" not in text)
    rewrite = http_rewrite(spec, gateway, "s")
    match = compose(Match(gateway), rewrite, Match(route))
    wanted = holds(gateway, text) and holds(route, rewritten(gateway, spec, text))
    got = holds_at_gateway(match, text)
    if route.kind == "regex" and not rewrite.keeps_path and rewrite.exact is None:
        # A prefix cannot always be cut off a pattern: then fewer requests match, never wrong ones.
        assert wanted or not got
    else:
        assert got == wanted


@given(st.permutations(["/", "/a", "/a/b", "/a/b/c", "/b"]))
def test_longer_prefixes_are_tried_first_whatever_their_names(prefixes: list[str]) -> None:
    mesh = MeshBuilder()
    mesh.node("n")
    mesh.service("s.local", "r")
    mesh.route("r", "all", {"n": 1})
    mesh.gateway("g")
    for index, prefix in enumerate(prefixes):
        mesh.gateway_route("g", f"route{index}", "s.local", match={"prefix": prefix})
    made = translate(mesh.snapshot(), mesh.proxy("g", Kind.VIRTUAL_GATEWAY))
    hosts = as_json(made.routes["rds_ingress_http_8080"])["virtual_hosts"]
    tried = [route["match"]["prefix"] for route in hosts[0]["routes"]]
    assert tried == ["/a/b/c", "/a/b", *[p for p in tried if len(p) == 2], "/"]
    assert sorted(tried) == sorted(prefixes)


def test_a_gateway_may_give_requests_less_time_than_their_services() -> None:
    mesh = MeshBuilder()
    mesh.node("n")
    mesh.service("s.local", "r")
    mesh.route("r", "all", {"n": 1})
    mesh.gateway("g")
    mesh.gateway_route("g", "route", "s.local", match={"prefix": "/"})
    plain = mesh.proxy("g", Kind.VIRTUAL_GATEWAY)

    def times(proxy: Proxy) -> tuple[Any, Any]:
        made = translate(mesh.snapshot(), proxy)
        (host,) = as_json(made.routes["rds_ingress_http_8080"])["virtual_hosts"]
        action = host["routes"][0]["route"]
        return action["timeout"], action.get("idle_timeout")

    assert times(plain) == ("15s", None)
    assert times(replace(plain, request_timeout=1.5, idle_timeout=0.0)) == ("1.500s", "0s")
