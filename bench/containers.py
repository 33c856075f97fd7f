"""How long a task of three containers takes from its start to its first answered request."""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.podman import Podman, missing, podman

from bench.measurement import Measurement, quantile

_IMAGE = "localhost/team/web:1"
_ENVOY = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
_TIMES = 4


def measure() -> list[Measurement]:
    """From RunTask until the application answers through its Envoy, with all images present.

    Compared with starting three containers by ``podman run``.
    """
    if missing():
        print(f"containers are not measured: {missing()}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "podman").mkdir()
        with podman(directory / "podman") as engine:
            engine.make_app(_IMAGE)
            plane = ControlPlane(directory)
            plane.start(DOCKER_HOST=engine.url)
            try:
                _prepare(plane)
                taken = [_answered(plane) for _ in range(_TIMES + 1)][1:]
            finally:
                plane.down()
            bare = quantile([_bare(engine) for _ in range(3)], 0.5)
    value = quantile(taken, 0.5)
    return [Measurement("container task, first answer", value, "s", bare, "podman run, 3 times", 3)]


def _prepare(plane: ControlPlane) -> None:
    """Create a mesh of one node and its task definition: application, Envoy, X-Ray daemon."""
    mesh = plane.client("appmesh")
    mesh.create_mesh(meshName="m")
    listener = {"portMapping": {"port": 8080, "protocol": "http"}}
    discovery = {"dns": {"hostname": "web.local"}}
    spec = {"listeners": [listener], "serviceDiscovery": discovery}
    mesh.create_virtual_node(meshName="m", virtualNodeName="web", spec=spec)
    properties = {
        "AppPorts": "8080",
        "ProxyIngressPort": "15000",
        "ProxyEgressPort": "15001",
        "IgnoredUID": "1337",
    }
    resource = {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/m/virtualNode/web"}
    containers = [
        {"name": "app", "image": _IMAGE, "portMappings": [{"containerPort": 8080}]},
        {"name": "envoy", "image": _ENVOY, "user": "1337", "environment": [resource]},
        {"name": "xray", "image": "public.ecr.aws/xray/aws-xray-daemon:3.x", "essential": False},
    ]
    ecs = plane.client("ecs")
    ecs.create_cluster(clusterName="m")
    ecs.register_task_definition(
        family="web",
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=containers,
        proxyConfiguration={
            "type": "APPMESH",
            "containerName": "envoy",
            "properties": [{"name": n, "value": v} for n, v in properties.items()],
        },
    )


def _answered(plane: ControlPlane) -> float:
    ecs = plane.client("ecs")
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    start = time.perf_counter()
    arn = ecs.run_task(cluster="m", taskDefinition="web", networkConfiguration=network)["tasks"][0][
        "taskArn"
    ]
    try:
        while True:
            address = _address(ecs.describe_tasks(cluster="m", tasks=[arn])["tasks"][0])
            if address and _answers(f"http://{address}:8080/"):
                return time.perf_counter() - start
            if time.perf_counter() - start > 60:
                raise RuntimeError(f"task {arn} does not answer: {plane.log()[-2000:]}")
            time.sleep(0.02)
    finally:
        ecs.stop_task(cluster="m", task=arn)


def _address(task: dict[str, object]) -> str:
    attachments = task.get("attachments") or []
    assert isinstance(attachments, list)
    for attachment in attachments:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                return str(detail["value"])
    return ""


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _bare(engine: Podman) -> float:
    start = time.perf_counter()
    for _ in range(3):
        engine.run("run", "--rm", "--entrypoint", "/bin/sleep", "localhost/tealmesh/pause:1", "0")
    return time.perf_counter() - start
