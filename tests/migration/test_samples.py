"""What is read of the samples: names, specifications, and a remark for all that is not kept."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tealmesh.migration.found import Found, Wanted, settled
from tealmesh.migration.readers import Text, read
from tealmesh.model.errors import TealError
from tests.migration.samples import (
    CLI,
    CONFIG,
    GATEWAY_DUMP,
    KUBERNETES,
    NESTED,
    OTHER,
    PARENT,
    PLAN,
    STATE,
)


def found(*documents: Any, wanted: Wanted | None = None, **parameters: str) -> Found:
    texts = [Text(f"file{i}", json.dumps(one)) for i, one in enumerate(documents)]
    return settled(read(texts, parameters), wanted or Wanted())


def specs(result: Found) -> dict[str, Any]:
    return {str(one.name): one.spec for one in result.resources}


def remarks(result: Found) -> list[str]:
    return [f"{one.where}: {one.text}" for one in result.remarks]


def test_a_state_with_modules_data_sources_and_instances_on_their_way_out() -> None:
    result = found(STATE)
    assert list(specs(result)) == [
        "mesh shop",
        "shop: virtualNode/blue",
        "shop: virtualNode/green",
        "shop: virtualService/old.local",
    ]
    (mesh, *_) = result.resources
    assert mesh.origin == 'file0: module.mesh["prod"].aws_appmesh_mesh.this[0]'
    assert mesh.tags == {"env": "prod", "owner": "platform"}
    assert remarks(result) == [
        "shop: virtualNode/green: is tainted: Terraform would have replaced it; here it is as it"
        " was",
        'file0: aws_appmesh_virtual_node.this["green"]: was replaced, and is still to be'
        " destroyed: left out",
        "shop: virtualService/old.local: file0: data.aws_appmesh_virtual_service.this only reads"
        " it: its owner may know more",
    ]


def test_two_regions_are_two_meshes() -> None:
    other = copy.deepcopy(STATE)
    elsewhere = "arn:aws:appmesh:us-east-1:111122223333:mesh/shop"
    other["resources"][0]["instances"][0]["attributes"]["arn"] = elsewhere
    result = found(STATE, other)
    (refused,) = [one for one in result.remarks if one.refuses]
    assert refused.text == "is in eu-west-1 and us-east-1: choose one with --region"
    chosen = found(STATE, other, wanted=Wanted(region="us-east-1"))
    assert not [one for one in chosen.remarks if one.refuses]
    assert "shop: virtualNode/green" in specs(chosen), "what has no ARN may be of any region"


def test_two_accounts_of_one_name_are_refused_until_one_is_chosen() -> None:
    other = copy.deepcopy(STATE)
    arn = STATE["resources"][2]["instances"][0]["attributes"]["arn"].replace("1111", "9999")
    other["resources"][2]["instances"][0]["attributes"]["arn"] = arn
    (refused,) = [one for one in found(STATE, other).remarks if one.refuses]
    assert "choose one with --account" in refused.text
    chosen = found(STATE, other, wanted=Wanted(account="111122223333"))
    assert not [one for one in chosen.remarks if one.refuses]


def test_a_specification_of_the_provider_before_2() -> None:
    old = {"backends": ["stock.local"], "listener": [], "logging": [],
           "service_discovery": [{"dns": [{"service_name": "v0.local"}]}]}  # fmt: skip
    state = copy.deepcopy(STATE)
    state["resources"][2]["instances"][0]["attributes"]["spec"] = [old]
    assert specs(found(state))["shop: virtualNode/blue"] == {
        "backends": [{"virtualService": {"virtualServiceName": "stock.local"}}],
        "serviceDiscovery": {"dns": {"hostname": "v0.local"}},
    }


def test_a_plan_says_what_it_does_not_know_yet() -> None:
    result = found(PLAN)
    assert list(specs(result)) == ["mesh shop", "shop: virtualNode/blue"]
    assert remarks(result) == [
        "shop: virtualNode/blue: spec.logging.access_log is known after apply: left out",
        "mesh shop: file0: data.aws_appmesh_mesh.this only reads it: its owner may know more",
    ]


def side(name: str) -> dict[str, Any]:
    listeners = [{"portMapping": {"port": 8080, "protocol": "http"}}]
    return {"listeners": listeners, "serviceDiscovery": {"dns": {"hostname": name}}}


MANIFEST: dict[str, Any] = {
    "version": "36.0.0",
    "artifacts": {
        "Net": {
            "type": "aws:cloudformation:stack",
            "environment": "aws://111122223333/eu-west-1",
            "properties": {"templateFile": "file0", "stackName": "network"},
        }
    },
}


@pytest.mark.parametrize("manifest", [[], [MANIFEST]], ids=["by hand", "by the CDK"])
def test_stacks_that_are_nested_and_import_one_another(manifest: list[Any]) -> None:
    nested = {"Nodes.nested.template.json": NESTED}
    texts = [Text("file0", json.dumps(PARENT))]
    texts += [Text(f"out/{name}", json.dumps(one)) for name, one in nested.items()]
    texts += [Text("file2", json.dumps(OTHER)), *(Text("m", json.dumps(one)) for one in manifest)]
    result = settled(read(texts, {}))
    assert specs(result) == {
        "mesh shop-prod": {},
        "shop-prod: virtualNode/web-blue": side("blue"),
        "shop-prod: virtualNode/web-green": side("green"),
        "shop-prod: virtualRouter/web": {
            "listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]
        },
        "shop-prod: virtualService/web.local": {
            "provider": {"virtualRouter": {"virtualRouterName": "web"}}
        },
    }
    assert remarks(result) == []
    assert result.resources[-1].tags == {"team": "web"}
    test = settled(read(texts, {"Env": "test"}))
    assert "out/Nodes.nested.template.json: the condition of its stack is false: left out" in (
        remarks(test)
    )


def test_two_stages_of_the_cdk_are_two_meshes() -> None:
    """They have templates of the same names, in directories of their own."""
    texts = []
    for stage, region in (("dev", "eu-west-1"), ("prod", "us-east-1")):
        environment = f"aws://111122223333/{region}"
        artifact = {**MANIFEST["artifacts"]["Net"], "environment": environment}
        manifest = {**MANIFEST, "artifacts": {"Net": artifact}}
        texts += [Text(f"{stage}/file0", json.dumps(PARENT)),
                  Text(f"{stage}/Nodes.nested.template.json", json.dumps(NESTED)),
                  Text(f"{stage}/manifest.json", json.dumps(manifest))]  # fmt: skip
    found_ = read(texts, {})
    (refused,) = [one for one in settled(found_).remarks if one.refuses]
    assert refused.text == "is in eu-west-1 and us-east-1: choose one with --region"
    one = settled(found_, Wanted(region="us-east-1"))
    assert len(one.resources) == 4
    assert all("prod/" in each.origin for each in one.resources)
    assert not one.remarks


def test_what_a_template_does_not_say_can_be_given() -> None:
    assert "file0: Service: network:Mesh is not exported by a template here: give it with" in (
        remarks_of_failure(OTHER)
    )
    assert "shop: virtualService/web.local" in specs(found(OTHER, **{"network:Mesh": "shop"}))
    with pytest.raises(TealError, match=r"--parameter Emv: no template here asks for it .*Env"):
        found(PARENT, Emv="prod")
    with pytest.raises(TealError, match="--parameter Env=dev: file0 allows prod, test"):
        found(PARENT, Env="dev")
    with pytest.raises(TealError, match="--parameter is for templates of CloudFormation"):
        found(STATE, Env="prod")


def remarks_of_failure(document: Any) -> str:
    return "\n".join(remarks(found(document)))


def test_tags_and_owners_that_only_a_stack_knows_leave_no_resource_out() -> None:
    template = copy.deepcopy(OTHER)
    service = template["Resources"]["Service"]["Properties"]
    service["Tags"].append({"Key": "stack", "Value": {"Ref": "AWS::StackName"}})
    service |= {"MeshName": "shop", "MeshOwner": {"Ref": "AWS::AccountId"}}
    result = found(template)
    assert result.resources[-1].tags == {"team": "web"}
    told = "\n".join(remarks(result))
    assert "Tags[1]: AWS::StackName has no value here" in told
    assert "MeshOwner: AWS::AccountId has no value here" in told


def test_what_get_template_answers_is_a_template() -> None:
    assert specs(found({"TemplateBody": PARENT}))["mesh shop-prod"] == {}
    assert specs(found({"TemplateBody": json.dumps(PARENT)}))["mesh shop-prod"] == {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"Fn::Select": [9, ["a"]]}, "Fn::Select cannot have a list"),
        ({"Fn::Join": "x"}, "Fn::Join cannot have 'x'"),
        ({"Fn::GetAZs": ""}, "Fn::GetAZs is not known without its stack"),
        ({"Fn::GetAtt": "Mesh.MeshName"}, "Mesh.MeshName depends on itself"),
        ("{{resolve:ssm:/mesh}}", "give it with --parameter {{resolve:ssm:/mesh}}=VALUE"),
        ("${Token[TOKEN.12]}", "has no value here"),
        ({"Fn::If": ["Nothing", "a", "b"]}, "the condition Nothing is not in the template"),
        ({"Fn::FindInMap": ["A", "b", "c"]}, "the mapping A has no b.c"),
    ],
)
def test_what_cannot_be_evaluated_is_left_out_with_the_reason(value: Any, said: str) -> None:
    template = copy.deepcopy(PARENT)
    del template["Resources"]["Nodes"], template["Resources"]["Router"]
    template["Resources"]["Mesh"]["Properties"]["MeshName"] = value
    with_router = {"Type": "AWS::AppMesh::VirtualRouter", "Properties": {"MeshName": "shop"}}
    template["Resources"]["Other"] = with_router
    result = found(template)
    assert "shop: virtualRouter/Other" in specs(result)
    assert any(one.startswith("file0: Mesh: ") and said in one for one in remarks(result))


def test_a_dump_of_a_gateway() -> None:
    result = found(GATEWAY_DUMP)
    node = {
        "listeners": [
            {
                "portMapping": {"port": 8080, "protocol": "http"},
                "healthCheck": {"protocol": "http", "port": 8080, "path": "/ping",
                                "intervalMillis": 5000, "timeoutMillis": 2000,
                                "healthyThreshold": 2, "unhealthyThreshold": 3},
                "outlierDetection": {"maxServerErrors": 5, "interval": {"unit": "s", "value": 10},
                                     "baseEjectionDuration": {"unit": "s", "value": 30},
                                     "maxEjectionPercent": 50},
            }
        ],
        "serviceDiscovery": {
            "dns": {"hostname": "web-v1.prod.svc", "responseType": "LOADBALANCER"}
        },
    }  # fmt: skip
    targets = {"weightedTargets": [{"virtualNode": "web_v1_prod", "weight": 100}]}
    read_as = specs(result)
    assert read_as["shop: virtualNode/web_v1_prod"] == node
    assert read_as["shop: route/hot.prod/route-1"] == {
        "priority": 0,
        "httpRoute": {"match": {"prefix": "/"}, "action": targets},
    }, "the header by which a gateway told itself the service is App Mesh's own"
    assert read_as["shop: virtualService/idle.prod"] == {}
    assert read_as["shop: virtualRouter/web.prod"]["listeners"][0]["portMapping"]["port"] == 8080
    assert "shop: virtualService/default_backend" not in read_as
    assert read_as["shop: virtualGateway/edge"]["listeners"] == [
        {
            "portMapping": {"port": 8088, "protocol": "http"},
            "tls": {
                "mode": "STRICT",
                "certificate": {"file": {"certificateChain": "/c", "privateKey": "/k"}},
            },
        }
    ]
    gateway_routes = {name: spec for name, spec in read_as.items() if "gatewayRoute" in name}
    assert [one["httpRoute"]["match"]["prefix"] for one in gateway_routes.values()] == [
        "/shop",
        "/hot/",
    ], "App Mesh made two routes of one for /shop"
    told = "\n".join(remarks(result))
    assert "idle.prod: leads nowhere in the dump" in told
    assert "its port is not in a gateway's dump: 8080, as its node's" in told


def test_dumps_of_a_caller_and_of_what_it_calls_are_one_mesh() -> None:
    """The node's own Envoy knows its port and time limits, its caller how it is found."""
    caller = copy.deepcopy(GATEWAY_DUMP)
    caller["configs"][0]["bootstrap"]["node"]["id"] = "mesh/shop/virtualNode/front"
    host = caller["configs"][3]["dynamic_route_configs"][1]["route_config"]["virtual_hosts"][0]
    host["domains"] = ["web.prod", "web.prod:80"]
    node_id = "arn:aws:appmesh:eu-west-1:1:mesh/shop/virtualNode/web_v1_prod"
    chains = [
        {"filters": [{"typed_config": {"rds": {"route_config_name": f"rds_ingress_http_{port}"}}}]}
        for port in (8080, 9090)
    ]
    listener = {"name": "lds_ingress_0.0.0.0_15000", "filter_chains": chains}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "c", "timeout": "20s"}}
    hosts = [{"name": "v", "domains": ["*"], "routes": [route]}]
    routes = {"name": "rds_ingress_http_8080", "virtual_hosts": hosts}
    parts = {
        "BootstrapConfigDump": {"bootstrap": {"node": {"id": node_id}}},
        "ListenersConfigDump": {"dynamic_listeners": [{"active_state": {"listener": listener}}]},
        "RoutesConfigDump": {"dynamic_route_configs": [{"route_config": routes}]},
    }
    own = {
        "configs": [{"@type": f"x/envoy.admin.v3.{kind}", **part} for kind, part in parts.items()]
    }
    read_as = specs(found(own, caller, GATEWAY_DUMP))
    first, second = read_as["shop: virtualNode/web_v1_prod"]["listeners"]
    assert first["timeout"] == {"http": {"perRequest": {"unit": "s", "value": 20}}}
    assert first["healthCheck"]["path"] == "/ping"
    assert second["portMapping"]["port"] == 9090, "15000 is where redirected connections arrive"
    assert "serviceDiscovery" in read_as["shop: virtualNode/web_v1_prod"]
    router = read_as["shop: virtualRouter/web.prod"]
    assert [one["portMapping"]["port"] for one in router["listeners"]] == [80], "the caller knows"
    backends = read_as["shop: virtualNode/front"]["backends"]
    assert {"virtualService": {"virtualServiceName": "web.prod"}} in backends


