"""Names of Envoy resources, the same as App Mesh's, so that users' dashboards keep working.

Seen in App Mesh's own guides, e.g. the statistics tables of
https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-metrics.html
"""

from __future__ import annotations

from typing import Literal

BesideKind = Literal["preview", "mirror", "cohort"]
"""What leads to a node beside weights."""

EGRESS_PORT = 15001
"""Where redirected outbound traffic arrives, and where the egress HTTP proxy listens otherwise."""

INGRESS_PORT = 15000
"""Where redirected inbound traffic arrives (`ProxyIngressPort` of an ECS proxyConfiguration)."""

ANYWHERE = "0.0.0.0"
EGRESS_ROUTES = f"rds_egress_http_{EGRESS_PORT}"


def ingress_listener(address: str, port: int) -> str:
    return f"lds_ingress_{address}_{port}"


def egress_listener(address: str, port: int) -> str:
    return f"lds_egress_{address}_{port}"


def ingress_routes(protocol: str, port: int) -> str:
    return f"rds_ingress_{protocol}_{port}"


def ingress_cluster(mesh: str, name: str, protocol: str, port: int) -> str:
    return f"cds_ingress_{mesh}_{name}_{protocol}_{port}"


def self_cluster(mesh: str, gateway: str, protocol: str, port: int) -> str:
    """The cluster by which a gateway checks its own listener."""
    return f"cds_ingress_{mesh}_{gateway}_self_redirect_{protocol}_{port}"


def egress_cluster(mesh: str, node: str, protocol: str, port: int) -> str:
    return f"cds_egress_{mesh}_{node}_{protocol}_{port}"


def beside_cluster(kind: BesideKind, egress: str) -> str:
    """A cluster with the same hosts as an egress cluster, for requests beside the weights. No name
    of a node can make it an egress cluster.
    """
    return f"cds_{kind}_{egress.removeprefix('cds_egress_')}"


def amazon_cluster(mesh: str) -> str:
    """The cluster of requests that leave the mesh, for `*.amazonaws.com` or for anywhere."""
    return f"cds_egress_{mesh}_amazonaws"
