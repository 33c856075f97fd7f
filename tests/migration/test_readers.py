"""What templates, resources of Kubernetes, JSON of the API and dumps of Envoys are read as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tealmesh.migration.found import Found, Name, settled
from tealmesh.migration.readers import Text, read
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Prefix: {Type: String, Default: shop}
  Green: {Type: Number}
  Log: {Type: String, Default: "false"}
Conditions:
  Logged: !Equals [!Ref Log, true]
  Never: !Not [!Equals [a, a]]
Resources:
  Mesh:
    Type: AWS::AppMesh::Mesh
    Properties: {MeshName: !Sub "${Prefix}-mesh", Tags: [{Key: team, Value: web}]}
  Blue:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: !Join ["-", [!Ref Prefix, blue]]
      Spec:
        Listeners:
          - PortMapping: {Port: "8080", Protocol: http}
            TLS: {Mode: STRICT, Certificate: {ACM: {CertificateArn: "arn:x"}}}
            Timeout: {HTTP: {Idle: {Unit: s, Value: 5}}}
        ServiceDiscovery: {AWSCloudMap: {NamespaceName: apps.local, ServiceName: blue}}
        Logging: !If [Logged, {AccessLog: {File: {Path: /dev/stdout}}}, !Ref "AWS::NoValue"]
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties:
      MeshName: !GetAtt [Mesh, MeshName]
      Spec: {Listeners: [{PortMapping: {Port: 80, Protocol: http}}]}
  Route:
    Type: AWS::AppMesh::Route
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: !GetAtt Router.VirtualRouterName
      RouteName: all
      Spec:
        HttpRoute:
          Match: {Prefix: /}
          Action:
            WeightedTargets:
              - {VirtualNode: !GetAtt Blue.VirtualNodeName, Weight: !Ref Green}
        Shiny: true
  Absent: {Type: "AWS::AppMesh::VirtualNode", Condition: Never, Properties: {}}
  Other: {Type: "AWS::S3::Bucket"}
"""


def found(*texts: str, **parameters: str) -> Found:
    return settled(read([Text(f"file{i}", text) for i, text in enumerate(texts)], parameters))


def specs(result: Found) -> dict[str, Any]:
    return {str(one.name): one.spec for one in result.resources}


def remarks(result: Found) -> str:
    return "\n".join(f"{one.where}: {one.text}" for one in result.remarks)


def test_a_template_with_its_functions() -> None:
    result = found(TEMPLATE, Green="100")
    assert specs(result) == {
        "mesh shop-mesh": {},
        "shop-mesh: virtualNode/shop-blue": {
            "listeners": [
                {
                    "portMapping": {"port": 8080, "protocol": "http"},
                    "tls": {"mode": "STRICT", "certificate": {"acm": {"certificateArn": "arn:x"}}},
                    "timeout": {"http": {"idle": {"unit": "s", "value": 5}}},
                }
            ],
            "serviceDiscovery": {
                "awsCloudMap": {"namespaceName": "apps.local", "serviceName": "blue"}
            },
        },
        "shop-mesh: virtualRouter/Router": {
            "listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]
        },
        "shop-mesh: route/Router/all": {
            "httpRoute": {
                "match": {"prefix": "/"},
                "action": {"weightedTargets": [{"virtualNode": "shop-blue", "weight": 100}]},
            }
        },
    }  # fmt: skip
    assert dict(result.resources[0].tags) == {"team": "web"}
    told = remarks(result)
    assert "has no VirtualRouterName, so CloudFormation made one up: here it is Router" in told
    assert "Shiny = True is not known to App Mesh" in told
    assert "file0: Absent: its condition Never is false: left out" in told


def test_a_value_that_a_template_does_not_say_is_asked_for() -> None:
    result = found(TEMPLATE)
    assert "shop-mesh: route/Router/all" not in specs(result)
    assert "Green has no value here: give it with --parameter Green=VALUE: left out" in remarks(
        result
    )


