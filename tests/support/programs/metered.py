"""A real Envoy with our bootstrap's metrics sink, and static clusters in place of ADS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tealmesh.envoy import reporting
from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.envoy.extensions import tasks
from tealmesh.envoy.extensions.parts import SCOPE, counting_log, timing_log
from tests.support.planes.admitting import secret_file
from tests.support.programs.envoy import ENVOY, as_dict, as_json

_ADMIN = "admin.sock"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"


@contextmanager
def metered_envoy(
    directory: Path,
    xds_port: int,
    clusters: Sequence[Any],
    listeners: Sequence[Any],
    token: str = "",
) -> Iterator[subprocess.Popen[bytes]]:
    """The Envoy of ``task/1``, which lets itself report to ``xds_port`` every 0.1 s."""
    made = bootstrap(
        {"APPMESH_RESOURCE_ARN": "mesh/demo/virtualNode/caller"},
        xds_address=("127.0.0.1", xds_port),
        token_file=secret_file(directory, token) if token else "",
        task="task/1",
        admin_socket=_ADMIN,
    )
    del made["dynamic_resources"]
    made["static_resources"]["clusters"] += [as_json(reporting.cluster(_ADMIN, 0.1)), *clusters]
    made["static_resources"]["listeners"] = list(listeners)
    file = directory / "envoy.json"
    file.write_text(json.dumps(made))
    command = [ENVOY, "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]
    with (directory / "envoy.log").open("wb") as log:
        command += ["-l", "warning"]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def cluster(name: str, *ports: int, http2: bool = False, **members: Any) -> dict[str, Any]:
    """A cluster of loopback endpoints."""
    protocol = "http2_protocol_options" if http2 else "http_protocol_options"
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
        for port in ports
    ]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {
            options: {
                "@type": f"{_EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {protocol: {}},
            }
        },
        **members,
    }


def http_listener(port: int, routes: Sequence[Any]) -> dict[str, Any]:
    """An egress listener with these routes, which counts gRPC's statuses and parts as ours do."""
    logs = [as_dict(log) for log in (counting_log(), timing_log(), tasks.counting_log())]
    for log in logs:
        # What xds-protos does not know is lost on the way through JSON.
        log["typed_config"]["stats_scope"] = {"prefix": SCOPE}
    grpc_stats = {
        "@type": f"{_EXTENSIONS}.filters.http.grpc_stats.v3.FilterConfig",
        "stats_for_all_methods": False,
    }
    router = {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "egress",
        "access_log": logs,
        "http_filters": [
            {"name": "envoy.filters.http.grpc_stats", "typed_config": grpc_stats},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(routes)}]
        },
    }
    return _listener(port, "http", manager)


def tcp_listener(port: int, to: str) -> dict[str, Any]:
    """A listener whose connections go to one cluster."""
    proxy = {
        "@type": f"{_EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "egress",
        "cluster": to,
    }
    return _listener(port, "tcp", proxy)


def _listener(port: int, name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{name}_{port}",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": name, "typed_config": config}]}],
    }
