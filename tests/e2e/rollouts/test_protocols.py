"""Services that speak gRPC and TCP are deployed: a good version without a failure, a bad one goes
back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import grpc
import pytest

from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import api, finished
from tests.support.programs.traffic import traffic

PROGRAM = str(REPOSITORY / "tests" / "support" / "applications" / "speaking.py")
RATE = 60.0
BAD = {"grpc": "0.4", "tcp": "crash"}
"""What makes a version bad: statuses of failure; an application that ends."""
WHY = {"grpc": "failed (", "tcp": "exited: app with code 3"}


def configured(directory: Path, protocol: str, port: int, calls: int) -> Path:
    def image(*arguments: str) -> str:
        return json.dumps([sys.executable, PROGRAM, *arguments])

    calling = f'[gateways.calls]\nport = {calls}\nroutes = {{ "/shop.Orders" = "orders" }}'
    config = directory / "teal.toml"
    config.write_text(
        f"""
[mesh]
name = "shop"

[images]
"front:1" = {image("front", protocol, "orders.shop.local:9000")}
"orders:1" = {image(protocol, "1")}
"orders:2" = {image(protocol, "2")}
"orders:bad" = {image(protocol, "3", BAD[protocol])}

[services.orders]
protocol = "{protocol}"
port = 9000
image = "orders:1"

[services.orders.strategy]
steps = [20, 100]
step_time = "500ms"
bake_time = "300ms"

[services.orders.gates]
min_requests = 20

[services.front]
port = 8080
image = "front:1"
health_path = "/health"
backends = ["orders"]

[gateways.edge]
port = {port}
routes = {{ "/" = "front" }}
{calling if protocol == "grpc" else ""}
"""
    )
    return config


@pytest.mark.timeout(180)
@pytest.mark.drill
@pytest.mark.parametrize("protocol", ["grpc", "tcp"])
def test_a_good_version_loses_nothing_and_a_bad_one_goes_back(
    tmp_path: Path, protocol: str
) -> None:
    port, calls = free_port(), free_port()
    config = configured(tmp_path, protocol, port, calls)
    with control_plane(tmp_path, config) as plane:
        plane.teal("apply", "--config", str(config))
        with traffic((f"http://127.0.0.1:{port}/", RATE)) as load:
            plane.teal("deploy", "orders", "--image", "orders:2")
            assert set(load.watch(1.0).versions) == {"2"}
            assert not load.failures
            if protocol == "grpc":
                assert called(calls, "/shop.Orders/Version") == "2"
                assert called(calls, "/shop.Other/Version") == "UNIMPLEMENTED"
            done = plane.teal("deploy", "orders", "--image", "orders:bad", check=False)
            failed = finished(plane, "orders")
            assert failed["status"] == "ROLLBACK_SUCCESSFUL", (failed, done.stdout)
            assert set(load.watch(1.0).versions) == {"2"}
            load.stop()
        assert "orders:2 on green serves all requests" in done.stdout
        assert WHY[protocol] in failed["reason"], failed["reason"]
        side = next(s for s in api(plane).get_status()["services"] if s["name"] == "orders")
        assert side["sides"][1]["image"] == "orders:2"


def called(port: int, method: str) -> str:
    """The version that a gateway of gRPC leads to, or the status that it answers with."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            answer: bytes = channel.unary_unary(method)(b"", timeout=5, wait_for_ready=True)
        except grpc.RpcError as error:
            return str(error.code().name)
    return answer.decode()
