"""One task's document: read it, and change it in named steps, each in one transaction.

Functions that take a body change a document in the making; `TaskRecord.change` commits it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes.base import Handle, TaskNetwork
from tealmesh.engine.runtimes.containers import Container, State
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.ecs import task as ecs
from tealmesh.model.ecs.names import task_id
from tealmesh.store import tables
from tealmesh.store.views import Transaction

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerBody, NetworkInterfaceBody, TaskBody


class TaskGone(Exception):
    """The task's document was deleted while its worker ran."""


@dataclass(frozen=True)
class TaskRecord:
    """The document of one task, as the committed state has it at each access."""

    context: EngineContext
    cluster: str
    identity: str

    @property
    def body(self) -> TaskBody:
        """Raises TaskGone."""
        document = self.context.store.view.get(tables.TASKS, self.cluster, self.identity)
        if document is None:
            raise TaskGone
        return document.body

    @property
    def state(self) -> TaskState:
        """Raises TaskGone."""
        return TaskState.of(self.body)

    @property
    def phase(self) -> Phase:
        """Raises TaskGone."""
        return self.state.phase

    @property
    def stop_wanted(self) -> bool:
        """Whether somebody has asked for the task to be stopped. Raises TaskGone."""
        return self.body["desiredStatus"] == "STOPPED"

    @property
    def quick(self) -> bool:
        """Whether to stop it without draining. Raises TaskGone."""
        return self.state.quick

    async def change(self, operation: str, change: Callable[[Transaction, TaskBody], None]) -> int:
        """Change a copy of the document, and whatever goes with it, in one transaction; return
        the revision. Raises TaskGone.
        """

        def write(tx: Transaction) -> int:
            document = tx.get(tables.TASKS, self.cluster, self.identity)
            if document is None:
                raise TaskGone
            body = copy.deepcopy(document.body)
            change(tx, body)
            if body != document.body:
                body["version"] = body.get("version", 0) + 1
                tx.put(tables.TASKS, self.cluster, self.identity, body=body)
            return tx.revision

        return await self.context.store.write("engine", operation, write)

    async def enter(self, phase: Phase) -> int:
        """Enter a phase that needs nothing else recorded. Raises TaskGone."""
        return await self.change(f"Task{phase.title()}", lambda _, body: set_phase(body, phase))


def set_phase(body: TaskBody, phase: Phase) -> None:
    """Enter a phase."""
    replace(TaskState.of(body), phase=phase).write(body)


def set_network(body: TaskBody, network: TaskNetwork, region: str) -> None:
    """Record the task's addresses, and show them as ECS shows a network interface."""
    state = TaskState.of(body)
    replace(
        state,
        address=network.address,
        app_address=network.app_address,
        pid=network.pid or state.pid,
    ).write(body)
    body["availabilityZone"] = f"{region}a"
    identity = task_id(body)
    interface = ecs.interface(identity, network.address)
    details = [{"name": name, "value": value} for name, value in interface.items()]
    before = [d for a in body.get("attachments", [])[:1] for d in a.get("details", [])]
    subnet = [detail for detail in before if detail["name"] == "subnetId"]
    body["attachments"] = [
        {
            "id": ecs.interface_id(identity),
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [*subnet, *details],
        }
    ]


def detach_network(body: TaskBody) -> None:
    """Show the network interface of a stopped task as deleted."""
    for attachment in body.setdefault("attachments", []):
        attachment["status"] = "DELETED"


def set_containers(body: TaskBody, containers: Sequence[Container]) -> None:
    """Show the task's containers as not started yet."""
    arn = body["taskArn"].replace(":task/", ":container/")
    identity = task_id(body)
    interface: NetworkInterfaceBody = {
        "attachmentId": ecs.interface_id(identity),
        "privateIpv4Address": TaskState.of(body).address,
    }
    shown = {c["name"]: c for c in body.get("containers", [])}
    made: list[ContainerBody] = []
    for index, container in enumerate(containers):
        one: ContainerBody = {
            "containerArn": f"{arn}/{container.name}",
            "taskArn": body["taskArn"],
            "name": container.name,
            "image": container.image,
            "healthStatus": "UNKNOWN",
        }
        if container.name in shown:
            one.update(shown[container.name])
        one["runtimeId"] = f"{identity}-{index}"
        one["lastStatus"] = "PENDING"
        one["networkInterfaces"] = [interface]
        made.append(one)
    body["containers"] = made


def show_states(body: TaskBody, states: Mapping[str, State], handles: Mapping[str, Handle]) -> None:
    """Show how the containers are, and keep their handles."""
    for container in body.get("containers", []):
        state = states.get(container["name"], State())
        if state.exit_code is not None:
            container["lastStatus"], container["exitCode"] = "STOPPED", state.exit_code
        elif state.started:
            container["lastStatus"] = "RUNNING"
        if state.healthy is not None:
            container["healthStatus"] = "HEALTHY" if state.healthy else "UNHEALTHY"
    replace(TaskState.of(body), handles=dict(handles)).write(body)
