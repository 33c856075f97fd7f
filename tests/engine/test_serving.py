"""The tasks whose Envoys must acknowledge a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.engine.serving import serving_tasks
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.ecs.bodies import TaskBody, TaskEnvoy
from tealmesh.store import Document, View, tables


def view_of(*states: TaskState) -> View:
    """A view of tasks 0, 1, … in these states."""
    documents = {}
    for index, state in enumerate(states):
        body: TaskBody = {
            "taskArn": f"task/demo/{index}",
            "clusterArn": "cluster/demo",
            "taskDefinitionArn": "task-definition/web:1",
            "lastStatus": Phase.PREPARE.last_status,
            "desiredStatus": "RUNNING",
        }
        state.write(body)
        documents[f"demo/{index}"] = Document(tables.TASKS, f"demo/{index}", 1, body)
    return View(1, {tables.TASKS: documents})


def in_mesh(mesh: str) -> TaskState:
    envoy: TaskEnvoy = {"mesh": mesh, "kind": "virtualNode", "name": "web"}
    return TaskState(envoy=envoy)


@pytest.mark.parametrize("phase", Phase)
def test_tasks_serve_from_run_until_they_are_deregistered(phase: Phase) -> None:
    serving = phase in (Phase.RUN, Phase.DRAIN, Phase.DEREGISTER)
    view = view_of(replace(in_mesh("m"), phase=phase))
    assert serving_tasks(view, "m") == (["task/demo/0"] if serving else [])


def test_only_tasks_with_an_envoy_in_this_mesh_count() -> None:
    states = (TaskState(), in_mesh("other"), in_mesh("m"))
    view = view_of(*(replace(state, phase=Phase.RUN) for state in states))
    assert serving_tasks(view, "m") == ["task/demo/2"]
