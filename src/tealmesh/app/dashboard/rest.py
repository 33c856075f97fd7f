"""Rows of gateways, and of virtual services that no side stands for, with what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.measured import Cluster, side_traffic
from tealmesh.model import wire
from tealmesh.model.mesh import Kind
from tealmesh.rollout.inventory.fleet import Fleet
from tealmesh.rollout.metrics.rates import Rate

Row = dict[str, object]
Sent = Mapping[tuple[str, str], Rate]
"""By Envoy and egress cluster."""


def rest(
    fleet: Fleet,
    by_cluster: Mapping[str, Rate],
    by_pair: Sent,
    clusters: Mapping[str, Cluster],
    resources: Mapping[str, str],
) -> Items:
    """The rows by MESH KIND/NAME. ``resources``: what each Envoy stands for."""
    of_node: dict[tuple[str, str], list[Rate]] = {}
    for name, rate in by_cluster.items():
        at, node, _ = clusters[name]
        of_node.setdefault((at, node), []).append(rate)
    by: dict[str, list[Rate]] = {}
    for (envoy, _), rate in by_pair.items():
        by.setdefault(resources.get(envoy, envoy), []).append(rate)
    rows: dict[str, Row] = {}
    for gateway in fleet.gateways:
        mesh, name = gateway.get("mesh", ""), gateway["name"]
        kind = Kind.VIRTUAL_GATEWAY.value
        rows[f"{mesh} {kind}/{name}"] = _gateway(gateway, by.get(f"mesh/{mesh}/{kind}/{name}", []))
    for service in fleet.without_sides:
        key = f"{service['mesh']} {Kind.VIRTUAL_SERVICE.value}/{service['name']}"
        rows[key] = _service(service, of_node)
    return rows


def _gateway(gateway: wire.GatewayStatus, sent: Sequence[Rate]) -> Row:
    row: Row = {
        "kind": Kind.VIRTUAL_GATEWAY.value,
        "name": gateway["name"],
        "mesh": gateway.get("mesh", ""),
        "running": gateway["running"],
        "desired": gateway.get("desired", 0),
        "healthy": gateway["running"],
        "traffic": side_traffic(sent, 0),
    }
    return row | _told(gateway) | {"addresses": gateway.get("addresses", [])}


def _service(
    service: wire.VirtualServiceStatus, of_node: Mapping[tuple[str, str], Sequence[Rate]]
) -> Row:
    row: Row = {
        "kind": Kind.VIRTUAL_SERVICE.value,
        "name": service["name"],
        "mesh": service["mesh"],
        "running": 0,
        "desired": 0,
        "healthy": 0,
    }
    if "provider" in service:
        row["provider"] = service["provider"]
    for node in service["nodes"]:
        row |= {member: node[member] for member in ("running", "desired", "healthy")}
        row |= _told(node)
        if "image" in node:
            row["image"] = node["image"]
        seen = of_node.get((service["mesh"], node["virtualNode"]), [])
        row["traffic"] = side_traffic(seen, 0)
    return row


def _told(status: wire.GatewayStatus | wire.NodeStatus) -> Row:
    """Who runs it, and why tasks are missing."""
    told: Row = {}
    if "ecsServices" in status:
        told["ecsServices"] = status["ecsServices"]
    if "reason" in status:
        told["reason"] = status["reason"]
    if "gaveUp" in status:
        told["gaveUp"] = status["gaveUp"]
    return told
