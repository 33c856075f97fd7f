"""The times of teal.toml, seen by clients with slow requests and with WebSockets."""

from __future__ import annotations

import json
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.websocket import talking, websocket
from tests.support.waiting import until

APP = str(REPOSITORY / "tests" / "support" / "applications" / "streams.py")


def _config(directory: Path, port: int) -> Path:
    config = directory / "teal.toml"
    config.write_text(f"""
mesh.name = "sample"
images."team/streams:*" = {json.dumps([sys.executable, APP])}

[services.web]
port = 8080
image = "team/streams:1"
health_path = "/health"
request_timeout = "1s"
idle_timeout = "3s"
drain_time = "5m"

[gateways.edge]
port = {port}
routes = {{ "/" = "web" }}
drain_time = "5m"
""")
    return config


@pytest.mark.drill
def test_what_is_in_flight_is_given_the_times_of_teal_toml(tmp_path: Path) -> None:
    """A request has its timeout; a WebSocket lives through a drain and a kill -9 until its client
    leaves, and through silence for its idle timeout.
    """
    port = free_port()
    config = _config(tmp_path, port)
    with control_plane(tmp_path, config) as plane:
        plane.teal("apply", "--config", str(config))
        assert _status(port, "/") == 200
        assert _status(port, "/slow") == 504
        with talking(port) as client, websocket(port) as silent:
            (old,) = _tasks(plane, "web-blue")
            plane.client("ecs").update_service(
                cluster="sample", service="web-blue", forceNewDeployment=True
            )
            until(lambda: _last_status(plane, old) == "DEACTIVATING")
            plane.kill9()
            plane.start()
            assert silent.receive() == ""
            assert _last_status(plane, old) == "DEACTIVATING"
            assert client.open
        until(lambda: _last_status(plane, old) == "STOPPED")
        (new,) = _tasks(plane, "web-blue")
        assert new != old


@pytest.mark.drill
def test_a_gateway_that_is_replaced_keeps_its_websockets(tmp_path: Path) -> None:
    port = free_port()
    config = _config(tmp_path, port)
    with control_plane(tmp_path, config) as plane:
        plane.teal("apply", "--config", str(config))
        with talking(port) as client:
            (old,) = _tasks(plane, "edge")
            plane.client("ecs").update_service(
                cluster="sample", service="edge", forceNewDeployment=True
            )
            until(lambda: _last_status(plane, old) == "DEACTIVATING")
            # Only the new gateway listens: the old one has the WebSocket alone.
            until(lambda: not _listens(plane, old, port))
            assert _status(port, "/") == 200
            assert _last_status(plane, old) == "DEACTIVATING"
            assert client.open
        until(lambda: _last_status(plane, old) == "STOPPED")


def _status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _tasks(plane: ControlPlane, service: str) -> list[str]:
    arns = plane.client("ecs").list_tasks(cluster="sample", serviceName=service)["taskArns"]
    return [str(arn) for arn in arns]


def _described(plane: ControlPlane, task: str) -> Any:
    (body,) = plane.client("ecs").describe_tasks(cluster="sample", tasks=[task])["tasks"]
    return body


def _last_status(plane: ControlPlane, task: str) -> str:
    return str(_described(plane, task)["lastStatus"])


def _listens(plane: ControlPlane, task: str, port: int) -> bool:
    """Whether a task's Envoy takes connections."""
    interface = _described(plane, task)["attachments"][0]["details"]
    address = next(d["value"] for d in interface if d["name"] == "privateIPv4Address")
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0