KUBERNETES = """
apiVersion: appmesh.k8s.aws/v1beta2
kind: Mesh
metadata: {name: shop}
spec: {egressFilter: {type: DROP_ALL}, namespaceSelector: {matchLabels: {mesh: shop}}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualNode
metadata: {name: web-v1, namespace: apps}
spec:
  podSelector: {matchLabels: {app: web}}
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  backends: [{virtualService: {virtualServiceRef: {name: stock, namespace: other}}}]
  serviceDiscovery: {dns: {hostname: web-v1.apps.svc.cluster.local}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualRouter
metadata: {name: web, namespace: apps}
spec:
  listeners: [{portMapping: {port: 80, protocol: http}}]
  routes:
    - name: all
      priority: 10
      httpRoute:
        match: {prefix: /}
        action: {weightedTargets: [{virtualNodeRef: {name: web-v1}, weight: 1}]}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualService
metadata: {name: web, namespace: apps}
spec: {awsName: web.example, provider: {virtualRouter: {virtualRouterRef: {name: web}}}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualGateway
metadata: {name: edge, namespace: apps}
spec: {listeners: [{portMapping: {port: 8088, protocol: http}}], podSelector: {}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: GatewayRoute
metadata: {name: web, namespace: apps}
spec:
  httpRoute:
    match: {prefix: /}
    action: {target: {virtualService: {virtualServiceRef: {name: web}}}}
---
apiVersion: v1
kind: List
items: []
"""


def test_resources_of_the_controller_name_one_another_over_files() -> None:
    first, second = KUBERNETES.split("---\n", 1)
    result = found(second.removesuffix("---\napiVersion: v1\nkind: List\nitems: []\n"), first)
    assert specs(result) == {
        "mesh shop": {"egressFilter": {"type": "DROP_ALL"}},
        "shop: virtualNode/web-v1_apps": {
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "backends": [{"virtualService": {"virtualServiceName": "stock.other"}}],
            "serviceDiscovery": {"dns": {"hostname": "web-v1.apps.svc.cluster.local"}},
        },
        "shop: virtualRouter/web_apps": {
            "listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]
        },
        "shop: virtualService/web.example": {
            "provider": {"virtualRouter": {"virtualRouterName": "web_apps"}}
        },
        "shop: virtualGateway/edge_apps": {
            "listeners": [{"portMapping": {"port": 8088, "protocol": "http"}}]
        },
        "shop: route/web_apps/all": {
            "priority": 10,
            "httpRoute": {
                "match": {"prefix": "/"},
                "action": {"weightedTargets": [{"virtualNode": "web-v1_apps", "weight": 1}]},
            },
        },
        "shop: gatewayRoute/edge_apps/web_apps": {
            "httpRoute": {
                "match": {"prefix": "/"},
                "action": {"target": {"virtualService": {"virtualServiceName": "web.example"}}},
            }
        },
    }
    assert remarks(result).splitlines() == [
        "shop: virtualNode/web-v1_apps: podSelector is not kept: an Envoy says itself which node"
        " it is of",
        "mesh shop: namespaceSelector is the cluster's, and is not kept",
        "shop: virtualNode/web-v1_apps: names the virtualService stock.other, which is not here",
    ]


def config_item(at: str, weight: int, **more: str) -> dict[str, Any]:
    target = {"VirtualNode": "blue", "Weight": weight}
    route = {"HttpRoute": {"Match": {"Prefix": "/"}, "Action": {"WeightedTargets": [target]}}}
    properties = {"MeshName": "shop", "VirtualRouterName": "web", "RouteName": "all", "Spec": route}
    return {
        "resourceType": "AWS::AppMesh::Route",
        "resourceId": "arn:1",
        "resourceName": "all",
        "configurationItemCaptureTime": at,
        "configuration": json.dumps(properties),
        **more,
    }


