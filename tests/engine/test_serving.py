"""The tasks whose Envoys must acknowledge a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.engine.serving import ServingTasks, serving_tasks
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.ecs.bodies import TaskBody, TaskEnvoy
from tealmesh.store import Document, Transaction, View, tables
from tealmesh.store.views import Commit, applied


def view_of(*states: TaskState) -> View:
    """A view of tasks 0, 1, … in these states."""
    documents = {}
    for index, state in enumerate(states):
        key, body = f"demo/{index}", body_of(index, state)
        documents[key] = Document(tables.TASKS, key, 1, body)
    return View(1, {tables.TASKS: documents})


def body_of(index: int, state: TaskState) -> TaskBody:
    body: TaskBody = {
        "taskArn": f"task/demo/{index}",
        "clusterArn": "cluster/demo",
        "taskDefinitionArn": "task-definition/web:1",
        "lastStatus": Phase.PREPARE.last_status,
        "desiredStatus": "RUNNING",
    }
    state.write(body)
    return body


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


def test_who_asks_again_is_told_of_what_has_changed() -> None:
    serving = ServingTasks()
    one, other = (replace(in_mesh(mesh), phase=Phase.RUN) for mesh in ("m", "other"))
    view = view_of(one, other, one)
    assert sorted(serving.of(view, "m")) == serving_tasks(view, "m")
    for states in ((one, one), (replace(one, phase=Phase.STOPPED), other)):
        tx = Transaction(view)
        for index, state in enumerate(states):
            tx.put(tables.TASKS, "demo", str(index), body=body_of(index, state))
        tx.delete(tables.TASKS, "demo", "2")
        view = applied(view, [Commit(tx.revision, "", list(tx.changes()))])
        for mesh in ("m", "other"):
            assert sorted(serving.of(view, mesh)) == serving_tasks(view, mesh)
