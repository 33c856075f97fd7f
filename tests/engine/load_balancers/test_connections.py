"""The Envoy of a deleted load balancer stays for as long as its clients do: it tells how many."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

from tealmesh.engine.load_balancers.admin import connections
from tealmesh.engine.runtimes.admin import AdminPlace
from tealmesh.envoy.bootstrap.bootstrap import load_balancer_bootstrap
from tests.support.machine import free_port
from tests.support.programs.envoy import ENVOY, loopback
from tests.support.waiting import until


def test_clients_that_are_connected_are_counted(tmp_path: Path) -> None:
    address, port = loopback(1), free_port()
    made: dict[str, Any] = load_balancer_bootstrap(
        "front", xds_address=("127.0.0.1", 9), admin_address=address
    )
    del made["dynamic_resources"]  # nobody would answer
    proxy = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "x",
        "cluster": "tealmesh",
        "max_connect_attempts": 1,
    }
    chain = {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}
    where = {"socket_address": {"address": address, "port_value": port}}
    listener = {"name": "l", "address": where, "filter_chains": [chain]}
    made["static_resources"]["listeners"] = [listener]
    path = tmp_path / "front.json"
    path.write_text(json.dumps(made))
    place = AdminPlace.of(None, address)

    def counted() -> int:
        return asyncio.run(connections(place))

    argv = [ENVOY, "-c", str(path), "--disable-hot-restart", "--concurrency", "1", "-l", "warning"]
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        to = made["static_resources"]["clusters"][0]["load_assignment"]["endpoints"][0]
        at = to["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        at["port_value"] = upstream.getsockname()[1]
        path.write_text(json.dumps(made))
        with subprocess.Popen(argv) as envoy, contextlib.ExitStack() as stack:
            stack.callback(envoy.kill)
            client = until(lambda: _connected(address, port), lambda: "it does not listen")
            assert client is not None
            until(lambda: counted() == 1, lambda: str(counted()))
            client.close()
            until(lambda: counted() == 0, lambda: str(counted()))


def _connected(address: str, port: int) -> socket.socket | None:
    """A connection that ends at once on both sides when it is closed."""
    with contextlib.suppress(OSError):
        made = socket.create_connection((address, port), timeout=1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return made
    return None