def test_items_of_aws_config() -> None:
    result = found(CONFIG)
    (_, node) = result.resources
    assert node.tags == {"team": "web", "more": "1"}
    assert node.home == ("eu-west-1", "111122223333")
    assert "file0: AWS::AppMesh::VirtualRouter old: was deleted at its latest item: left out" in (
        remarks(result)
    )
    notice = {"configurationItem": CONFIG["configurationItems"][0], "messageType": "x"}
    assert "shop: virtualNode/web" in specs(found(notice))


def test_the_latest_item_counts_in_whatever_form_its_time_is() -> None:
    def item(at: Any, port: int) -> dict[str, Any]:
        spec = {"Listeners": [{"PortMapping": {"Port": port, "Protocol": "http"}}]}
        configuration = {"MeshName": "shop", "VirtualNodeName": "web", "Spec": spec}
        one = {**CONFIG["configurationItems"][0], "configuration": json.dumps(configuration)}
        return {"configurationItems": [{**one, "configurationItemCaptureTime": at}]}

    early, late = item("2026-01-02T10:00:00+09:00", 1), item("2026-01-02T03:00:00Z", 2)
    for one, other in ((early, late), (late, early)):
        spec = specs(found(one, other))["shop: virtualNode/web"]
        assert spec["listeners"][0]["portMapping"]["port"] == 2
    numbers = specs(found(item(10.5, 2), item(9.5, 1)))["shop: virtualNode/web"]
    assert numbers["listeners"][0]["portMapping"]["port"] == 2, "10.5 is later than 9.5"


