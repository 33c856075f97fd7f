"""A service of plain resources, as a state, the mesh and the control plane have it."""

from __future__ import annotations

import json
from typing import Any

from tealmesh.cli.terraform.moving import state
from tealmesh.cli.terraform.moving.facts import gathered
from tealmesh.cli.terraform.moving.mapping import Mapping, mapped
from tealmesh.migration.found import Found, Name, Resource
from tealmesh.model import wire
from tealmesh.model.mesh import Kind

ROLE = "arn:aws:iam::1:role/web-tasks"
TASK = "arn:aws:ecs:us-east-1:1:task-definition/web-blue:3"
REGISTRY = "arn:aws:servicediscovery:us-east-1:1:service/srv-1"
CONTAINERS = [
    {"name": "web", "image": "web:1", "environment": [{"name": "A", "value": "${b}"}]},
    {
        "name": "envoy",
        "image": "envoy:1",
        "environment": [
            {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualNode/web-blue"},
            {"name": "APPMESH_XDS_ENDPOINT", "value": "ads:18000"},
            {"name": "ENVOY_LOG_LEVEL", "value": "debug"},
        ],
    },
]
STATE: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("aws_appmesh_virtual_router", "web", None, {"name": "web", "mesh_name": "shop"}),
    (
        "aws_appmesh_route",
        "only_blue",
        0,
        {"name": "only-blue", "mesh_name": "shop", "virtual_router_name": "web"},
    ),
    ("aws_appmesh_virtual_node", "side", "blue", {"name": "web-blue", "mesh_name": "shop"}),
    (
        "aws_ecs_service",
        "side",
        "blue",
        {
            "name": "web-blue",
            "cluster": "shop",
            "launch_type": "FARGATE",
            "desired_count": 3,
            "task_definition": TASK,
            "service_registries": [{"registry_arn": REGISTRY}],
            "network_configuration": [{"subnets": ["subnet-2", "subnet-1"]}],
        },
    ),
    (
        "aws_ecs_task_definition",
        "side",
        "blue",
        {
            "arn": TASK,
            "family": "web-blue",
            "task_role_arn": ROLE,
            "execution_role_arn": "arn:aws:iam::1:role/execution",
            "container_definitions": json.dumps(CONTAINERS),
        },
    ),
    (
        "aws_service_discovery_service",
        "web",
        None,
        {
            "id": "srv-1",
            "dns_config": [
                {
                    "namespace_id": "ns-1",
                    "routing_policy": "MULTIVALUE",
                    "dns_records": [{"type": "A", "ttl": 10}],
                }
            ],
            "health_check_custom_config": [{"failure_threshold": 1}],
        },
    ),
    ("aws_iam_role", "web", None, {"name": "web-tasks", "arn": ROLE}),
    (
        "aws_iam_role_policy",
        "mesh",
        None,
        {"role": "web-tasks", "policy": '{"Action": "appmesh:StreamAggregatedResources"}'},
    ),
    ("aws_iam_role_policy", "more", None, {"role": "web-tasks", "policy": "{}"}),
    (
        "aws_iam_role_policy_attachment",
        "logs",
        None,
        {"role": "web-tasks", "policy_arn": "arn:aws:iam::aws:policy/Logs"},
    ),
]
NODE = {
    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
    "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "web"}},
}
TARGET = {"virtualNode": "web-blue", "weight": 7}
ROUTE = {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [TARGET]}}}
SERVICE: wire.ServiceDescription = {
    "name": "web",
    "mesh": "shop",
    "hostname": "web.shop.local",
    "container": "web",
    "routes": ["only-blue"],
    "sides": [
        {
            "side": "blue",
            "virtualNode": "web-blue",
            "exists": True,
            "cluster": "shop",
            "ecsService": "web-blue",
            "taskDefinition": TASK,
            "image": "web:1",
            "weight": 7,
        },
        {"side": "green", "virtualNode": "web-green", "exists": False, "weight": 0},
    ],
}


def document(changes: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """A state file; ``changes`` of attributes, by type."""
    return {
        "version": 4,
        "lineage": "l",
        "resources": [
            {
                "mode": "managed",
                "type": kind,
                "name": name,
                "instances": [
                    {
                        **({} if key is None else {"index_key": key}),
                        "attributes": {**values, **(changes or {}).get(kind, {})},
                    }
                ],
            }
            for kind, name, key, values in STATE
        ],
    }


def mesh(node: dict[str, Any] | None = None, *routes: Resource) -> Found:
    virtual = {"provider": {"virtualRouter": {"virtualRouterName": "web"}}}
    return Found(
        [
            Resource(Name(Kind.VIRTUAL_SERVICE, "shop", "web.shop.local"), virtual, ""),
            Resource(Name(Kind.VIRTUAL_ROUTER, "shop", "web"), {}, ""),
            Resource(Name(Kind.VIRTUAL_NODE, "shop", "web-blue"), {**NODE, **(node or {})}, ""),
            *(routes or [route("only-blue")]),
        ]
    )


def route(name: str, spec: dict[str, Any] | None = None) -> Resource:
    return Resource(Name(Kind.ROUTE, "shop", name, "web"), spec or ROUTE, "")


def limited(**timeout: Any) -> Resource:
    return route("only-blue", {"httpRoute": {**ROUTE["httpRoute"], "timeout": timeout}})


def mapping(
    found: Found | None = None,
    changes: dict[str, dict[str, Any]] | None = None,
    *,
    owned: bool = True,
) -> Mapping:
    instances = state.read(document(changes), "state")
    facts = gathered(SERVICE, found or mesh(), instances)
    return mapped(facts, "web", "./modules/bluegreen-service", owned=owned)
