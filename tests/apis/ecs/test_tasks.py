"""Tasks of RunTask: requested, listed by filters, stopped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.apis.ecs.tasks import matches
from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, NETWORK, Direct, Endpoint

RUN = {
    "cluster": "web",
    "taskDefinition": "web",
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
}


@pytest.fixture
def served(served: Endpoint) -> Endpoint:
    ecs = served.client("ecs")
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(**FARGATE, tags=[{"key": "of", "value": "definition"}])
    return served


@pytest.fixture
def direct(direct: Direct) -> Direct:
    direct.ecs("create_cluster", clusterName="web")
    direct.ecs("register_task_definition", **FARGATE)
    return direct


def test_tasks_are_requested_with_overrides(served: Endpoint) -> None:
    ecs = served.client("ecs")
    override = {
        "name": "app",
        "command": ["once"],
        "environment": [{"name": "A", "value": "b"}],
        "cpu": 128,
        "memory": 256,
    }
    overrides = {"containerOverrides": [override], "taskRoleArn": "arn:aws:iam::1:role/x"}
    answer = ecs.run_task(**RUN, count=3, overrides=overrides, startedBy="me")
    assert answer["failures"] == []
    assert len({task["taskArn"] for task in answer["tasks"]}) == 3
    task = answer["tasks"][0]
    assert task["taskArn"].startswith("arn:aws:ecs:us-east-1:123456789012:task/web/")
    assert (task["lastStatus"], task["desiredStatus"]) == ("PROVISIONING", "RUNNING")
    assert (task["group"], task["startedBy"]) == ("family:web", "me")
    assert (task["cpu"], task["memory"], task["platformVersion"]) == ("256", "512", "1.4.0")
    assert task["overrides"] == {"inferenceAcceleratorOverrides": [], **overrides}
    assert [c["name"] for c in task["containers"]] == ["app"]
    (described,) = ecs.describe_tasks(cluster="web", tasks=[task["taskArn"]])["tasks"]
    assert described["taskArn"] == task["taskArn"]
    assert "tags" not in described


def test_tags_come_from_the_request_and_the_definition(served: Endpoint) -> None:
    ecs = served.client("ecs")
    own = [{"key": "own", "value": "1"}]
    (task,) = ecs.run_task(**RUN, tags=own, propagateTags="TASK_DEFINITION")["tasks"]
    answer = ecs.describe_tasks(cluster="web", tasks=[task["taskArn"]], include=["TAGS"])
    assert answer["tasks"][0]["tags"] == [{"key": "of", "value": "definition"}, *own]


def test_a_client_token_runs_tasks_once(direct: Direct) -> None:
    first = direct.ecs("run_task", **RUN, count=2, clientToken="t")
    again = direct.ecs("run_task", **RUN, count=2, clientToken="t")
    key = lambda task: task["taskArn"]  # noqa: E731
    assert sorted(again["tasks"], key=key) == sorted(first["tasks"], key=key)
    assert len(direct.ecs("list_tasks", cluster="web")["taskArns"]) == 2
    with pytest.raises(AwsError, match="other parameters") as caught:
        direct.ecs("run_task", **RUN, count=1, clientToken="t")
    assert caught.value.code == "ConflictException"


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        ({"count": 0}, "InvalidParameterException", "between 1 and 10"),
        ({"count": 11}, "InvalidParameterException", "between 1 and 10"),
        ({"cluster": "gone"}, "ClusterNotFoundException", "Cluster not found"),
        ({"taskDefinition": "gone"}, "ClientException", "TaskDefinition not found"),
        ({"networkConfiguration": {}}, "InvalidParameterException", "must be provided"),
        ({"group": "service:web"}, "InvalidParameterException", "'service:'"),
        ({"startedBy": "ecs-svc/1"}, "InvalidParameterException", "'ecs-svc/'"),
        ({"startedBy": "x" * 129}, "InvalidParameterException", "128"),
        (
            {"overrides": {"containerOverrides": [{"name": "gone"}]}},
            "InvalidParameterException",
            "Override for container named gone is not a container in the TaskDefinition",
        ),
    ],
)
def test_a_wrong_run_task_is_refused(
    direct: Direct, changed: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(AwsError, match=text) as caught:
        direct.ecs("run_task", **{**RUN, **changed})
    assert caught.value.code == code
    assert direct.ecs("list_tasks", cluster="web")["taskArns"] == []


def test_a_task_is_stopped_once_and_keeps_the_first_reason(direct: Direct) -> None:
    (task,) = direct.ecs("run_task", **RUN)["tasks"]
    stopping = direct.ecs("stop_task", cluster="web", task=task["taskArn"], reason="enough")["task"]
    assert (stopping["desiredStatus"], stopping["lastStatus"]) == ("STOPPED", "PROVISIONING")
    assert (stopping["stopCode"], stopping["stoppedReason"]) == ("UserInitiated", "enough")
    identity = task["taskArn"].rpartition("/")[2]
    again = direct.ecs("stop_task", cluster="web", task=identity)["task"]
    assert again == stopping
    with pytest.raises(AwsError, match="The referenced task was not found"):
        direct.ecs("stop_task", cluster="web", task="gone")


def test_missing_tasks_are_failures(direct: Direct) -> None:
    answer = direct.ecs("describe_tasks", cluster="web", tasks=["gone"])
    arn = "arn:aws:ecs:us-east-1:123456789012:task/web/gone"
    assert answer == {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"}]}
    with pytest.raises(AwsError, match="Tasks cannot be empty"):
        direct.ecs("describe_tasks", cluster="web", tasks=[])


def test_tasks_are_listed_by_filters(served: Endpoint) -> None:
    ecs = served.client("ecs")
    ecs.register_task_definition(**{**FARGATE, "family": "api"})
    ecs.run_task(**RUN, count=5, startedBy="me")
    (api,) = ecs.run_task(**{**RUN, "taskDefinition": "api"})["tasks"]
    ecs.stop_task(cluster="web", task=api["taskArn"])

    def count(**filters: str) -> int:
        pages = ecs.get_paginator("list_tasks").paginate(
            cluster="web", PaginationConfig={"PageSize": 2}, **filters
        )
        return sum(len(page["taskArns"]) for page in pages)

    assert count() == 5
    assert count(startedBy="me", launchType="FARGATE", family="web") == 5
    assert (count(family="api"), count(family="api", desiredStatus="STOPPED")) == (0, 1)
    assert (count(launchType="EC2"), count(startedBy="you")) == (0, 0)
    assert (count(desiredStatus="PENDING"), count(containerInstance="x")) == (0, 0)
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        count(serviceName="gone")


TASKS = st.fixed_dictionaries(
    {
        "desiredStatus": st.sampled_from(["RUNNING", "STOPPED"]),
        "taskDefinitionArn": st.sampled_from([f"arn:x:task-definition/{f}:1" for f in "ab"]),
        "group": st.sampled_from(["service:s", "service:t", "family:a"]),
        "launchType": st.sampled_from(["FARGATE", "EC2"]),
    },
    optional={"startedBy": st.sampled_from(["me", "you"])},
)
FILTERS: dict[str, Any] = {
    "family": ("a", lambda t: t["taskDefinitionArn"].endswith("/a:1")),
    "serviceName": ("s", lambda t: t["group"] == "service:s"),
    "startedBy": ("me", lambda t: t.get("startedBy") == "me"),
    "launchType": ("EC2", lambda t: t["launchType"] == "EC2"),
    "desiredStatus": ("STOPPED", lambda t: t["desiredStatus"] == "STOPPED"),
}


@given(st.lists(TASKS), st.sets(st.sampled_from(sorted(FILTERS))))
def test_tasks_must_match_every_filter(tasks: list[dict[str, Any]], used: set[str]) -> None:
    asked = {name: FILTERS[name][0] for name in used}
    expected = [t for t in tasks if all(FILTERS[name][1](t) for name in used)]
    if "desiredStatus" not in used:
        expected = [t for t in expected if t["desiredStatus"] == "RUNNING"]
    assert [t for t in tasks if matches(t, asked)] == expected


def test_the_aws_cli_runs_and_stops_a_task(served: Endpoint) -> None:
    (task,) = served.aws(
        "ecs",
        "run-task",
        "--cluster=web",
        "--task-definition=web",
        "--launch-type=FARGATE",
        "--network-configuration=awsvpcConfiguration={subnets=[subnet-1]}",
    )["tasks"]
    named = ("--cluster=web", f"--task={task['taskArn']}")
    stopped = served.aws("ecs", "stop-task", *named, "--reason=done")["task"]
    assert stopped["stoppedReason"] == "done"
