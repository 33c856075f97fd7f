"""A task's stored state: documents of earlier versions, and what a change writes."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.ecs.bodies import TaskBody

STORED = """
{"taskArn": "arn:aws:ecs:us-east-1:123456789012:task/demo/9aa585ef",
 "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/demo",
 "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
 "group": "service:web", "startedBy": "ecs-svc/1", "launchType": "FARGATE",
 "ephemeralStorage": {"sizeInGiB": 20}, "enableExecuteCommand": false, "lastStatus": "RUNNING",
 "desiredStatus": "RUNNING", "healthStatus": "UNKNOWN", "connectivity": "CONNECTED",
 "connectivityAt": 1795712835.5329146, "createdAt": 1795712835.5329146, "version": 6,
 "attachments": [{"id": "f090e213-8849-d4c7-b63a-28427405b612", "type": "ElasticNetworkInterface",
  "status": "ATTACHED", "details": [
   {"name": "networkInterfaceId", "value": "eni-49d4c7b63a2842740"},
   {"name": "macAddress", "value": "02:f0:90:e2:13:88"},
   {"name": "privateDnsName", "value": "ip-127-90-0-2.ec2.internal"},
   {"name": "privateIPv4Address", "value": "127.90.0.2"}]}],
 "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
 "containers": [
  {"containerArn": "arn:aws:ecs:us-east-1:123456789012:container/demo/9aa585ef/app",
   "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/demo/9aa585ef", "name": "app",
   "image": "team/web:1", "healthStatus": "UNKNOWN", "lastStatus": "RUNNING", "cpu": "0",
   "networkInterfaces": [{"attachmentId": "f090e213-8849-d4c7-b63a-28427405b612",
    "privateIpv4Address": "127.90.0.2"}], "runtimeId": "9aa585ef-0"}],
 "inferenceAccelerators": [],
 "overrides": {"inferenceAcceleratorOverrides": [], "containerOverrides": []}, "tags": [],
 "teal": {"address": "127.90.0.2", "appAddress": "127.90.0.3", "addressed": 6, "envoy": null,
  "definition": {"containerDefinitions": [
   {"name": "app", "image": "team/web:1", "portMappings": [{"containerPort": 8080}]}]},
  "handles": {"app": {"home": "/data/tasks/9aa585ef/app", "pid": 9015, "started": 326488,
   "shim": 9012, "boot": "95114b57-3cf8-493f-8a1f-4e208fbf69e6"}},
  "role": "", "phase": "RUN", "registered": ["srv-1"], "registeredAt": 9},
 "availabilityZone": "us-east-1a", "startedAt": 1795712835.6446931}
"""
"""A task of a service as commit d55679d stored it: a real one, with a shorter id."""

ENVOY = {"mesh": "m", "kind": "virtualNode", "name": "web"}


def stored(**teal: object) -> TaskBody:
    body: TaskBody = json.loads(STORED)
    body["teal"].update(teal)  # type: ignore[typeddict-item]
    return body


def test_reads_what_an_earlier_version_stored() -> None:
    state = TaskState.of(stored())
    assert state.phase is Phase.RUN
    assert (state.address, state.app_address, state.pid) == ("127.90.0.2", "127.90.0.3", 0)
    assert state.handles["app"]["pid"] == 9015
    assert [c["name"] for c in state.definition["containerDefinitions"]] == ["app"]
    assert (state.addressed, state.registered, state.registered_at) == (6, ("srv-1",), 9)
    assert (state.failed, state.quick, state.role, state.envoy) == (False, False, "", None)
    assert TaskState.of(stored(envoy=ENVOY)).envoy == ENVOY


@pytest.mark.parametrize(
    "teal",
    [
        {},
        {"pid": 40, "failed": True, "quick": True, "role": "arn:aws:iam::1:role/r"},
        {"token": "t", "request": "digest", "member": "of a later version"},
        {"envoy": ENVOY, "handles": {}, "registered": []},
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
