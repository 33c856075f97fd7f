"""Connects what is in `tealmesh.seams` and the APIs beside moto's with the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tealmesh.apis.applicationautoscaling.api import ApplicationAutoScaling
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.hosted_zones import HostedZones
from tealmesh.aws.interfaces import NetworkInterfaces
from tealmesh.aws.json_overlay import JsonOverlay
from tealmesh.aws.observer import Observer
from tealmesh.aws.overlay import Overlay
from tealmesh.aws.stacks import Stacks
from tealmesh.aws.tagging import Tagging
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.engine.load_balancers.health import TargetHealth
from tealmesh.engine.runtimes.base import Handle, Usage
from tealmesh.engine.state import TaskState
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.model.scaling.names import resource_id
from tealmesh.model.wire import MemberWithoutEffect
from tealmesh.rollout import documents
from tealmesh.seams.events.worker import Events
from tealmesh.seams.scaling.alarms import Alarms
from tealmesh.seams.scaling.looks import Looks
from tealmesh.seams.scaling.metrics import Recent
from tealmesh.seams.scaling.publisher import Publisher, Source
from tealmesh.seams.scaling.sources import Served, Traffic, Utilization
from tealmesh.seams.scaling.usage import TaskUsage
from tealmesh.seams.scaling.worker import MINUTE_SECONDS, Scaling
from tealmesh.store import Reader, Store, View, tables

Worker = tuple[str, Callable[[], Awaitable[None]]]


class Seams:
    """What ours and moto's services see of one another."""

    def __init__(
        self,
        store: Store,
        account: str,
        connect: Callable[[str, str], Any],
        usage: Callable[[Handle], Usage | None],
        health: TargetHealth,
        scaling_minute: float,
    ) -> None:
        """``connect``: (service, region) -> a boto3 client of our own port, which has no types."""
        self._store = store
        self._account = account
        self._connect = connect
        self._alarms = Alarms(store, connect)
        recent = Recent()
        scale = scaling_minute / MINUTE_SECONDS
        self._looks = Looks(store, self._alarms, connect, recent, scale)
        sources: list[Source] = [
            Utilization(store, lambda task: task_usage(task, usage)),
            Traffic(partial(served, health)),
        ]
        publisher = Publisher(sources, connect, recent)
        self._events = Events(store, connect)
        self._scaling = Scaling(
            store, publisher, self._looks, scaling_in_held, system_clock, random_id, scaling_minute
        )

    def workers(self) -> Iterator[Worker]:
        """What runs as long as the control plane, by its name for people."""
        yield "automatic scaling", self._scaling.measure
        yield "the bounds of automatic scaling", self._scaling.keep_bounds
        yield "scheduled scaling", self._scaling.keep_schedules
        yield "events for EventBridge", self._events.run

    def before(
        self,
        moto: Fallback,
        apis: Mapping[str, object],
        balancers_changed: Callable[[str], Awaitable[None]],
    ) -> Fallback:
        """What stands before moto: each request is answered by ours, or passed on. ``apis``: ours,
        by service; ``balancers_changed``: called with the region of a stack that changed.
        """
        common = (self._store, self._account, system_clock, random_id)
        scaling = ApplicationAutoScaling(*common, self._alarms)
        watched = Observer("monitoring", ["SetAlarmState"], self._look_at_alarms, moto)
        rules = ("PutRule", "PutTargets", "CreateArchive")
        watched = Observer("events", rules, self._events.listen, watched)
        scaled = JsonOverlay(load_model("application-autoscaling"), scaling, watched)
        interfaces = NetworkInterfaces(self._store, self._connect, scaled)
        zones = HostedZones(self._store, interfaces)
        tagging = Tagging(self._store, {**apis, "application-autoscaling": scaling}, zones)
        tagged = JsonOverlay(load_model("resourcegroupstaggingapi"), tagging, zones)
        stacks = Stacks(self._connect, balancers_changed)
        return Overlay(load_model("cloudformation"), stacks, tagged)

    async def _look_at_alarms(self, region: str) -> None:
        self._looks.tell()


def task_usage(task: TaskBody, usage: Callable[[Handle], Usage | None]) -> TaskUsage | None:
    """What the task's containers use; None if that is not known of any. Blocking."""
    found = [usage(handle) for handle in TaskState.of(task).handles.values()]
    known = [one for one in found if one is not None]
    if not known:
        return None
    return TaskUsage(
        sum(one.cpu_nanoseconds for one in known), sum(one.memory_bytes for one in known)
    )


async def served(health: TargetHealth) -> Mapping[tuple[str, str], Mapping[str, Served]]:
    """What the targets of application load balancers have got."""
    return {
        key: {name: Served(host.total, not host.failed) for name, host in hosts.items()}
        for key, hosts in (await health.of_applications()).items()
    }


def scaling_in_held(reader: Reader, cluster: str, service: str) -> bool:
    """Whether the service is being deployed, by ECS or by `teal deploy`: scaling in waits
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html).
    """
    document = reader.get(tables.ECS_SERVICES, cluster, service)
    deployments = document.body["deployments"] if document else []
    by_ecs = any(one.get("rolloutState") == "IN_PROGRESS" for one in deployments)
    return by_ecs or documents.scaling_in_held(reader, cluster, service)


def waiting_policies(reader: Reader) -> Iterator[MemberWithoutEffect]:
    """The scaling policies that cannot act at present, for `teal doctor`."""
    for document in reader.list(tables.SCALING_POLICIES):
        policy = document.body
        if waits := policy["teal"].get("waits"):
            yield {
                "resource": policy["ResourceId"],
                "member": f"scaling policy {policy['PolicyName']}",
                "reason": f"it waits: {waits}",
            }


def unscaled_sides(view: View) -> Iterator[MemberWithoutEffect]:
    """The sides of services that nothing scales while something scales another side, for
    `teal doctor`: after a deployment to such a side the service would keep its count for ever.
    """
    for service in documents.every_service(view):
        places = {service.ecs_service(side) for side in service.sides}
        bodies = {place: view.get(tables.ECS_SERVICES, *place) for place in places}
        there = [place for place, one in bodies.items() if one and one.body["status"] == "ACTIVE"]
        scaled = [place for place in there if view.get(tables.SCALABLE_TARGETS, *place) is not None]
        for cluster, name in sorted(set(there) - set(scaled)) if scaled else ():
            yield {
                "resource": resource_id(cluster, name),
                "member": "scaling policy (none)",
                "reason": f"nothing scales {name}, and {scaled[0][1]} is scaled: register it with"
                " Application Auto Scaling too",
            }
