"""What of ECS's answers is kept, and how."""

from __future__ import annotations

from datetime import UTC, datetime

from tealmesh.engine.state import Phase, TaskState
from tealmesh.workloads import reading

ENVOY = {
    "name": "envoy",
    "image": "envoy",
    "environment": [{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop@1234/virtualNode/orders"}],
}
DEFINITION = {
    "taskDefinitionArn": "arn:aws:ecs:eu-central-1:123456789012:task-definition/orders:7",
    "family": "orders",
    "revision": 7,
    "taskRoleArn": "arn:aws:iam::123456789012:role/orders",
    "containerDefinitions": [{"name": "app", "image": "orders:1"}, ENVOY],
}
TASK = {
    "taskArn": "arn:aws:ecs:eu-central-1:123456789012:task/main/0123",
    "clusterArn": "arn:aws:ecs:eu-central-1:123456789012:cluster/main",
    "taskDefinitionArn": DEFINITION["taskDefinitionArn"],
    "lastStatus": "RUNNING",
    "desiredStatus": "RUNNING",
    "createdAt": datetime(2026, 11, 27, tzinfo=UTC),
    "attachments": [{"details": [{"name": "privateIPv4Address", "value": "10.0.0.7"}]}],
}


def test_a_task_is_read_as_one_of_our_own_engine() -> None:
    body = reading.task(TASK, DEFINITION)
    state = TaskState.of(body)
    assert state.phase is Phase.RUN
    assert state.envoy == {"mesh": "shop", "kind": "virtualNode", "name": "orders"}
    assert state.role == DEFINITION["taskRoleArn"]
    assert state.address == "10.0.0.7"
    assert body["createdAt"] == datetime(2026, 11, 27, tzinfo=UTC).timestamp()


def test_what_a_task_overrides_counts() -> None:
    other = [{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualGateway/in"}]
    overrides = {
        "taskRoleArn": "arn:aws:iam::123456789012:role/other",
        "containerOverrides": [{"name": "envoy", "environment": other}],
    }
    state = TaskState.of(reading.task({**TASK, "overrides": overrides}, DEFINITION))
    assert state.envoy == {"mesh": "shop", "kind": "virtualGateway", "name": "in"}
    assert state.role.endswith("role/other")


def test_a_task_without_an_envoy_or_definition_stands_for_nothing() -> None:
    plain = {**DEFINITION, "containerDefinitions": [{"name": "app", "image": "orders:1"}]}
    assert TaskState.of(reading.task(TASK, plain)).envoy is None
    assert TaskState.of(reading.task(TASK, None)).envoy is None


def test_every_status_of_ecs_is_the_phase_that_the_engine_shows_so() -> None:
    for status, phase in reading.PHASES.items():
        if status not in ("DEPROVISIONING", "DELETED"):
            assert Phase(phase).last_status == status
    shown = {phase.last_status for phase in Phase}
    assert shown <= reading.PHASES.keys()


def test_a_service_knows_where_it_registers() -> None:
    arn = "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1"
    answer = {
        "serviceName": "orders",
        "serviceRegistries": [{"registryArn": arn}, {"registryArn": "gone"}],
        "events": [{"id": str(n), "message": "", "createdAt": 0.0} for n in range(100)],
    }
    body = reading.service(answer, {arn: ("shop.local", "orders")})
    assert body["teal"]["registries"] == [["shop.local", "orders"]]
    assert len(body["events"]) == reading.MOST_EVENTS
