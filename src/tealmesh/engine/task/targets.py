"""A task's targets in the target groups of its service's ``loadBalancers``, as ECS registers them.
For use inside a transaction.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.base import TaskNetwork
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.state import TaskState
from tealmesh.model.ecs.names import cluster_of, service_of
from tealmesh.model.errors import EngineError
from tealmesh.model.load_balancers import TargetBody, TargetGroupBody, target_key
from tealmesh.store import tables
from tealmesh.store.targets import deregister_target, register_target
from tealmesh.store.views import Transaction, View

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import LoadBalancerTypeDef

    from tealmesh.model.ecs.bodies import TaskBody, TaskTarget


def key_of(target: TaskTarget) -> str:
    """The target's name in its group."""
    return target_key(target["address"], target["port"])


def group_of(reader: View | Transaction, target: TaskTarget) -> TargetGroupBody | None:
    """The target's group; None if it has been deleted."""
    document = reader.get(tables.TARGET_GROUPS, target["group"])
    return document.body if document is not None else None


def planned(
    reader: View | Transaction,
    task: TaskBody,
    containers: Sequence[Container],
    listener_ports: Collection[int],
) -> list[TaskTarget]:
    """The targets that the task is to be. Groups that have been deleted are skipped.

    ``listener_ports``: those of the virtual node or gateway that the task stands for.
    """
    targets: list[TaskTarget] = []
    for balancer in _balancers(reader, task):
        group, port = balancer.get("targetGroupArn", ""), balancer.get("containerPort", 0)
        if reader.get(tables.TARGET_GROUPS, group) is not None:
            address = _address(task, balancer, containers, listener_ports)
            targets.append({"group": group, "address": address, "port": port})
    return targets


def check_groups(reader: View | Transaction, task: TaskBody) -> None:
    """Raise EngineError for a target group of the task's service that has been deleted."""
    for balancer in _balancers(reader, task):
        group = balancer.get("targetGroupArn", "")
        if group and reader.get(tables.TARGET_GROUPS, group) is None:
            raise EngineError(
                f"failed to register targets in (target-group {group}) with "
                "(error TargetGroupNotFound: One or more target groups not found)"
            )


def register(tx: Transaction, task: TaskBody, targets: Sequence[TaskTarget]) -> None:
    """Register the task as these targets."""
    for target in targets:
        body: TargetBody = {
            "TargetGroupArn": target["group"],
            "Id": target["address"],
            "Port": target["port"],
            "draining": False,
            "task": task["taskArn"],
        }
        register_target(tx, body)


def _balancers(reader: View | Transaction, task: TaskBody) -> list[LoadBalancerTypeDef]:
    """``loadBalancers`` of the task's service; none for a standalone task."""
    name = service_of(task)
    service = reader.get(tables.ECS_SERVICES, cluster_of(task), name) if name else None
    return service.body.get("loadBalancers") or [] if service is not None else []


def _address(
    task: TaskBody,
    balancer: LoadBalancerTypeDef,
    containers: Sequence[Container],
    listener_ports: Collection[int],
) -> str:
    """Where the task is reached at the port. Without a network of its own, a task with an Envoy has
    two addresses: Envoy's and that of its applications.
    """
    state = TaskState.of(task)
    by_envoy = balancer.get("containerPort") in listener_ports or any(
        c.role is Role.ENVOY and c.name == balancer.get("containerName") for c in containers
    )
    network = TaskNetwork.of(state)
    return network.address if state.envoy is None or by_envoy else network.application


def drain(tx: Transaction, task: TaskBody) -> list[TaskTarget]:
    """Deregister the task's targets: they get no new requests. Returns those that were registered
    until now.
    """
    drained: list[TaskTarget] = []
    for target in TaskState.of(task).targets:
        group = group_of(tx, target)
        present = tx.get(tables.TARGETS, target["group"], key_of(target))
        if group is not None and present is not None and not present.body["draining"]:
            deregister_target(tx, group, key_of(target))
            drained.append(target)
    return drained


def remove(tx: Transaction, task: TaskBody) -> None:
    """Remove the task's targets, whether they are draining or not."""
    for target in TaskState.of(task).targets:
        present = tx.get(tables.TARGETS, target["group"], key_of(target))
        if present is not None and present.body.get("task") == task["taskArn"]:
            tx.delete(tables.TARGETS, target["group"], key_of(target))
