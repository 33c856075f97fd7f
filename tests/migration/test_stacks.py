"""Templates with loops, and stacks that are nested, as people write them by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tealmesh.migration.found import Found, settled
from tealmesh.migration.readers import Text, read
from tealmesh.model.errors import TealError

LOOPS = """
Transform: AWS::LanguageExtensions
Parameters:
  Colours: {Type: CommaDelimitedList, Default: "blue,green"}
  Env: {Type: String, Default: prod}
Conditions:
  Fn::ForEach::Made: [Colour, [blue, green], {"Is${Colour}": !Equals [!Ref Env, prod]}]
Resources:
  Mesh: {Type: "AWS::AppMesh::Mesh", Properties: {MeshName: shop}}
  Fn::ForEach::Services:
    - Service
    - [cart, stock-2]
    - Fn::ForEach::Nodes:
        - Colour
        - !Ref Colours
        - "Node&{Service}${Colour}":
            Type: AWS::AppMesh::VirtualNode
            Condition: "Is${Colour}"
            Properties:
              MeshName: !GetAtt Mesh.MeshName
              VirtualNodeName: !Sub "${Service}-${Colour}"
              Spec:
                Fn::ForEach::Members: [Name, [Backends], {"${Name}": []}]
                Logging: !If [Isblue, !Ref AWS::NoValue, {AccessLog: {File: {Path: /log}}}]
      "Router&{Service}":
        Type: AWS::AppMesh::VirtualRouter
        Properties: {MeshName: shop, VirtualRouterName: !Ref Service, Spec: {}}
      "Route&{Service}":
        Type: AWS::AppMesh::Route
        Properties:
          MeshName: shop
          RouteName: all
          VirtualRouterName: !GetAtt [!Sub "Router&{Service}", VirtualRouterName]
          Spec:
            HttpRoute:
              Match: {Prefix: /}
              Action:
                WeightedTargets:
                  - {VirtualNode: !GetAtt "Node&{Service}blue.VirtualNodeName", Weight: 1}
                  - !If [Isgreen, !Ref AWS::NoValue, {VirtualNode: other, Weight: 1}]
Outputs:
  Fn::ForEach::Names:
    - Service
    - [cart, stock-2]
    - "Name&{Service}":
        Value: !GetAtt [!Sub "Router&{Service}", VirtualRouterName]
        Export: {Name: !Sub "router-${Service}"}
"""
IMPORTER = """
Resources:
  Service:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: shop
      VirtualServiceName: stock.local
      Spec: {Provider: {VirtualRouter: {VirtualRouterName: !ImportValue router-stock-2}}}
"""
ROOT = """
Parameters: {Bucket: {Type: String}, Weights: {Type: List<Number>, Default: "90,10"}}
Resources:
  Mesh:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub "https://${Bucket}.s3.${AWS::URLSuffix}/mesh.yaml?versionId=a"
      Parameters: {Name: !Sub "${AWS::StackName}-mesh", Filter: !Ref AWS::NoValue}
  Service:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Join ["/", [!Ref Bucket, service.yaml]]
      Parameters: {Mesh: !GetAtt Mesh.Outputs.Name, Port: !Select ["1", !Ref Weights]}
"""
MESH = """
Parameters: {Name: {Type: String, Default: demo}, Filter: {Type: String, Default: DROP_ALL}}
Resources:
  Mesh:
    Type: AWS::AppMesh::Mesh
    Properties: {MeshName: !Ref Name, Spec: {EgressFilter: {Type: !Ref Filter}}}
Outputs: {Name: {Value: !GetAtt Mesh.MeshName}}
"""
SERVICE = """
Parameters: {Mesh: {Type: String, Default: demo}, Port: {Type: Number, Default: 1}}
Resources:
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties:
      MeshName: !Ref Mesh
      VirtualRouterName: web
      Spec: {Listeners: [{PortMapping: {Port: !Ref Port, Protocol: http}}]}
"""


def found(texts: dict[str, str], **parameters: str) -> Found:
    return settled(read([Text(name, text) for name, text in texts.items()], parameters))


def specs(result: Found) -> dict[str, Any]:
    return {str(one.name): one.spec for one in result.resources}


def remarks(result: Found) -> list[str]:
    return [f"{one.where}: {one.text}" for one in result.remarks]


def test_loops_within_loops_and_what_names_their_resources() -> None:
    result = found({"loops.yaml": LOOPS, "importer.yaml": IMPORTER})
    assert remarks(result) == []
    read_as = specs(result)
    nodes = [f"shop: virtualNode/{s}-{c}" for s in ("cart", "stock-2") for c in ("blue", "green")]
    assert [name for name in read_as if "virtualNode" in name] == nodes
    assert [read_as[name] for name in nodes] == [{"backends": []}] * 4
    assert read_as["shop: route/stock-2/all"]["httpRoute"]["action"] == {
        "weightedTargets": [{"virtualNode": "stock-2-blue", "weight": 1}]
    }
    assert read_as["shop: virtualService/stock.local"] == {
        "provider": {"virtualRouter": {"virtualRouterName": "stock-2"}}
    }


def test_a_condition_of_a_loop_that_is_false() -> None:
    told = remarks(found({"loops.yaml": LOOPS}, Env="test"))
    assert "loops.yaml: Nodestock2green: its condition Isgreen is false: left out" in told


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("!Ref Unknown", "Fn::ForEach::Services: Unknown has no value here"),
        ("7", "Fn::ForEach::Services[1] must be a list, not 7"),
    ],
)
def test_a_loop_of_which_it_is_not_known_what_it_stands_for(values: str, said: str) -> None:
    text = LOOPS.replace("    - [cart, stock-2]\n    - Fn", f"    - {values}\n    - Fn")
    try:
        told = "\n".join(remarks(found({"loops.yaml": text})))
    except TealError as error:
        told = str(error)
    assert said in told


def test_loops_have_an_end() -> None:
    made: dict[str, Any] = {"Mesh": {"Type": "AWS::AppMesh::Mesh"}}
    for level in range(5):
        made = {f"Fn::ForEach::L{level}": [f"V{level}", list(range(20)), made]}
    with pytest.raises(TealError, match="loops are read up to 10000 rounds"):
        found({"loops.json": json.dumps({"Resources": made})})


def test_nested_stacks_are_found_by_the_end_of_a_url_and_get_what_their_parents_pass() -> None:
    texts = {"root.yaml": ROOT, "mesh.yaml": MESH, "service.yaml": SERVICE}
    result = found(texts, **{"AWS::StackName": "shop"})
    assert specs(result) == {
        "mesh shop-mesh": {"egressFilter": {"type": "DROP_ALL"}},
        "shop-mesh: virtualRouter/web": {
            "listeners": [{"portMapping": {"port": 10, "protocol": "http"}}]
        },
    }


def test_a_default_is_not_taken_for_what_a_parent_passes_and_is_not_known() -> None:
    result = found({"root.yaml": ROOT, "mesh.yaml": MESH, "service.yaml": SERVICE})
    assert specs(result) == {}
    asked = "AWS::StackName has no value here: give it with --parameter AWS::StackName=VALUE"
    assert remarks(result) == [
        f"mesh.yaml: Mesh: {asked}: left out",
        f"service.yaml: Router: {asked}: left out",
    ]
