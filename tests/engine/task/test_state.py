"""A task's stored state: documents of earlier versions, and what a change writes."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from tealmesh.engine.task.state import Phase, TaskState
from tealmesh.model.ecs.bodies import TaskBody

STORED = """
{"taskArn": "arn:aws:ecs:us-east-1:123456789012:task/demo/t1",
 "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/demo",
 "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
 "group": "service:web", "startedBy": "ecs-svc/1", "lastStatus": "RUNNING",
 "desiredStatus": "RUNNING", "healthStatus": "HEALTHY", "createdAt": 1.5, "startedAt": 2.5,
 "version": 6, "containers": [], "overrides": {}, "tags": [],
 "teal": {"address": "127.7.0.2", "appAddress": "127.7.0.3", "addressed": 11,
  "envoy": {"mesh": "m", "kind": "virtualNode", "name": "web"},
  "definition": {"containerDefinitions": [{"name": "app", "image": "web:1"}], "volumes": []},
  "handles": {"app": {"home": "/data/tasks/t1/app", "pid": 7, "started": 8, "shim": 6,
    "boot": "b"}},
  "role": "", "phase": "RUN", "registered": ["srv-1"], "registeredAt": 20}}
"""
"""As commit d55679d wrote the task of a service, without an Envoy's container for brevity."""


def stored(**teal: object) -> TaskBody:
    body: TaskBody = json.loads(STORED)
    body["teal"].update(teal)  # type: ignore[typeddict-item]
    return body


def test_reads_what_an_earlier_version_stored() -> None:
    state = TaskState.of(stored())
    assert state.phase is Phase.RUN
    assert (state.address, state.app_address, state.pid) == ("127.7.0.2", "127.7.0.3", 0)
    assert state.envoy == {"mesh": "m", "kind": "virtualNode", "name": "web"}
    assert state.handles["app"]["pid"] == 7
    assert (state.addressed, state.registered, state.registered_at) == (11, ("srv-1",), 20)
    assert (state.failed, state.quick, state.role) == (False, False, "")


@pytest.mark.parametrize(
    "teal",
    [
        {},
        {"pid": 40, "failed": True, "quick": True, "role": "arn:aws:iam::1:role/r"},
        {"token": "t", "request": "digest", "member": "of a later version"},
        {"envoy": None, "handles": {}, "registered": []},
    ],
)
def test_written_back_unchanged(teal: dict[str, object]) -> None:
    body = stored(**teal)
    before = copy.deepcopy(body)
    TaskState.of(body).write(body)
    assert body == before


def test_a_new_task_has_nothing_stored() -> None:
    body = stored()
    body["lastStatus"] = "PROVISIONING"
    body["teal"] = {}
    before = copy.deepcopy(body)
    assert TaskState.of(body) == TaskState()
    TaskState().write(body)
    assert body == before


def test_a_stopped_task_is_stopped_whatever_its_phase_was() -> None:
    body = stored()
    body["lastStatus"] = "STOPPED"
    assert TaskState.of(body).phase is Phase.STOPPED


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_is_written_with_its_status(phase: Phase) -> None:
    body = stored()
    replace(TaskState.of(body), phase=phase).write(body)
    assert body["teal"]["phase"] == phase.value
    assert body["lastStatus"] == phase.last_status
    assert TaskState.of(body).phase is phase
    json.dumps(body)


def test_only_what_changed_is_written() -> None:
    body = stored()
    del body["teal"]["role"]
    replace(TaskState.of(body), registered=(), failed=True).write(body)
    assert body["teal"]["registered"] == []
    assert body["teal"]["failed"] is True
    assert "role" not in body["teal"]
    assert "quick" not in body["teal"]


def test_phases_in_which_a_task_serves_and_in_which_all_its_containers_run() -> None:
    assert [p for p in Phase if p.serving] == ["RUN", "DRAIN", "DEREGISTER"]
    started = ["AWAIT_READY", "AWAIT_CALLERS", "RUN", "DRAIN", "DEREGISTER"]
    assert [p for p in Phase if p.all_started] == started
