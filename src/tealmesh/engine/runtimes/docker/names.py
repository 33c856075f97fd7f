"""Keeps the hosts files of container tasks: where names lead, by Cloud Map and the mesh."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes.docker.hosts import VIRTUAL_ADDRESS, hosts_text, padded
from tealmesh.model.ecs.names import task_id
from tealmesh.store import tables
from tealmesh.store.store import Store, View

HOSTS = "task.hosts"
"""No container has a dot in its name, so none has this directory."""


def instances(view: View) -> dict[str, list[str]]:
    """Addresses by name, ``SERVICE.NAMESPACE``, of the healthy instances of private namespaces."""
    spaces = {d.body["id"]: d.body["name"] for d in view.list(tables.NAMESPACES)}
    services = {
        d.body["id"]: f"{d.body['name']}.{spaces[d.body['namespaceId']]}"
        for d in view.list(tables.SD_SERVICES)
        if d.body.get("namespaceId") in spaces
    }
    found: dict[str, list[str]] = {name: [] for name in services.values()}
    for document in view.list(tables.INSTANCES):
        body = document.body
        name = services.get(body["serviceId"])
        address = body["attributes"].get("AWS_INSTANCE_IPV4")
        serving = body.get("health", "HEALTHY") == "HEALTHY" and not body.get("draining")
        if name and address and serving:
            found[name].append(address)
    return found


def virtual_names(view: View, task: Mapping[str, Any]) -> list[str]:
    """The virtual services of the mesh of a task whose traffic is taken."""
    envoy = task["teal"].get("envoy")
    taken = bool(envoy) and "proxyConfiguration" in task["teal"].get("definition", {})
    found = view.list(tables.VIRTUAL_SERVICES, envoy["mesh"]) if taken else []
    return [document.body["name"] for document in found]


def fixed_addresses(view: View, identity: str) -> dict[str, str]:
    """Addresses by name, in lower case, of what its name server tells a task before all else."""
    for document in view.list(tables.TASKS):
        if task_id(document.body) == identity:
            return {name.lower(): VIRTUAL_ADDRESS for name in virtual_names(view, document.body)}
    return {}


def hosts_of(view: View, task: Mapping[str, Any], known: Mapping[str, list[str]]) -> str:
    """The hosts file of a container task."""
    address = task["teal"]["address"]
    own = [f"ip-{address.replace('.', '-')}.ec2.internal", task_id(task)[:12]]
    return hosts_text(own, address, virtual_names(view, task), known)


def write_hosts(path: Path, text: str) -> None:
    """Write the file in place, for containers have it mounted, by one write that never shortens
    it: nobody sees half of it.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        path.write_bytes(padded(text, 0))
        path.chmod(0o644)
        return
    with path.open("r+b", buffering=0) as file:
        file.write(padded(text, size))


class Names:
    """Writes the hosts files anew whenever they have to change."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self._store = store
        self._tasks = data_dir / "tasks"
        self._written: dict[str, str] = {}

    async def run(self) -> None:
        """Run until cancelled."""
        async for view in self._store.watch():
            live = [d.body for d in view.list(tables.TASKS) if d.body["lastStatus"] != "STOPPED"]
            mine = [body for body in live if body.get("teal", {}).get("pid")]
            if mine:
                await asyncio.to_thread(self._update, view, mine)

    def _update(self, view: View, tasks: list[Mapping[str, Any]]) -> None:
        known = instances(view)
        for task in tasks:
            identity = task_id(task)
            text = hosts_of(view, task, known)
            directory = self._tasks / identity
            if self._written.get(identity) != text and directory.is_dir():
                write_hosts(directory / HOSTS, text)
                self._written[identity] = text
        self._written = {i: t for i, t in self._written.items() if (self._tasks / i).is_dir()}