def test_items_of_aws_config_and_what_the_cli_says() -> None:
    described = {
        "virtualNode": {
            "meshName": "shop",
            "virtualNodeName": "blue",
            "status": {"status": "ACTIVE"},
            "metadata": {"arn": "arn:2", "version": 3},
            "spec": {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]},
        }
    }
    created = {"meshName": "shop", "virtualRouterName": "web", "spec": {"listeners": []}}
    history = {
        "configurationItems": [
            config_item("2026-02-01T00:00:00Z", 7),
            config_item("2026-01-01T00:00:00Z", 3),
        ]
    }
    lines = "\n".join(json.dumps(one) for one in (described, created))
    result = found(lines, json.dumps(history))
    assert specs(result)["shop: virtualNode/blue"] == described["virtualNode"]["spec"]
    assert "shop: virtualRouter/web" in specs(result)
    (target,) = specs(result)["shop: route/web/all"]["httpRoute"]["action"]["weightedTargets"]
    assert target["weight"] == 7, "the latest item counts"
    gone = config_item("2026-03-01T00:00:00Z", 0, configurationItemStatus="ResourceDeleted")
    answer = {"Results": [json.dumps(config_item("2026-02-01T00:00:00Z", 7)), json.dumps(gone)]}
    with_deleted = found(lines, json.dumps(answer))
    assert "shop: route/web/all" not in specs(with_deleted)
    assert "was deleted at its latest item" in remarks(with_deleted)


def test_what_differs_between_two_files_is_named() -> None:
    one, other = (
        json.dumps({"meshName": "shop", "spec": {"egressFilter": {"type": kind}}})
        for kind in ("ALLOW_ALL", "DROP_ALL")
    )
    assert specs(found(one, one)) == specs(found(one))
    result = found(one, other)
    assert "file0 and file1 differ: the first one counts" in remarks(result)


def dump(node: str, *parts: tuple[str, dict[str, Any]]) -> str:
    bootstrap = {
        "@type": "x/envoy.admin.v3.BootstrapConfigDump",
        "bootstrap": {"node": {"id": node}},
    }
    others = [{"@type": f"x/envoy.admin.v3.{kind}", **body} for kind, body in parts]
    return json.dumps({"configs": [bootstrap, *others]})


