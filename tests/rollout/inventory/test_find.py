"""The name that somebody types to `teal logs` means the tasks that they expect."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tealmesh.model.errors import AwsError
from tealmesh.rollout.inventory.find import log_sources
from tealmesh.store import View, tables
from tests.rollout.states import State, article

TASK = "arn:aws:ecs:us-east-1:123456789012:task"


def task(state: State, service: str, identity: str, at: float = 1.0, **members: Any) -> None:
    """A task of an ECS service; of none if ``service`` is empty."""
    body: Any = {
        "taskArn": f"{TASK}/c/{identity}",
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/c",
        "taskDefinitionArn": f"arn:aws:ecs:us-east-1:123456789012:task-definition/{service}:1",
        "group": f"service:{service}" if service else "family:job",
        "createdAt": at,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        **members,
    }
    state.view.put(tables.TASKS, "c", identity, body=body)


def found(state: State, name: str, side: str | None = None) -> list[tuple[str, str, bool]]:
    sources = log_sources(cast("View", state.view), name, side)
    return [(s.task.rpartition("/")[2], s.side, s.stopped) for s in sources]


@pytest.fixture
def state() -> State:
    made = article("blue", "green")
    task(made, "m-sample-blue", "aaaaaa01", 1.0)
    task(made, "m-sample-blue", "aaaaaa02", 0.0, lastStatus="STOPPED", desiredStatus="STOPPED")
    task(made, "m-sample-green", "bbbbbb01", 2.0)
    made.ecs("worker", containers=("job",))
    task(made, "worker", "cccccc01")
    made.ecs("worker", cluster="other", containers=("job",))
    task(made, "", "dddddd01")
    return made


def test_a_service_by_any_of_its_names(state: State) -> None:
    everything = [("aaaaaa01", "blue", False), ("bbbbbb01", "green", False)]
    everything.append(("aaaaaa02", "blue", True))
    for name in ("sample", "sample.m.local", "m/sample.m.local"):
        assert found(state, name) == everything
    assert found(state, "sample", "green") == [("bbbbbb01", "green", False)]


def test_a_virtual_node_and_an_ecs_service(state: State) -> None:
    for name in ("sample-green", "m/sample-green", "m-sample-green", "c/m-sample-green"):
        assert found(state, name) == [("bbbbbb01", "", False)]
    assert found(state, "c/worker") == [("cccccc01", "", False)]
    assert found(state, "other/worker") == []


def test_a_task_by_the_beginning_of_its_id(state: State) -> None:
    assert found(state, "dddddd") == [("dddddd01", "", False)]
    assert found(state, f"{TASK}/c/cccccc01") == [("cccccc01", "", False)]
    with pytest.raises(AwsError, match="any of the tasks aaaaaa02, aaaaaa01"):
        found(state, "aaaaaa")


def test_a_plain_virtual_service(state: State) -> None:
    provider = {"virtualNode": {"virtualNodeName": "sample-blue"}}
    state._put(tables.VIRTUAL_SERVICES, "plain.m.local", {"provider": provider})
    for name in ("plain", "plain.m.local", "m/plain.m.local"):
        assert [one for one, *_ in found(state, name)] == ["aaaaaa01", "aaaaaa02"]


def test_the_applications_of_a_task_are_told_from_its_sidecars(state: State) -> None:
    (source,) = log_sources(cast("View", state.view), "sample", "green")
    assert source.applications == {"app"}


@pytest.mark.parametrize(
    ("name", "side", "code", "message"),
    [
        ("worker", None, "BadRequestException", "'worker' can be any of c/worker, other/worker"),
        ("smaple", None, "NotFoundException", "no service 'smaple' .*did you mean samp"),
        ("sample", "red", "NotFoundException", "no side of sample 'red' .known: blue, green."),
        ("c/worker", "blue", "NotFoundException", "c/worker has no sides"),
        ("dddd", None, "NotFoundException", "no service 'dddd'"),
    ],
)
def test_what_is_not_there_or_not_clear_is_said(
    state: State, name: str, side: str | None, code: str, message: str
) -> None:
    with pytest.raises(AwsError, match=message) as refused:
        found(state, name, side)
    assert refused.value.code == code


def test_nothing_at_all() -> None:
    with pytest.raises(AwsError, match="no service 'web': create services with Terraform or"):
        found(State(), "web")
