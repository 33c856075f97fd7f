"""Where names lead inside tasks: fixed addresses for the mesh, and the tasks' hosts files.

Everything is read from the store: virtual services of the mesh, instances of Cloud Map.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.docker.network.hosts import VIRTUAL_ADDRESS, hosts_text, padded
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.cloudmap import locate
from tealmesh.model.ecs.names import task_id
from tealmesh.store import tables
from tealmesh.store.snapshot import dns_zones, load_balancers_inside
from tealmesh.store.store import Store
from tealmesh.store.views import View

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody

HOSTS = "task.hosts"
"""The hosts file in a task's directory. Container names have no dot, so none has this directory."""


def instances(view: View) -> dict[str, list[str]]:
    """The IPv4 addresses that DNS answers for ``SERVICE.NAMESPACE``, by that name: of services with
    A records; and those of load balancers.
    """
    zones = dns_zones(view)
    addresses = {name: [address] for name, address in load_balancers_inside(view).items()}
    for zone, services in zones.items():
        for service in services:
            name = f"{service}.{zone}"
            found = locate(zones, name, ("AWS_INSTANCE_IPV4",))
            serving = (one for one in found.instances if one.healthy and not one.draining)
            addresses[name] = [dict(one.attributes)["AWS_INSTANCE_IPV4"] for one in serving]
    return addresses


def virtual_names(view: View, state: TaskState) -> list[str]:
    """The virtual services of the task's mesh, if its traffic is redirected through Envoy."""
    if state.envoy is None or "proxyConfiguration" not in state.definition:
        return []
    services = view.list(tables.VIRTUAL_SERVICES, state.envoy["mesh"])
    return [document.body["name"] for document in services]


def fixed_addresses(view: View, identity: str) -> dict[str, str]:
    """Addresses by lower-case name that a task's name server answers before any others."""
    for document in view.list(tables.TASKS):
        if task_id(document.body) == identity:
            names = virtual_names(view, TaskState.of(document.body))
            virtual = {name.lower(): VIRTUAL_ADDRESS for name in names}
            return {**load_balancers_inside(view), **virtual}
    return {}


def hosts_of(view: View, task: TaskBody, known: Mapping[str, list[str]]) -> str:
    """The text of a task's hosts file; ``known`` are the `instances`."""
    state = TaskState.of(task)
    own = [f"ip-{state.address.replace('.', '-')}.ec2.internal", task_id(task)[:12]]
    return hosts_text(own, state.address, virtual_names(view, state), known)


def write_hosts(path: Path, text: str) -> None:
    """Write the file in place, because containers have it mounted, and in one write that never
    shortens it, so that nobody reads half of it.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        path.write_bytes(padded(text, 0))
        path.chmod(0o644)
        return
    with path.open("r+b", buffering=0) as file:
        file.write(padded(text, size))


class HostsFiles:
    """The hosts files of the tasks in network namespaces of their own."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self._store = store
        self._tasks = data_dir / "tasks"
        self._written: dict[str, str] = {}

    def ensure(self, directory: Path) -> None:
        """Write the hosts file of the task in ``directory`` if it has none."""
        path = directory / HOSTS
        if path.exists():
            return
        view = self._store.view
        for document in view.list(tables.TASKS):
            if task_id(document.body) == directory.name:
                write_hosts(path, hosts_of(view, document.body, instances(view)))

    async def run(self) -> None:
        """Rewrite the files that have to change, until cancelled."""
        async for view in self._store.watch():
            tasks = [document.body for document in view.list(tables.TASKS)]
            mine = [body for body in tasks if _has_namespace(TaskState.of(body))]
            if mine:
                await asyncio.to_thread(self._update, view, mine)

    def _update(self, view: View, tasks: Sequence[TaskBody]) -> None:
        known = instances(view)
        for task in tasks:
            identity = task_id(task)
            text = hosts_of(view, task, known)
            directory = self._tasks / identity
            if self._written.get(identity) != text and directory.is_dir():
                write_hosts(directory / HOSTS, text)
                self._written[identity] = text
        self._written = {i: t for i, t in self._written.items() if (self._tasks / i).is_dir()}


def _has_namespace(state: TaskState) -> bool:
    return bool(state.pid) and state.phase is not Phase.STOPPED
