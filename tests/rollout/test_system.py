"""What teal.toml becomes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.nouns import GatewayConfig
from tealmesh.rollout import system
from tealmesh.rollout.system import GatewaySystem, ServiceSystem, covers
from tests.rollout.world import system as service

trees = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
prefixes = st.lists(
    st.text("abA-_./%", max_size=6).map(lambda tail: f"/{tail}"), unique=True, min_size=1
)


def test_systems_come_back_from_the_store_as_they_were() -> None:
    one = service()
    assert ServiceSystem.from_json(json.loads(json.dumps(one.to_json()))) == one
    gateway = GatewaySystem("demo", "demo", GatewayConfig("edge", 9080, {"/": "web"}))
    assert GatewaySystem.from_json(json.loads(json.dumps(gateway.to_json()))) == gateway


@given(trees, st.dictionaries(st.text(max_size=3), trees))
def test_what_aws_adds_is_no_difference_and_what_it_lacks_is(
    wanted: object, more: dict[str, object]
) -> None:
    assert covers(wanted, wanted)
    assert covers({**more, "wanted": wanted, "default": 1}, {"wanted": wanted})
    assert not covers({"default": 1}, {"wanted": wanted})
    assert not covers([wanted], [wanted, wanted])
    assert not covers({"wanted": [wanted]}, {"wanted": {"wanted": wanted}})


def test_weights_go_into_a_route_and_come_out_again() -> None:
    one = service()
    for weights in ({"blue": 100}, {"blue": 0, "green": 7}):
        assert system.route_weights(one, system.route(one, weights).spec) == weights
    spec = {"httpRoute": {"action": {"weightedTargets": [{"virtualNode": "other", "weight": 1}]}}}
    assert system.route_weights(one, spec) == {}


@given(prefixes)
def test_each_prefix_has_a_gateway_route_of_its_own(found: list[str]) -> None:
    gateway = GatewaySystem("m", "c", GatewayConfig("edge", 9080, dict.fromkeys(found, "web")))
    routes = system.gateway_routes(gateway, {"web": "web.local"})
    assert len({route.names["gatewayRouteName"] for route in routes}) == len(found)


def test_a_side_is_found_by_its_ecs_service_and_told_who_it_is() -> None:
    one = service()
    node = system.virtual_node(one, "green")
    discovery = node.spec["serviceDiscovery"]["awsCloudMap"]
    assert discovery["attributes"] == [{"key": "ECS_SERVICE_NAME", "value": "web-green"}]
    assert node.spec["listeners"][0]["healthCheck"]["port"] == 8080
    definition = system.task_definition(one, "green", "web:2", "us-east-1")
    app, envoy = definition["containerDefinitions"]
    assert app["image"] == "web:2"
    assert envoy["environment"] == [
        {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/demo/virtualNode/web-green"}
    ]
