"""When a task started, was asked to stop and stopped, for the waits that begin then. Pure.

What ECS shows (``startedAt`` and the like) is wall time, which somebody may set: see `model.clock`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tealmesh.model.clock import MomentBody

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody

TaskEvent = Literal["started", "stopping", "stopped"]


def moment_of(task: TaskBody, event: TaskEvent) -> MomentBody | None:
    """When it happened; None if it did not, or if an earlier version stored the task."""
    return task.get("teal", {}).get("moments", {}).get(event)


def note_moment(task: TaskBody, event: TaskEvent, moment: MomentBody) -> None:
    """Note in a document in the making when it happened."""
    teal = task.setdefault("teal", {})
    teal["moments"] = {**teal.get("moments", {}), event: moment}