def test_answers_of_the_cli() -> None:
    result = found(*CLI)
    assert specs(result)["shop: virtualNode/web"] == {
        "serviceDiscovery": {"dns": {"hostname": "web.local"}}
    }
    told = remarks(result)
    assert "shop: virtualNode/web: novel = 1 is not known to App Mesh" in told
    assert "shop: route/web/gone: was deleted, says file1: left out" in told
    assert any("is in a mesh of account 999988887777" in one for one in told)
    assert any("give what `describe-virtual-router` says" in one for one in told)
    whole = {"answers": {"nodes": [CLI[0]["virtualNode"]], "more": [{"deeper": CLI[0]}]}}
    assert "shop: virtualNode/web" in specs(found(whole)), "wherever it is in a file"


def test_a_cluster_with_two_meshes_and_groups_of_backends() -> None:
    result = found(*KUBERNETES)
    read_as = specs(result)
    assert read_as["mesh shop"] == {"serviceDiscovery": {"ipPreference": "IPv4_ONLY"}}
    node = read_as["shop: virtualNode/web_prod"]
    assert [one["virtualService"]["virtualServiceName"] for one in node["backends"]] == [
        "x.y",
        "stock.far",
        "price.prod",
        "web.prod",
    ], "its own, those of its groups, and all of the namespace"
    assert node["serviceDiscovery"]["awsCloudMap"]["attributes"] == [{"key": "v", "value": "1"}]
    assert "shop: gatewayRoute/edge_prod/web_prod" in read_as, "the gateway that selects it"
    told = "\n".join(remarks(result))
    assert "VirtualService old: is of appmesh.k8s.aws/v1beta1" in told
    for member in ("podSelector", "namespaceSelector", "gatewayRouteSelector"):
        assert member in told
