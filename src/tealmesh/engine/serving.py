"""Which tasks carry traffic: the tasks whose Envoys have to acknowledge a change.

A change has converged when all Envoys that carry traffic run with it. Those that are connected are
known to the ADS server; the store knows the others, whose control plane was just restarted or whose
connection is interrupted. Without them a change would count as converged too early, and an Envoy
that never heard of it would go on sending to tasks that are being stopped.
"""

from __future__ import annotations

from urllib.parse import unquote

from tealmesh.engine.state import TaskState
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.store import Document, View, tables


def serving_tasks(view: View, mesh: str) -> list[str]:
    """ARNs of the tasks with an Envoy in ``mesh`` that take requests or still answer some."""
    tasks = view.list(tables.TASKS)
    return [task.body["taskArn"] for task in tasks if _mesh_of(task) == mesh]


class ServingTasks:
    """The same, asked again and again: of a newer view only the tasks that changed are read."""

    def __init__(self) -> None:
        self._revision = -1
        self._meshes: dict[str, str] = {}
        """The mesh of each serving task, by the document's key."""
        self._tasks: dict[str, dict[str, str]] = {}
        """By mesh and key, the ARNs."""

    def of(self, view: View, mesh: str) -> list[str]:
        """As `serving_tasks`, in no order."""
        if view.revision != self._revision:
            self._follow(view)
        return list(self._tasks.get(mesh, {}).values())

    def _follow(self, view: View) -> None:
        changed = view.changed_since(self._revision)
        if changed is None:
            self._meshes, self._tasks = {}, {}
            for document in view.list(tables.TASKS):
                self._take(document.key, document)
        else:
            for collection, key in changed:
                if collection == tables.TASKS:
                    parts = (unquote(part) for part in key.split("/"))
                    self._take(key, view.get(tables.TASKS, *parts))
        self._revision = view.revision

    def _take(self, key: str, task: Document[TaskBody] | None) -> None:
        before = self._meshes.pop(key, None)
        if before is not None:
            del self._tasks[before][key]
        mesh = None if task is None else _mesh_of(task)
        if task is not None and mesh is not None:
            self._meshes[key] = mesh
            self._tasks.setdefault(mesh, {})[key] = task.body["taskArn"]


def _mesh_of(task: Document[TaskBody]) -> str | None:
    """The mesh in which a task's Envoy has traffic; None without, or if another control plane
    configures it.
    """
    state = TaskState.of(task.body)
    if state.envoy is None or not state.phase.serving or state.envoy.get("elsewhere"):
        return None
    return state.envoy["mesh"]
