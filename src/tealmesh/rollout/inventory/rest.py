"""Gateways, and virtual services that no side stands for, as pages show them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tealmesh.model import wire
from tealmesh.model.ecs.names import task_id
from tealmesh.model.rollout import Traffic
from tealmesh.rollout.inventory import mesh
from tealmesh.rollout.inventory.mesh import Window
from tealmesh.rollout.inventory.workloads import Workloads
from tealmesh.rollout.system import Service
from tealmesh.store import View


def _unseen(_mesh: str, _node: str, _since: float, _port: int, _protocol: str) -> Traffic:
    """Pages add what is measured themselves, each second."""
    return Traffic()


_WINDOW = Window(_unseen, 0.0, 0.0)


def gateways(view: View, workloads: Workloads) -> list[wire.GatewayStatus]:
    """Every virtual gateway, of teal.toml or not."""
    return mesh.gateways(view, workloads, set())


def without_sides(
    view: View, workloads: Workloads, services: Iterable[Service], unusable: frozenset[str]
) -> list[wire.VirtualServiceStatus]:
    """The virtual services that are none of ``services``, without their traffic. ``unusable``: the
    ids of tasks that no caller can use.
    """
    shown = {(service.mesh, service.hostname) for service in services}
    found = mesh.virtual_services(view, workloads, _WINDOW, shown)
    for one in found:
        for node in one["nodes"]:
            run_by = workloads.of_node(one["mesh"], node["virtualNode"])
            lost = sum(task_id(task) in unusable for each in run_by for task in each.tasks)
            node["healthy"] = max(0, node["healthy"] - lost)
            node.pop("requests", None)
            node.pop("errors", None)
    return found
