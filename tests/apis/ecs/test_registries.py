"""Service registries: which members a service's Cloud Map service asks for."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, NETWORK, Direct

WEB = {
    "cluster": "web",
    "taskDefinition": "web",
    "desiredCount": 2,
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
}


@pytest.fixture
def direct(direct: Direct) -> Direct:
    direct.ecs("create_cluster", clusterName="web")
    direct.ecs("register_task_definition", **FARGATE)
    return direct


def test_registries_must_match_the_definition(direct: Direct) -> None:
    operation = direct.discovery("create_private_dns_namespace", Name="web.local", Vpc="vpc-1")
    namespace = direct.discovery("get_operation", **operation)["Operation"]["Targets"]["NAMESPACE"]
    arns = {}
    for kind in ("A", "SRV", "HTTP"):
        records = {"DnsConfig": {"DnsRecords": [{"Type": kind, "TTL": 10}]}}
        service = direct.discovery(
            "create_service",
            Name=kind,
            NamespaceId=namespace,
            **(records if kind != "HTTP" else {}),
        )
        arns[kind] = service["Service"]["Arn"]

    def create(name: str, **registry: Any) -> list[dict[str, Any]]:
        request = {**WEB, "serviceName": name, "serviceRegistries": [registry]}
        registries: list[dict[str, Any]] = direct.ecs("create_service", **request)["service"][
            "serviceRegistries"
        ]
        return registries

    assert create("a", registryArn=arns["A"]) == [{"registryArn": arns["A"]}]
    placed = {"registryArn": arns["SRV"], "containerName": "app", "containerPort": 8080}
    assert create("b", **placed) == [placed]
    named = {"registryArn": arns["A"], "containerName": "app"}
    assert create("named", **named) == [named]
    by_port = {"registryArn": arns["SRV"], "port": 80}
    assert create("port", **by_port) == [by_port]
    by_http = {**placed, "registryArn": arns["HTTP"]}
    assert create("http", **by_http) == [by_http]
    for registry, text in (
        ({"registryArn": arns["SRV"]}, "SRV records needs port"),
        ({**placed, "containerPort": 1}, "did not have a container port 1"),
        ({"registryArn": arns["SRV"], "containerName": "app"}, "SRV records needs port"),
        ({**placed, "registryArn": arns["A"]}, "do not require a value for 'containerPort'"),
        ({"registryArn": arns["SRV"], "containerPort": 8080}, "needs containerName"),
        ({**placed, "port": 80}, "must not be given together"),
    ):
        with pytest.raises(AwsError, match=text):
            create("c", **registry)
