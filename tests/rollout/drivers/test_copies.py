"""Copies of a side: all is as it was but for the image and the side's name."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import DriverError
from tealmesh.rollout.drivers import copies

DEFINITION: Any = {
    "taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:1:task-definition/web-blue:4",
        "family": "web-blue",
        "revision": 4,
        "status": "ACTIVE",
        "cpu": "256",
        "volumes": [],
        "containerDefinitions": [
            {
                "name": "app",
                "image": "registry/blue/web:1",
                "environment": [
                    {"name": "COLOUR", "value": "blue"},
                    {"name": "A", "value": "bluer"},
                ],
                "secrets": [{"name": "S", "valueFrom": "arn:aws:ssm:us-east-1:1:parameter/blue"}],
            },
            {
                "name": "envoy-blue",
                "image": "envoy:blue",
                "environment": [
                    {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/m/virtualNode/web-blue"}
                ],
            },
        ],
        "proxyConfiguration": {"containerName": "envoy-blue", "properties": []},
    },
    "tags": [{"key": "side", "value": "blue"}],
}


def test_a_revision_has_another_image_and_nothing_else() -> None:
    before = copy.deepcopy(DEFINITION)
    made = copies.task_definition(DEFINITION, "app", "web:2", copies.same)
    assert before == DEFINITION
    containers = before["taskDefinition"]["containerDefinitions"]
    containers[0]["image"] = "web:2"
    assert made == {
        "family": "web-blue",
        "cpu": "256",
        "containerDefinitions": containers,
        "proxyConfiguration": before["taskDefinition"]["proxyConfiguration"],
        "tags": before["tags"],
    }


def test_a_revision_without_the_container_is_none() -> None:
    with pytest.raises(DriverError, match="web-blue has no container web"):
        copies.task_definition(DEFINITION, "web", "web:2", copies.same)


def test_the_other_side_has_its_name_wherever_the_first_had_its_own() -> None:
    made = copies.task_definition(DEFINITION, "app", "web:2", copies.to_side("blue", "green"))
    app, envoy = made["containerDefinitions"]
    assert made["family"] == "web-green"
    assert app["environment"][0]["value"] == "green"
    assert app["environment"][1]["value"] == "bluer"
    assert app["secrets"][0]["valueFrom"].endswith("/blue")
    assert (envoy["name"], envoy["image"]) == ("envoy-green", "envoy:blue")
    assert envoy["environment"][0]["value"] == "mesh/m/virtualNode/web-green"
    assert made["proxyConfiguration"]["containerName"] == "envoy-green"
    assert made["tags"] == [{"key": "side", "value": "green"}]


def test_a_virtual_node_names_the_ecs_service_of_its_side() -> None:
    attribute = {"key": "ECS_SERVICE_NAME", "value": "tasks"}
    cloud_map = {"namespaceName": "n", "serviceName": "web", "attributes": [attribute]}
    spec: Any = {"listeners": [{"x": 1}], "serviceDiscovery": {"awsCloudMap": cloud_map}}
    made: Any = copies.virtual_node(spec, "tasks", "tasks-2", copies.to_side("a", "b"))
    attributes = made["serviceDiscovery"]["awsCloudMap"]["attributes"]
    assert attributes == [{"key": "ECS_SERVICE_NAME", "value": "tasks-2"}]
    assert attribute["value"] == "tasks"
    assert made["listeners"] == spec["listeners"]


weights = st.dictionaries(st.sampled_from("abc"), st.integers(0, 100), min_size=1)


@given(weights, weights, st.sampled_from(["httpRoute", "http2Route", "grpcRoute", "tcpRoute"]))
def test_only_the_weights_of_a_route_change(
    before: dict[str, int], after: dict[str, int], kind: str
) -> None:
    targets = [{"virtualNode": n, "weight": w, "port": 8080} for n, w in before.items()]
    rest = {"match": {"prefix": "/"}, "retryPolicy": {"maxRetries": 1}}
    spec: Any = {"priority": 3, kind: {**rest, "action": {"weightedTargets": targets}}}
    sent = copy.deepcopy(spec)
    made: Any = copies.reweighted(spec, after)
    assert spec == sent
    changed = made[kind].pop("action")["weightedTargets"]
    assert {t["virtualNode"]: t["weight"] for t in changed} == {**before, **after}
    assert all(target["port"] == 8080 for target in changed)
    assert made == {"priority": 3, kind: rest}
