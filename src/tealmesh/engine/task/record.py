"""One task's document: read it, and change it in named steps. Each step is one transaction."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes.base import Handle, TaskNetwork
from tealmesh.engine.runtimes.containers import Container, State
from tealmesh.model.ecs import task as ecs
from tealmesh.model.ecs.names import task_id
from tealmesh.store import tables
from tealmesh.store.store import Transaction

LAST_STATUS = {
    "PREPARE": "PROVISIONING",
    "START": "PENDING",
    "AWAIT_READY": "ACTIVATING",
    "AWAIT_CALLERS": "ACTIVATING",
    "RUN": "RUNNING",
    "DRAIN": "DEACTIVATING",
    "DEREGISTER": "DEACTIVATING",
    "HALT": "STOPPING",
    "STOPPED": "STOPPED",
}
"""What ECS calls each phase of a task
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html).
"""


class TaskGone(Exception):
    """The task has no document any more."""


@dataclass(frozen=True)
class TaskRecord:
    """The document of one task."""

    ports: EngineContext
    cluster: str
    identity: str

    @property
    def body(self) -> Mapping[str, Any]:
        document = self.ports.store.view.get(tables.TASKS, self.cluster, self.identity)
        if document is None:
            raise TaskGone
        return document.body

    @property
    def phase(self) -> str:
        body = self.body
        if body["lastStatus"] == "STOPPED":
            return "STOPPED"
        return str(body.get("teal", {}).get("phase", "PREPARE"))

    @property
    def stop_wanted(self) -> bool:
        return bool(self.body["desiredStatus"] == "STOPPED")

    @property
    def quick(self) -> bool:
        """Whether the task is to be stopped without ceremony: everything goes down with it."""
        return bool(self.body.get("teal", {}).get("quick"))

    async def change(
        self, operation: str, change: Callable[[Transaction, dict[str, Any]], None]
    ) -> int:
        """Change the document (and what goes with it) in one transaction; its revision."""

        def write(tx: Transaction) -> int:
            document = tx.get(tables.TASKS, self.cluster, self.identity)
            if document is None:
                raise TaskGone
            body = copy.deepcopy(dict(document.body))
            body.setdefault("teal", {})
            change(tx, body)
            if body != document.body:
                body["version"] = int(body.get("version", 0)) + 1
                tx.put(tables.TASKS, self.cluster, self.identity, body=body)
            return tx.revision

        return await self.ports.store.write("engine", operation, write)

    async def enter(self, phase: str) -> int:
        """Go to a phase of which nothing else has to be recorded."""
        return await self.change(f"Task{phase.title()}", lambda _, body: set_phase(body, phase))


def set_phase(body: dict[str, Any], phase: str) -> None:
    body["teal"]["phase"] = phase
    body["lastStatus"] = LAST_STATUS[phase]


def set_network(body: dict[str, Any], network: TaskNetwork, region: str) -> None:
    """The task's addresses, where ECS shows those of its network interface."""
    body["teal"] |= {"address": network.address, "appAddress": network.app_address}
    if network.pid:
        body["teal"]["pid"] = network.pid
    body["availabilityZone"] = f"{region}a"
    identity = task_id(body)
    known = ecs.interface(identity, network.address)
    details = [{"name": name, "value": value} for name, value in known.items()]
    present = (body.get("attachments") or [{}])[0]
    subnet = [d for d in present.get("details", []) if d["name"] == "subnetId"]
    body["attachments"] = [
        {
            "id": ecs.interface_id(identity),
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [*subnet, *details],
        }
    ]


def detach_network(body: dict[str, Any]) -> None:
    """The task has stopped: its interface is gone."""
    body["attachments"] = [{**one, "status": "DELETED"} for one in body.get("attachments", [])]


def set_containers(body: dict[str, Any], containers: Sequence[Container]) -> None:
    """The task's containers before anything has become of them."""
    arn = body["taskArn"].replace(":task/", ":container/")
    identity = task_id(body)
    interface = {
        "attachmentId": ecs.interface_id(identity),
        "privateIpv4Address": body["teal"]["address"],
    }
    known = {c["name"]: c for c in body.get("containers", [])}
    body["containers"] = [
        {
            "containerArn": f"{arn}/{container.name}",
            "taskArn": body["taskArn"],
            "name": container.name,
            "image": container.image,
            "healthStatus": "UNKNOWN",
            **known.get(container.name, {}),
            "runtimeId": f"{identity}-{index}",
            "lastStatus": "PENDING",
            "networkInterfaces": [interface],
        }
        for index, container in enumerate(containers)
    ]


def show_states(
    body: dict[str, Any], states: Mapping[str, State], handles: Mapping[str, Handle]
) -> None:
    """What has become of the containers, as ECS shows it."""
    for shown in body.get("containers", []):
        state = states.get(shown["name"], State())
        if state.exit_code is not None:
            shown["lastStatus"], shown["exitCode"] = "STOPPED", state.exit_code
        elif state.started:
            shown["lastStatus"] = "RUNNING"
        if state.healthy is not None:
            shown["healthStatus"] = "HEALTHY" if state.healthy else "UNHEALTHY"
    body["teal"]["handles"] = dict(handles)