def cluster(node: str) -> dict[str, Any]:
    name = f"cds_egress_my_shop_{node}_http_8080"
    tags = json.dumps({"tags": [{"key": "TargetVirtualNode", "value": node}]})
    endpoint = {"address": {"socket_address": {"address": f"{node}.local.", "port_value": 8080}}}
    most = 2**31 - 1
    limits = {"max_connections": 9, "max_pending_requests": most, "max_requests": most}
    return {
        "cluster": {
            "name": name,
            "type": "STRICT_DNS",
            "circuit_breakers": {"thresholds": [limits]},
            "metadata": {"filter_metadata": {"aws.appmesh.aggregate_stats": {"config": tags}}},
            "load_assignment": {"endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
        }
    }


def test_a_dump_of_a_gateways_envoy() -> None:
    weighted = [
        {"name": "cds_egress_my_shop_web_blue_http_8080", "weight": 90},
        {"name": "cds_egress_my_shop_web_green_http_8080", "weight": 10},
    ]
    policy = {
        "retry_on": "reset,refused-stream,retriable-status-codes",
        "num_retries": 2,
        "per_try_timeout": "1.500s",
        "retriable_status_codes": [502, 503, 504, 409],
    }
    route = {
        "match": {"prefix": "/", "headers": [{"name": "x-beta", "exact_match": "1"}]},
        "route": {
            "weighted_clusters": {"clusters": weighted}, "timeout": "15s", "retry_policy": policy
        },
    }  # fmt: skip
    host = {"name": "web.local", "domains": ["web.local"], "routes": [route]}
    into = {
        "match": {"prefix": "/shop/"},
        "route": {"cluster": "self", "prefix_rewrite": "/", "host_rewrite_literal": "web.local"},
    }
    manager = {"rds": {"route_config_name": "rds_ingress_http_8088"},
               "access_log": [{"typed_config": {"path": "/dev/stdout"}}]}  # fmt: skip
    listener = {"name": "lds_ingress_0.0.0.0_8088",
                "filter_chains": [{"filters": [{"typed_config": manager}]}]}  # fmt: skip
    text = dump(
        "mesh/my_shop/virtualGateway/edge",
        ("ClustersConfigDump",
         {"dynamic_active_clusters": [cluster("web_blue"), cluster("web_green"),
                                      {"cluster": {"name": "cds_ingress_my_shop_edge"}}]}),
        ("ListenersConfigDump", {"dynamic_listeners": [{"active_state": {"listener": listener}}]}),
        ("RoutesConfigDump",
         {"dynamic_route_configs": [
             {"route_config": {"name": "rds_egress_http_15001", "virtual_hosts": [host]}},
             {"route_config": {"name": "rds_ingress_http_8088",
                               "virtual_hosts": [{"name": "self_redirect", "routes": [into]}]}},
         ]}),
    )  # fmt: skip
    result = found(text)
    read_as = specs(result)
    assert read_as["my_shop: virtualNode/web_blue"] == {
        "listeners": [
            {"portMapping": {"port": 8080, "protocol": "http"}},
        ],
        "serviceDiscovery": {"dns": {"hostname": "web_blue.local", "responseType": "ENDPOINTS"}},
    }
    assert read_as["my_shop: route/web.local/route-1"] == {
        "priority": 0,
        "httpRoute": {
            "match": {"prefix": "/", "headers": [{"name": "x-beta", "match": {"exact": "1"}}]},
            "action": {
                "weightedTargets": [
                    {"virtualNode": "web_blue", "weight": 90},
                    {"virtualNode": "web_green", "weight": 10},
                ]
            },
            "retryPolicy": {
                "maxRetries": 2,
                "perRetryTimeout": {"unit": "ms", "value": 1500},
                "httpRetryEvents": ["gateway-error", "client-error", "stream-error"],
            },
            "timeout": {"perRequest": {"unit": "s", "value": 15}},
        },
    }
    assert read_as["my_shop: virtualService/web.local"] == {
        "provider": {"virtualRouter": {"virtualRouterName": "web.local"}}
    }
    assert read_as["my_shop: virtualGateway/edge"] == {
        "listeners": [
            {
                "portMapping": {"port": 8088, "protocol": "http"},
                "connectionPool": {"http": {"maxConnections": 9}},
            }
        ],
        "logging": {"accessLog": {"file": {"path": "/dev/stdout"}}},
    }
    assert read_as["my_shop: gatewayRoute/edge/route-1"] == {
        "priority": 0,
        "httpRoute": {
            "match": {"prefix": "/shop/"},
            "action": {"target": {"virtualService": {"virtualServiceName": "web.local"}}},
        },
    }
    assert "routers and routes have names of their own making" in remarks(result)
    (gateway,) = [one for one in result.resources if one.name.kind is Kind.VIRTUAL_GATEWAY]
    assert gateway.name == Name(Kind.VIRTUAL_GATEWAY, "my_shop", "edge")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "file0 is empty: it must be Terraform's state"),
        ("{", "file0 is not JSON"),
        ("a: [", "file0, line 1, is neither JSON nor YAML"),
        ("a: 1", "file0 is not recognized: it must be"),
        ("just text", "file0 is not recognized"),
        ('{"Resources": 3}', "file0 is not recognized"),
        ("[1, 2]", "file0 is not recognized"),
        ("a: !!python/object:os.system {}", "file0, line 1, is neither"),
    ],
)
def test_what_is_none_of_these_is_refused(text: str, said: str) -> None:
    with pytest.raises(TealError, match=said):
        found(text)
