"""An AWS CLI session that creates the mesh of the users' system, shifts traffic, and deletes it.

An operator does by hand what the Terraform of that system does: the same resources, in the same
order (one service with a blue and a green side).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.planes.appmesh import appmesh_endpoint

Aws = Callable[..., dict[str, Any]]


class CliError(Exception):
    """``aws`` failed; the text is its output."""


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    """A function that runs ``aws appmesh OPERATION --option value …`` and returns its JSON."""
    command = str(Path(sys.executable).with_name("aws"))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }
    with appmesh_endpoint(tmp_path) as url:

        def run(operation: str, **options: Any) -> dict[str, Any]:
            arguments = [command, "--endpoint-url", url, "--output", "json", "appmesh", operation]
            for option, value in options.items():
                text = value if isinstance(value, str) else json.dumps(value)
                arguments += [f"--{option.replace('_', '-')}", text]
            done = subprocess.run(
                arguments, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            if done.returncode:
                raise CliError(done.stderr.strip())
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer

        yield run


def virtual_node(side: str) -> dict[str, Any]:
    return {
        "listeners": [
            {
                "portMapping": {"port": 8080, "protocol": "http"},
                "healthCheck": {
                    "protocol": "http",
                    "path": "/health",
                    "healthyThreshold": 2,
                    "unhealthyThreshold": 2,
                    "timeoutMillis": 2000,
                    "intervalMillis": 5000,
                },
            }
        ],
        "serviceDiscovery": {
            "awsCloudMap": {
                "namespaceName": "article.local",
                "serviceName": "sample",
                "attributes": [{"key": "ECS_SERVICE_NAME", "value": f"article-sample-{side}"}],
            }
        },
        "logging": {"accessLog": {"file": {"path": "/dev/stdout"}}},
    }


def route(**weights: int) -> dict[str, Any]:
    targets = [{"virtualNode": f"sample-{side}", "weight": w} for side, w in weights.items()]
    return {
        "httpRoute": {
            "match": {"prefix": "/"},
            "action": {"weightedTargets": targets},
            "retryPolicy": {
                "tcpRetryEvents": ["connection-error"],
                "maxRetries": 1,
                "perRetryTimeout": {"unit": "s", "value": 1},
            },
        }
    }


ROUTER = {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]}
MESH = {"mesh_name": "article"}
SERVICE = "sample.article.local"
ROUTE = {**MESH, "virtual_router_name": "sample", "route_name": "sample"}


@pytest.mark.drill
def test_blue_to_green_by_hand(aws: Aws) -> None:
    assert aws("create-mesh", **MESH)["mesh"]["status"] == {"status": "ACTIVE"}
    blue = aws(
        "create-virtual-node",
        **MESH,
        virtual_node_name="sample-blue",
        spec=virtual_node("blue"),
    )["virtualNode"]
    assert blue["spec"]["listeners"][0]["healthCheck"].pop("port") == 8080
    assert blue["spec"] == virtual_node("blue")
    assert blue["metadata"]["arn"].endswith(":mesh/article/virtualNode/sample-blue")
    aws("create-virtual-router", **MESH, virtual_router_name="sample", spec=ROUTER)
    aws(
        "create-virtual-service",
        **MESH,
        virtual_service_name=SERVICE,
        spec={"provider": {"virtualRouter": {"virtualRouterName": "sample"}}},
    )
    created = aws("create-route", **ROUTE, spec=route(blue=1))["route"]
    assert created["spec"] == route(blue=1)

    # Step 1: green starts; step 2: both get traffic; step 3: green alone; step 4: blue is deleted.
    aws("create-virtual-node", **MESH, virtual_node_name="sample-green", spec=virtual_node("green"))
    for version, weights in enumerate(
        ({"blue": 1, "green": 0}, {"blue": 1, "green": 1}, {"blue": 0, "green": 1}), start=2
    ):
        updated = aws("update-route", **ROUTE, spec=route(**weights))["route"]
        assert updated["metadata"]["version"] == version
    assert aws("describe-route", **ROUTE)["route"] == updated
    with pytest.raises(CliError, match=r"\(BadRequestException\).*at least one weight above 0"):
        aws("update-route", **ROUTE, spec=route(blue=0, green=0))
    with pytest.raises(CliError, match=r"\(ResourceInUseException\).*target of a Route"):
        aws("delete-virtual-node", **MESH, virtual_node_name="sample-blue")
    aws("update-route", **ROUTE, spec=route(green=1))
    deleted = aws("delete-virtual-node", **MESH, virtual_node_name="sample-blue")
    assert deleted["virtualNode"]["status"] == {"status": "DELETED"}

    (left,) = aws("list-virtual-nodes", **MESH)["virtualNodes"]
    assert left["virtualNodeName"] == "sample-green"

    aws("delete-route", **ROUTE)
    aws("delete-virtual-service", **MESH, virtual_service_name=SERVICE)
    aws("delete-virtual-router", **MESH, virtual_router_name="sample")
    aws("delete-virtual-node", **MESH, virtual_node_name="sample-green")
    aws("delete-mesh", **MESH)
    with pytest.raises(CliError, match=r"\(NotFoundException\).*Mesh with name article"):
        aws("describe-mesh", **MESH)
