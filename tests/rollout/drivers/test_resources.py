"""The AWS resources that a service and a gateway of teal.toml become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.nouns import GatewayConfig, GatewayProtocol
from tealmesh.rollout.discovery.routes import route_targets
from tealmesh.rollout.drivers import gateways, resources
from tealmesh.rollout.drivers.resources import covers
from tealmesh.rollout.system import GatewaySystem
from tests.rollout.world import system as service

trees = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
prefixes = st.lists(
    st.text("abA-_./%", max_size=6).map(lambda tail: f"/{tail}"), unique=True, min_size=1
)


@given(trees, st.dictionaries(st.text(max_size=3), trees))
def test_members_that_aws_adds_are_no_difference_and_missing_ones_are(
    wanted: object, more: dict[str, object]
) -> None:
    assert covers(wanted, wanted)
    assert covers({**more, "wanted": wanted, "default": 1}, {"wanted": wanted})
    assert not covers({"default": 1}, {"wanted": wanted})
    assert not covers([wanted], [wanted, wanted])
    assert not covers({"wanted": [wanted]}, {"wanted": {"wanted": wanted}})


@given(prefixes)
def test_each_prefix_has_a_gateway_route_of_its_own(paths: list[str]) -> None:
    gateway = GatewaySystem("m", "c", GatewayConfig("edge", 9080, dict.fromkeys(paths, "web")))
    routes = gateways.gateway_routes(gateway, {"web": "web.local"})
    assert len({route.names["gatewayRouteName"] for route in routes}) == len(paths)


@pytest.mark.parametrize(
    ("protocol", "prefix", "member", "match"),
    [
        ("http", "/pay", "httpRoute", {"prefix": "/pay"}),
        ("http2", "/", "http2Route", {"prefix": "/"}),
        ("grpc", "/", "grpcRoute", {}),
        ("grpc", "/shop.Orders", "grpcRoute", {"serviceName": "shop.Orders"}),
        ("grpc", "/shop.Orders/", "grpcRoute", {"serviceName": "shop.Orders"}),
    ],
)
def test_a_gateway_and_its_routes_speak_what_its_services_speak(
    protocol: GatewayProtocol, prefix: str, member: str, match: dict[str, str]
) -> None:
    gateway = GatewaySystem("m", "c", GatewayConfig("edge", 9080, {prefix: "web"}, protocol))
    listener = gateways.virtual_gateway(gateway).spec["listeners"][0]
    assert listener["portMapping"]["protocol"] == protocol
    (route,) = gateways.gateway_routes(gateway, {"web": "web.local"})
    assert set(route.spec) == {member}
    assert cast("dict[str, Any]", route.spec)[member]["match"] == match


def test_a_side_is_discovered_by_its_ecs_service_and_its_envoy_has_its_name() -> None:
    one = service()
    node = resources.virtual_node(one, "green")
    discovery = node.spec["serviceDiscovery"]["awsCloudMap"]
    assert discovery["attributes"] == [{"key": "ECS_SERVICE_NAME", "value": "web-green"}]
    assert node.spec["listeners"][0]["healthCheck"]["port"] == 8080
    definition = resources.task_definition(one, "green", "web:2", "us-east-1")
    app, envoy = definition["containerDefinitions"]
    assert app["image"] == "web:2"
    assert envoy["environment"] == [
        {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/demo/virtualNode/web-green"}
    ]


@pytest.mark.parametrize("protocol", ["http", "http2", "grpc", "tcp"])
def test_a_service_speaks_one_of_four_protocols(protocol: Any) -> None:
    one = service()
    config = replace(one.config, protocol=protocol, idle_timeout=7.0)
    one = replace(one, config=config)
    listener = resources.virtual_node(one, "blue").spec["listeners"][0]
    assert listener["portMapping"] == {"port": 8080, "protocol": protocol}
    assert listener["healthCheck"]["protocol"] == protocol
    assert ("path" in listener["healthCheck"]) == protocol.startswith("http")
    idle = {"idle": {"unit": "s", "value": 7}}
    assert listener["timeout"] == {protocol: idle}
    router = resources.virtual_router(one).spec["listeners"][0]["portMapping"]
    assert router["protocol"] == one.protocol == protocol
    spec = resources.route(one, {"blue": 1, "green": 0}).spec
    (member,) = spec
    assert member == f"{protocol}Route"
    assert spec[member]["timeout"] == idle  # type: ignore[literal-required]
    assert route_targets(spec) == {"web-blue": 1, "web-green": 0}


def test_times_of_teal_toml_are_in_the_specifications_and_in_envoys_environment() -> None:
    one = service()
    plain = resources.virtual_node(one, "blue").spec["listeners"][0]
    assert "timeout" not in plain
    assert "timeout" not in resources.route(one, {"blue": 1}).spec["httpRoute"]
    config = replace(one.config, request_timeout=0.0, idle_timeout=0.25, drain_time=3600.0)
    timed = replace(one, config=config)
    timeout = {"perRequest": {"unit": "s", "value": 0}, "idle": {"unit": "ms", "value": 250}}
    assert resources.virtual_node(timed, "blue").spec["listeners"][0]["timeout"]["http"] == timeout
    assert resources.route(timed, {"blue": 1}).spec["httpRoute"]["timeout"] == timeout
    _, envoy = resources.task_definition(timed, "blue", "i", "r")["containerDefinitions"]
    assert {"name": "TEAL_DRAIN_TIME", "value": "3600"} in envoy["environment"]
    edge = GatewayConfig("edge", 9080, {}, request_timeout=0.5, idle_timeout=60.0, drain_time=90.0)
    (alone,) = resources.gateway_task_definition(GatewaySystem("m", "c", edge), "r")[
        "containerDefinitions"
    ]
    variables = {pair["name"]: pair["value"] for pair in alone["environment"]}
    assert variables.items() >= {
        ("TEAL_REQUEST_TIMEOUT", "0.5"),
        ("TEAL_IDLE_TIMEOUT", "60"),
        ("TEAL_DRAIN_TIME", "90"),
    }
