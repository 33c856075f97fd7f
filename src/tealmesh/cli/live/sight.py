"""What a watched status is made of: the answers of three operations, of one moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire


@dataclass(frozen=True)
class Sight:
    """``tasks``: those that are to run. ``groups``: those that deploy, by name; all that are asked
    for, if one is.
    """

    status: wire.GetStatusOutput
    tasks: list[wire.TaskDescription]
    groups: dict[str, wire.GroupDeployment]
    at: float
    """Seconds since the epoch."""
    notes: tuple[str, ...] = ()

    def tasks_of(self, service: str, side: str) -> list[wire.TaskDescription]:
        """The tasks of one side."""
        return [t for t in self.tasks if (t.get("service"), t.get("side")) == (service, side)]


def look(client: Client, window: int, mesh: str | None, group: str | None, at: float) -> Sight:
    """Ask for everything, or for what belongs to a mesh or to a group of services.

    Raises TealError for a group that there is not, NoControlPlane and AwsError.
    """
    status = client.get_status(window, mesh)
    groups = {g["name"]: g for g in client.list_groups()}
    tasks = client.list_tasks(stopped=False)
    if group is None:
        latest = {name: g["latest"] for name, g in groups.items() if "latest" in g}
        running = {name: one for name, one in latest.items() if "finishedAt" not in one}
        return Sight(status, tasks, running, at)
    known = groups.get(group)
    if known is not None and "latest" not in known:
        names = known["services"]
        note = f"group {group} ({', '.join(names)}): not deployed yet"
        return Sight(_only(status, names), tasks, {}, at, (note,))
    # Also of a group that teal.toml does not describe any more; the API says if there is none.
    newest = known["latest"] if known is not None else client.get_group_deployment(group)
    return Sight(
        _only(status, [m["service"] for m in newest["members"]]), tasks, {group: newest}, at
    )


def _only(status: wire.GetStatusOutput, names: Collection[str]) -> wire.GetStatusOutput:
    """Of a status, these services."""
    made: wire.GetStatusOutput = {
        "revision": status["revision"],
        "services": [s for s in status["services"] if s["name"] in names],
        "gateways": [],
    }
    if "troubles" in status:
        made["troubles"] = status["troubles"]
    if "controlPlanes" in status:
        made["controlPlanes"] = status["controlPlanes"]
    return made


def task_words(task: wire.TaskDescription) -> str:
    """``RUNNING, not usable yet``."""
    words = [task["status"]]
    if task.get("health", "UNKNOWN") != "UNKNOWN":
        words.append(task.get("health", ""))
    if task.get("usable") is False:
        words.append("no caller can use it yet")
    return ", ".join(words)


def task_is_well(task: wire.TaskDescription) -> bool:
    """Whether it runs and nothing is known against it."""
    health = task.get("health", "UNKNOWN")
    return task["status"] == "RUNNING" and health != "UNHEALTHY" and task.get("usable") is not False
