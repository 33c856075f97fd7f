"""The rules between the members of one specification: one broken at a time."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tealmesh.apis.appmesh import nouns, route_rules
from tealmesh.apis.appmesh import spec_rules as rules

ARN_CA = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/1"
ARN_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
SECOND = {"unit": "s", "value": 1}

NODE: dict[str, Any] = {
    "listeners": [
        {
            "portMapping": {"port": 8080, "protocol": "http"},
            "timeout": {"http": {"perRequest": SECOND, "idle": SECOND}},
            "connectionPool": {"http": {"maxConnections": 1}},
            "healthCheck": {"protocol": "http", "path": "/health", "port": 8080},
            "outlierDetection": {
                "interval": SECOND,
                "baseEjectionDuration": SECOND,
                "maxServerErrors": 5,
                "maxEjectionPercent": 50,
            },
            "tls": {"mode": "STRICT", "certificate": {"acm": {"certificateArn": ARN_CERTIFICATE}}},
        },
        {"portMapping": {"port": 8081, "protocol": "grpc"}},
    ],
    "serviceDiscovery": {
        "awsCloudMap": {
            "namespaceName": "n",
            "serviceName": "s",
            "attributes": [{"key": "a", "value": "1"}, {"key": "b", "value": "1"}],
        }
    },
    "logging": {
        "accessLog": {
            "file": {
                "path": "/dev/stdout",
                "format": {
                    "json": [
                        {"key": "a", "value": "%START_TIME(%s)% %REQ(:METHOD):9% 100%%"},
                        {"key": "b", "value": "plain"},
                    ]
                },
            }
        }
    },
    "backendDefaults": {
        "clientPolicy": {
            "tls": {
                "ports": [1, 2],
                "validation": {"trust": {"acm": {"certificateAuthorityArns": [ARN_CA]}}},
            }
        }
    },
    "backends": [
        {"virtualService": {"virtualServiceName": "a"}},
        {"virtualService": {"virtualServiceName": "b", "clientPolicy": {}}},
    ],
}
DNS_NODE: dict[str, Any] = {
    "listeners": [{"portMapping": {"port": 1, "protocol": "tcp"}, "healthCheck": {"path": "x"}}],
    "serviceDiscovery": {"dns": {"hostname": "app.local."}},
}
GATEWAY: dict[str, Any] = {
    "listeners": [
        {
            "portMapping": {"port": 80, "protocol": "http2"},
            "connectionPool": {"http2": {"maxRequests": 1}},
            "healthCheck": {"protocol": "http2", "path": "/"},
        }
    ]
}
ROUTER: dict[str, Any] = {
    "listeners": [
        {"portMapping": {"port": 80, "protocol": "http"}},
        {"portMapping": {"port": 81, "protocol": "http"}},
    ]
}
HTTP: dict[str, Any] = {
    "priority": 3,
    "httpRoute": {
        "match": {
            "prefix": "/a/b",
            "headers": [
                {"name": "x-a"},
                {"name": ":authority", "match": {"regex": "a+"}},
                {"name": "x-b", "match": {"range": {"start": 1, "end": 3}}},
            ],
            "queryParameters": [{"name": "q", "match": {"exact": ""}}],
        },
        "retryPolicy": {
            "tcpRetryEvents": ["connection-error"],
            "httpRetryEvents": ["server-error", "gateway-error", "client-error", "stream-error"],
            "maxRetries": 1,
            "perRetryTimeout": SECOND,
        },
        "timeout": {"perRequest": {"unit": "ms", "value": 0}, "idle": SECOND},
        "action": {
            "weightedTargets": [
                {"virtualNode": "a", "weight": 99},
                {"virtualNode": "b", "weight": 1},
                {"virtualNode": "b", "weight": 0, "port": 81},
            ]
        },
    },
}
BY_PATH: dict[str, Any] = {
    "http2Route": {
        "match": {"path": {"regex": "/v[0-9]+"}},
        "action": {"weightedTargets": [{"virtualNode": "a", "weight": 1}]},
    }
}
GRPC: dict[str, Any] = {
    "grpcRoute": {
        "match": {
            "serviceName": "pkg.Service",
            "methodName": "Call",
            "metadata": [{"name": "m", "match": {"prefix": "x"}}],
        },
        "retryPolicy": {
            "grpcRetryEvents": ["unavailable"],
            "maxRetries": 1,
            "perRetryTimeout": SECOND,
        },
        "action": {"weightedTargets": [{"virtualNode": "a", "weight": 1}]},
    }
}
TCP: dict[str, Any] = {
    "tcpRoute": {
        "action": {"weightedTargets": [{"virtualNode": "a", "weight": 1}]},
        "timeout": {"idle": SECOND},
    }
}
TARGET = {"virtualService": {"virtualServiceName": "s"}}
GATEWAY_PREFIX: dict[str, Any] = {
    "httpRoute": {
        "match": {"prefix": "/a", "hostname": {"suffix": ".example.com"}},
        "action": {
            "target": TARGET,
            "rewrite": {
                "hostname": {"defaultTargetHostname": "DISABLED"},
                "prefix": {"value": "/b"},
            },
        },
    }
}
GATEWAY_PATH: dict[str, Any] = {
    "http2Route": {
        "match": {"path": {"exact": "/a"}, "hostname": {"exact": "www.example.com"}},
        "action": {"target": TARGET, "rewrite": {"path": {"exact": "/b"}}},
    }
}
GATEWAY_GRPC: dict[str, Any] = {
    "grpcRoute": {"match": {"serviceName": "pkg.Service"}, "action": {"target": TARGET}}
}

CHECKS = {
    "node": rules.virtual_node,
    "gateway": rules.virtual_gateway,
    "router": rules.virtual_router,
    "route": route_rules.route,
    "gatewayRoute": route_rules.gateway_route,
}
RIGHT = [
    ("node", NODE),
    ("node", DNS_NODE),
    ("node", {}),
    ("gateway", GATEWAY),
    ("router", ROUTER),
    ("router", {}),
    ("route", HTTP),
    ("route", BY_PATH),
    ("route", GRPC),
    ("route", TCP),
    ("gatewayRoute", GATEWAY_PREFIX),
    ("gatewayRoute", GATEWAY_PATH),
    ("gatewayRoute", GATEWAY_GRPC),
]

DELETE = object()
# kind, spec, where (dotted, numbers index lists), the new value there, what the message holds
BROKEN: list[tuple[str, dict[str, Any], str, Any, str]] = [
    ("node", NODE, "serviceDiscovery", DELETE, "spec.serviceDiscovery = null: must be set"),
    ("node", NODE, "listeners", DELETE, "Service Discovery can't be set without a listener"),
    ("node", NODE, "listeners.1.portMapping.port", 8080, "portMapping.port = 8080: must be given"),
    ("node", NODE, "listeners.0.healthCheck.port", 8081, "healthCheck.port = 8081: must be 8080"),
    ("node", NODE, "listeners.0.healthCheck.path", "x", 'healthCheck.path = "x": must begin'),
    ("node", NODE, "listeners.0.healthCheck.path", "/a b", "hold no spaces"),
    ("node", NODE, "listeners.0.healthCheck.protocol", "grpc", "must not be 'grpc' where spec"),
    ("node", NODE, "listeners.0.timeout", {"tcp": {}}, "timeout = \"tcp\": must be 'http'"),
    ("node", NODE, "listeners.0.connectionPool", {"grpc": {}}, 'connectionPool = "grpc"'),
    ("node", NODE, "listeners.0.timeout.http.idle", {"value": 1}, "must have both value and unit"),
    ("node", NODE, "listeners.0.timeout.http.perRequest", {}, "must have both value and unit"),
    ("node", NODE, "listeners.0.timeout.http.idle.value", 2**31, "idle.value = 2147483648"),
    ("node", NODE, "listeners.0.outlierDetection.interval.value", 0, "interval.value = 0"),
    ("node", NODE, "listeners.0.outlierDetection.baseEjectionDuration.value", 0, "at least 1"),
    ("node", NODE, "listeners.0.outlierDetection.maxServerErrors", 2**32, "maxServerErrors"),
    (
        "node",
        NODE,
        "listeners.0.tls.certificate.acm.certificateArn",
        ARN_CA,
        "must be an ARN of acm",
    ),
    (
        "node",
        NODE,
        "backendDefaults.clientPolicy.tls.validation.trust.acm.certificateAuthorityArns.0",
        "x",
        "must be an ARN of acm-pca",
    ),
    ("node", NODE, "backendDefaults.clientPolicy.tls.ports.1", 1, "ports[] = 1: must be given"),
    (
        "node",
        NODE,
        "backends.1.virtualService.virtualServiceName",
        "a",
        'virtualServiceName = "a": must be given only once',
    ),
    (
        "node",
        NODE,
        "backends.0.virtualService.clientPolicy",
        {"tls": {"ports": [7, 7]}},
        "spec.backends[0].virtualService.clientPolicy.tls.ports[] = 7",
    ),
    (
        "node",
        NODE,
        "serviceDiscovery.awsCloudMap.attributes.1.key",
        "a",
        'attributes[].key = "a": must be given only once',
    ),
    ("node", DNS_NODE, "serviceDiscovery.dns.hostname", "", 'hostname = "": must be a host name'),
    ("node", DNS_NODE, "serviceDiscovery.dns.hostname", "a b", "must be a host name"),
    ("node", NODE, "logging.accessLog.file.format.json", [], "must have at least one key"),
    ("node", NODE, "logging.accessLog.file.format.json.1.key", "a", 'key = "a": must be given'),
    ("node", NODE, "logging.accessLog.file.format.json.0.value", "50%", "must hold '%' only as"),
    ("node", NODE, "logging.accessLog.file.format", {"text": "%REQ(a%"}, "format.text ="),
    ("gateway", GATEWAY, "listeners", [], "must hold at least one listener"),
    ("gateway", GATEWAY, "listeners.0.connectionPool", {"http": {}}, "must be 'http2'"),
    ("gateway", GATEWAY, "listeners.0.healthCheck.port", 1, "must be 80"),
    ("router", ROUTER, "listeners.1.portMapping.port", 80, "portMapping.port = 80: must be given"),
    (
        "route",
        HTTP,
        "httpRoute",
        DELETE,
        'spec = {"priority": 3}: must have exactly one of httpRoute',
    ),
    ("route", HTTP, "tcpRoute", TCP["tcpRoute"], "tcpRoute, not httpRoute and tcpRoute"),
    ("route", HTTP, "httpRoute.match.path", {"exact": "/"}, "at most one of prefix and path"),
    ("route", HTTP, "httpRoute.match.prefix", "a", "match.prefix = \"a\": must begin with '/'"),
    ("route", HTTP, "httpRoute.match.prefix", "", "must begin with '/'"),
    ("route", HTTP, "httpRoute.match.prefix", "/a?b", "hold no spaces"),
    ("route", HTTP, "httpRoute.match.headers.0.name", "a b", "must be the name of a header"),
    ("route", HTTP, "httpRoute.match.headers.1.match.regex", "(?=a)", "must be a regular"),
    ("route", HTTP, "httpRoute.match.headers.2.match.range.start", 3, "range.start = 3: must be"),
    ("route", HTTP, "httpRoute.match.headers.2.match.range.end", 2**63, "must fit 64 bits"),
    ("route", HTTP, "httpRoute.match.queryParameters.0.name", "", "must not be empty"),
    ("route", HTTP, "httpRoute.retryPolicy.httpRetryEvents.0", "5xx", "must be one of server-err"),
    ("route", HTTP, "httpRoute.retryPolicy.perRetryTimeout", {"unit": "s"}, "both value and unit"),
    ("route", HTTP, "httpRoute.retryPolicy.maxRetries", 2**32, "maxRetries = 4294967296"),
    ("route", HTTP, "httpRoute.timeout.perRequest", {"value": 1}, "both value and unit"),
    (
        "route",
        HTTP,
        "httpRoute.action.weightedTargets.1",
        {"virtualNode": "a", "weight": 0},
        'virtualNode = "a": must be given only once',
    ),
    ("route", HTTP, "httpRoute.action.weightedTargets.1.weight", 2, "must add up to at most 100"),
    ("route", TCP, "tcpRoute.action.weightedTargets.0.weight", 0, "at least one weight above 0"),
    ("route", TCP, "tcpRoute.timeout.idle", {"value": 1}, "tcpRoute.timeout.idle"),
    ("route", BY_PATH, "http2Route.match.path", {}, "exactly one of exact, regex"),
    ("route", BY_PATH, "http2Route.match.path.exact", "/a", "exactly one of exact, regex"),
    ("route", BY_PATH, "http2Route.match.path.regex", "(", "missing )"),
    ("route", BY_PATH, "http2Route.match.path", {"exact": "a"}, 'path.exact = "a"'),
    ("route", GRPC, "grpcRoute.match.serviceName", DELETE, "must not be set without"),
    ("route", GRPC, "grpcRoute.match.methodName", "a/b", "must be a gRPC name"),
    ("route", GRPC, "grpcRoute.match.metadata.0.match", {"regex": "*"}, "no argument for"),
    ("route", GRPC, "grpcRoute.retryPolicy.grpcRetryEvents", [], "at least one event"),
    ("gatewayRoute", GATEWAY_GRPC, "grpcRoute", DELETE, "exactly one of httpRoute, http2Route"),
    (
        "gatewayRoute",
        GATEWAY_GRPC,
        "grpcRoute.match.serviceName",
        "aws.appmesh.X",
        "which are reserved",
    ),
    (
        "gatewayRoute",
        GATEWAY_PREFIX,
        "httpRoute.match.prefix",
        "/aws-appmesh/x",
        "which are reserved",
    ),
    ("gatewayRoute", GATEWAY_PREFIX, "httpRoute.match.hostname", {}, "exactly one of exact, suf"),
    ("gatewayRoute", GATEWAY_PREFIX, "httpRoute.match.hostname.suffix", "a b", "end of host"),
    ("gatewayRoute", GATEWAY_PATH, "http2Route.match.hostname.exact", "*", "must be a host name"),
    ("gatewayRoute", GATEWAY_PREFIX, "httpRoute.action.rewrite.prefix", {}, "exactly one of"),
    (
        "gatewayRoute",
        GATEWAY_PREFIX,
        "httpRoute.action.rewrite.prefix.defaultPrefix",
        "ENABLED",
        "exactly one of defaultPrefix, value",
    ),
    ("gatewayRoute", GATEWAY_PREFIX, "httpRoute.action.rewrite.prefix.value", "b", "begin with"),
    (
        "gatewayRoute",
        GATEWAY_PREFIX,
        "httpRoute.action.rewrite.path",
        {"exact": "/b"},
        "at most one of prefix and path",
    ),
    (
        "gatewayRoute",
        GATEWAY_PATH,
        "http2Route.action.rewrite",
        {"prefix": {"value": "/"}},
        "must not be set when the match is by path",
    ),
    (
        "gatewayRoute",
        GATEWAY_PREFIX,
        "httpRoute.action.rewrite",
        {"path": {"exact": "/"}},
        "must not be set when the match is by prefix",
    ),
    ("gatewayRoute", GATEWAY_PATH, "http2Route.action.rewrite.path", {}, "must have exact"),
]


def changed(spec: dict[str, Any], where: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(spec)
    *parents, last = where.split(".")
    at: Any = result
    for step in parents:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if value is DELETE:
        del at[last]
    elif isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return result


@pytest.mark.parametrize(("kind", "spec"), RIGHT)
def test_right_specs_pass(kind: str, spec: dict[str, Any]) -> None:
    assert [str(problem) for problem in CHECKS[kind](spec)] == []


@pytest.mark.parametrize(("kind", "spec", "where", "value", "text"), BROKEN)
def test_one_broken_rule_is_named(
    kind: str, spec: dict[str, Any], where: str, value: Any, text: str
) -> None:
    problems = [str(problem) for problem in CHECKS[kind](changed(spec, where, value))]
    assert any(text in problem for problem in problems), problems
    assert all(problem.startswith("spec") for problem in problems)


def test_long_values_are_shortened() -> None:
    (problem,) = rules.virtual_router(
        {"listeners": [{"portMapping": {"port": 1}}, {"portMapping": {"port": 1}}]}
    )
    assert str(problem).endswith("must be given only once (is given 2 times)")
    assert len(str(rules.Problem("f", "x" * 1000, "must be short"))) < 160


def test_only_the_health_checks_port_is_filled_in() -> None:
    check = NODE["listeners"][0]["healthCheck"]
    without = changed(NODE, "listeners.0.healthCheck.port", DELETE)
    assert nouns.VIRTUAL_NODE.filled(without)["listeners"][0]["healthCheck"] == check
    assert nouns.VIRTUAL_NODE.filled(NODE) == NODE
    assert nouns.MESH.filled({}) == {}
    assert nouns.ROUTE.filled(HTTP) == HTTP
    filled = nouns.VIRTUAL_GATEWAY.filled(GATEWAY)["listeners"][0]["healthCheck"]
    assert filled["port"] == 80
    assert "port" not in GATEWAY["listeners"][0]["healthCheck"]
