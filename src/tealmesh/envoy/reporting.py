"""How often an Envoy reports what it has counted: often where a deployment is judged by it, and
else as often as a control plane can hear from so many.

Envoy's ``stats_flush_interval`` is fixed when it starts. With ``stats_flush_on_admin`` instead, it
reports whenever its admin interface is asked for statistics, and it can be told to ask itself: by a
cluster whose only host is that interface, with a health check of the wanted interval. Nothing else
is ever sent there. Such a cluster is a resource as any other, so who reports how often changes with
a deployment, without a restart.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto#envoy-v3-api-field-config-bootstrap-v3-bootstrap-stats-flush-on-admin
docs/design/046-ten-thousand-envoys.md
"""

from __future__ import annotations

import hashlib
import ipaddress
import math

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import address_pb2, health_check_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2 as components
from envoy.config.endpoint.v3 import endpoint_pb2

from tealmesh.envoy.protos import milliseconds, socket_address, uint32
from tealmesh.envoy.resources import Resource, encode
from tealmesh.model.errors import TealError
from tealmesh.model.traffic.windows import REPORT_SECONDS

CLUSTER = "tealmesh_reports"

IDLE_REPORTS = 400
"""Reports a second of all Envoys that no deployment is judged by, about."""
JUDGED_REPORTS = 1_000
"""The same of those that one is: as many as a control plane can hear beside its other work."""
LONGEST_SECONDS = 60.0

_TIMEOUT_MS = 5_000
_JITTER_PERCENT = 10
"""Of intervals of a second and more: Envoys that connected at once do not go on reporting at
once."""
_LONGEST_PATH = 107
"""Bytes of a Unix socket's path: https://man7.org/linux/man-pages/man7/unix.7.html"""


def seconds(envoys: int, reports: int, name: str) -> float:
    """How long an Envoy of the node ``name`` waits between two reports where so many ``envoys``
    share so many ``reports`` a second: REPORT_SECONDS or longer, by powers of two.

    Each node takes the longer step at another number of Envoys, so that a mesh that grows by one
    task changes what few of its nodes do.
    """
    wanted = envoys / reports / REPORT_SECONDS
    if wanted <= 1:
        return REPORT_SECONDS
    early: float = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32
    return min(LONGEST_SECONDS, math.ldexp(REPORT_SECONDS, math.floor(math.log2(wanted) + early)))


def cluster(at: str, every: float) -> Resource:
    """The cluster by which an Envoy asks its own admin interface ``at`` a place every so many
    seconds.
    """
    interval = milliseconds(round(every * 1000))
    check = health_check_pb2.HealthCheck(
        timeout=milliseconds(_TIMEOUT_MS),
        interval=interval,
        no_traffic_interval=interval,
        no_traffic_healthy_interval=interval,
        unhealthy_interval=interval,
        unhealthy_edge_interval=interval,
        healthy_edge_interval=interval,
        interval_jitter_percent=_JITTER_PERCENT if every >= 1 else 0,
        healthy_threshold=uint32(1),
        unhealthy_threshold=uint32(1),
    )
    check.http_health_check.host = CLUSTER
    # To ask is enough: the answer has no statistic.
    check.http_health_check.path = "/stats?filter=%5E%24"
    endpoint = components.Endpoint(address=place(at))
    locality = components.LocalityLbEndpoints(
        lb_endpoints=[components.LbEndpoint(endpoint=endpoint)]
    )
    message = cluster_pb2.Cluster(
        name=CLUSTER,
        type=cluster_pb2.Cluster.DiscoveryType.STATIC,
        connect_timeout=milliseconds(_TIMEOUT_MS),
        load_assignment=endpoint_pb2.ClusterLoadAssignment(
            cluster_name=CLUSTER, endpoints=[locality]
        ),
        health_checks=[check],
    )
    return encode(CLUSTER, message)


def place(at: str) -> address_pb2.Address:
    """An IP address with a port (``127.0.0.1:9901``, ``[::1]:9901``), or the path of a Unix socket.
    Raises TealError for anything else.
    """
    host, _, port = at.rpartition(":")
    try:
        address = str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        if not 0 < len(at.encode()) <= _LONGEST_PATH or "\0" in at:
            raise TealError(
                f"{at!r}: must be ADDRESS:PORT or the path of a Unix socket, of at most "
                f"{_LONGEST_PATH} bytes"
            ) from None
        return address_pb2.Address(pipe=address_pb2.Pipe(path=at))
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise TealError(f"{at!r}: the port must be 1 to 65535")
    return socket_address(address, int(port))
