"""A mesh as the Envoys of its nodes know it, read back from what they have."""

from __future__ import annotations

import json
from typing import Any

from tealmesh.migration.endpoint import meaning
from tealmesh.migration.found import Found, settled
from tealmesh.migration.readers import Text, read
from tealmesh.model.mesh import Kind, MeshResource
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import as_json

TLS = {
    "mode": "PERMISSIVE",
    "certificate": {"file": {"certificateChain": "/cert.pem", "privateKey": "/key.pem"}},
    "validation": {
        "trust": {"file": {"certificateChain": "/ca.pem"}},
        "subjectAlternativeNames": {"match": {"exact": ["web.local"]}},
    },
}
POLICY = {
    "tls": {
        "enforce": True,
        "certificate": {"sds": {"secretName": "own"}},
        "validation": {
            "trust": {"file": {"certificateChain": "/ca.pem"}},
            "subjectAlternativeNames": {"match": {"exact": ["stock.local"]}},
        },
    }
}
CHECK = {
    "protocol": "http",
    "port": 8080,
    "path": "/ping",
    "intervalMillis": 5000,
    "timeoutMillis": 2500,
    "healthyThreshold": 2,
    "unhealthyThreshold": 3,
}
OUTLIERS = {
    "maxServerErrors": 7,
    "interval": {"unit": "ms", "value": 1500},
    "baseEjectionDuration": {"unit": "s", "value": 20},
    "maxEjectionPercent": 40,
}
POOL = {"http": {"maxConnections": 100, "maxPendingRequests": 50}}
RETRIES = {
    "maxRetries": 3,
    "perRetryTimeout": {"unit": "ms", "value": 1500},
    "httpRetryEvents": ["server-error", "stream-error"],
    "tcpRetryEvents": ["connection-error"],
}
HEADERS = [
    {"name": "x-a", "match": {"exact": "1"}},
    {"name": "x-b", "invert": True, "match": {"prefix": "p"}},
    {"name": "x-c", "match": {"range": {"start": 1, "end": 9}}},
    {"name": "x-d", "match": {"regex": "a.*"}},
    {"name": "x-e"},
]
JSON_LOG = {"json": [{"key": "at", "value": "%START_TIME%"}]}


def shop() -> MeshBuilder:
    """A caller, two sides with as much as a listener may have, and a gRPC service."""
    mesh = MeshBuilder(spec={"egressFilter": {"type": "ALLOW_ALL"}})
    timeout = {"http": {"perRequest": {"unit": "s", "value": 20}}}
    listener = {"healthCheck": CHECK, "outlierDetection": OUTLIERS, "connectionPool": POOL,
                "timeout": timeout, "tls": TLS}  # fmt: skip
    dns = {"serviceDiscovery": {"dns": {"hostname": "blue.local", "responseType": "ENDPOINTS"}}}
    logging = {"accessLog": {"file": {"path": "/var/log/a", "format": JSON_LOG}}}
    mesh.node("blue", listener=listener, logging=logging, **dns)
    mesh.node("green", serviceDiscovery={"dns": {"hostname": "green.local"}})
    mesh.node("stock", port=9000, protocol="grpc",
              serviceDiscovery={"dns": {"hostname": "stock.local"}})  # fmt: skip
    mesh.service("web.local", "web", port=80)
    query = [{"name": "q", "match": {"exact": "1"}}, {"name": "r"}]
    match = {"prefix": "/a", "method": "POST", "headers": HEADERS, "queryParameters": query}
    limits = {"perRequest": {"unit": "s", "value": 5}, "idle": {"unit": "s", "value": 9}}
    weights = {"blue": 3, "green": 0}
    mesh.route(
        "web", "first", weights, priority=0, match=match, retryPolicy=RETRIES, timeout=limits
    )
    mesh.route("web", "second", {"green": 1}, priority=1, match={"path": {"exact": "/b"}})
    mesh.service("stock.local", "stock", port=9000, protocol="grpc")
    mesh.route("stock", "all", {"stock": 1}, priority=0, member="grpcRoute",
               match={"serviceName": "shop.Stock", "methodName": "Get"})  # fmt: skip
    backends = [
        {"virtualService": {"virtualServiceName": "stock.local"}},
        {"virtualService": {"virtualServiceName": "web.local", "clientPolicy": POLICY}},
    ]
    mesh.node("front", backends=backends, serviceDiscovery={"dns": {"hostname": "front.local"}})
    return mesh


def dump(mesh: MeshBuilder, node: str) -> str:
    """What ``/config_dump`` of a node's Envoy has."""
    made = translate(mesh.snapshot(), mesh.proxy(node))

    def each(resources: Any, member: str) -> list[dict[str, Any]]:
        return [{"name": name, member: as_json(one)} for name, one in resources.items()]

    listeners = [{"active_state": one} for one in each(made.listeners, "listener")]
    parts = {
        "BootstrapConfigDump": {"bootstrap": {"node": {"id": f"mesh/m/virtualNode/{node}"}}},
        "ClustersConfigDump": {"dynamic_active_clusters": each(made.clusters, "cluster")},
        "ListenersConfigDump": {"dynamic_listeners": listeners},
        "RoutesConfigDump": {"dynamic_route_configs": each(made.routes, "route_config")},
        "SecretsConfigDump": {"dynamic_active_secrets": each(made.secrets, "secret")},
    }
    return json.dumps(
        {
            "configs": [
                {"@type": f"type.googleapis.com/envoy.admin.v3.{k}", **v} for k, v in parts.items()
            ]
        }
    )


def found(mesh: MeshBuilder, *nodes: str) -> Found:
    return settled(read([Text(node, dump(mesh, node)) for node in nodes], {}))


def test_what_all_envoys_know_is_the_mesh() -> None:
    """But for names of routers, which become those of their services."""
    mesh = shop()
    result = found(mesh, "front", "blue", "green", "stock")
    there = {(one.name.kind, one.name.parent, one.name.name): one.spec for one in result.resources}

    def made(one: MeshResource[Any]) -> tuple[Kind, str, str]:
        routers = {"web": "web.local", "stock": "stock.local"}
        name = routers.get(one.name, one.name) if one.kind is Kind.VIRTUAL_ROUTER else one.name
        return one.kind, routers.get(one.parent, one.parent), name

    for resource in mesh.made.values():
        spec = json.loads(json.dumps(resource.spec))
        if resource.kind is Kind.VIRTUAL_SERVICE:
            spec["provider"]["virtualRouter"]["virtualRouterName"] = resource.name
        if resource.kind is Kind.VIRTUAL_NODE:
            spec["serviceDiscovery"]["dns"].setdefault("responseType", "LOADBALANCER")
        if resource.kind is Kind.VIRTUAL_NODE and resource.name == "front":
            del spec["serviceDiscovery"]  # nobody calls it
        if resource.kind is Kind.ROUTE:
            (protocol,) = spec.keys() - {"priority"}
            spec[protocol].setdefault("timeout", {"perRequest": {"unit": "s", "value": 15}})
        assert meaning(there[made(resource)]) == meaning(spec), resource.name


def test_a_caller_alone_knows_what_it_calls() -> None:
    result = found(shop(), "front")
    names = {one.name.name for one in result.resources}
    assert {"blue", "green", "stock", "web.local", "stock.local", "first", "second", "all"} <= names
