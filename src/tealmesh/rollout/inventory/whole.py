"""The whole status: everything that there is beside what teal.toml describes."""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.model import wire
from tealmesh.model.clock import SteadyClock
from tealmesh.model.status import LogSource
from tealmesh.rollout import documents
from tealmesh.rollout.inventory import ecs, find, mesh
from tealmesh.rollout.inventory.mesh import NodeTraffic, Window
from tealmesh.rollout.inventory.workloads import Workloads, resource_of_task
from tealmesh.store import Store, View, tables


class Inventory:
    """Everything that the store knows of; a port of our API."""

    def __init__(self, store: Store, traffic: NodeTraffic, clock: SteadyClock) -> None:
        self._store = store
        self._traffic = traffic
        self._clock = clock

    def others(self, window: float, converged: Mapping[str, bool]) -> wire.GetStatusOutput:
        """Everything that there is beside the services and gateways of teal.toml, with the traffic
        of the last ``window`` seconds, but without deployments and meshes. ``converged``: for each
        mesh, whether all its Envoys run with its present configuration.
        """
        now = self._clock()
        return others(self._store.view, Window(self._traffic, now - window, now), converged)

    def log_sources(self, name: str, side: str | None) -> list[LogSource]:
        """The tasks of what ``name`` names; see `find.log_sources`."""
        return find.log_sources(self._store.view, name, side)

    def ecs_services(self, name: str) -> list[str]:
        """The names of the ECS services of a service's sides."""
        return find.ecs_services(self._store.view, name)

    def envoy_resource(self, task_arn: str) -> str:
        """What the Envoy of a task stands for; empty if the task is unknown or has none."""
        for document in self._store.view.list(tables.TASKS):
            if document.body["taskArn"] == task_arn:
                return str(resource_of_task(document.body) or "")
        return ""


def others(view: View, window: Window, converged: Mapping[str, bool]) -> wire.GetStatusOutput:
    """What `Inventory.others` returns."""
    workloads = Workloads(view)
    ours = documents.services(view)
    our_gateways = documents.gateways(view)
    services = mesh.services(view, workloads, window, converged)
    hostnames = {(s.mesh, s.config.hostname) for s in ours}
    hostnames |= {(s["mesh"], s["hostname"]) for s in services}
    virtual_services = mesh.virtual_services(view, workloads, window, hostnames)
    gateways = mesh.gateways(view, workloads, {(g.mesh, g.name) for g in our_gateways})
    shown = {f"{s.cluster}/{s.node(side)}" for s in ours for side in s.config.sides}
    shown |= {f"{g.cluster}/{g.name}" for g in our_gateways}
    shown |= {side["ecsService"] for s in services for side in s["sides"] if "ecsService" in side}
    shown |= {label for g in gateways for label in g.get("ecsServices", [])}
    nodes = [node for service in virtual_services for node in service["nodes"]]
    shown |= {label for node in nodes for label in node.get("ecsServices", [])}
    return {
        "revision": view.revision,
        "services": services,
        "gateways": gateways,
        "virtualServices": virtual_services,
        "ecsServices": ecs.ecs_services(workloads, shown),
        "tasks": ecs.tasks(workloads),
    }
