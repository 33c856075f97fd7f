"""Connects what is in `tealmesh.seams` and the APIs beside moto's with the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from tealmesh.apis.applicationautoscaling.api import ApplicationAutoScaling
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.json_overlay import JsonOverlay
from tealmesh.aws.observer import Observer
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.engine.runtimes.base import Handle, Usage
from tealmesh.engine.task.state import TaskState
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.model.wire import MemberWithoutEffect
from tealmesh.seams.scaling.alarms import Alarms
from tealmesh.seams.scaling.looks import Looks
from tealmesh.seams.scaling.metrics import Recent
from tealmesh.seams.scaling.publisher import Publisher
from tealmesh.seams.scaling.usage import TaskUsage
from tealmesh.seams.scaling.worker import MINUTE_SECONDS, Scaling
from tealmesh.store import Reader, Store, tables

Worker = tuple[str, Callable[[], Awaitable[None]]]


class Seams:
    """What ours and moto's services see of one another."""

    def __init__(
        self,
        store: Store,
        account: str,
        connect: Callable[[str, str], Any],
        usage: Callable[[Handle], Usage | None],
        scaling_minute: float,
    ) -> None:
        """``connect``: (service, region) -> a boto3 client of our own port, which has no types."""
        self._store = store
        self._account = account
        self._alarms = Alarms(store, connect)
        recent = Recent()
        scale = scaling_minute / MINUTE_SECONDS
        self._looks = Looks(store, self._alarms, connect, recent, scale)
        publisher = Publisher(store, connect, lambda task: task_usage(task, usage), recent)
        self._scaling = Scaling(
            store, publisher, self._looks, scaling_in_held, system_clock, random_id, scaling_minute
        )

    def workers(self) -> Iterator[Worker]:
        """What runs as long as the control plane, by its name for people."""
        yield "automatic scaling", self._scaling.measure
        yield "the bounds of automatic scaling", self._scaling.keep_bounds
        yield "scheduled scaling", self._scaling.keep_schedules

    def before(self, moto: Fallback) -> Fallback:
        """What stands before moto: for each request ours, or passed on."""
        common = (self._store, self._account, system_clock, random_id)
        scaling = ApplicationAutoScaling(*common, self._alarms)
        alarms = ("PutMetricAlarm", "SetAlarmState")
        watched = Observer("monitoring", alarms, self._look_at_alarms, moto)
        return JsonOverlay(load_model("application-autoscaling"), scaling, watched)

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


def scaling_in_held(reader: Reader, cluster: str, service: str) -> bool:
    """Whether the service is being deployed: Application Auto Scaling does not scale in meanwhile
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html).
    """
    document = reader.get(tables.ECS_SERVICES, cluster, service)
    deployments = document.body["deployments"] if document else []
    return any(one.get("rolloutState") == "IN_PROGRESS" for one in deployments)


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
