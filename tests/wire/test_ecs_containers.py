"""Container definitions, as the processes of a real control plane see them: by boto3 and the AWS
CLI against one `teal up`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.wire.tasks import Tasks, images

PORTS = [{"containerPort": 8080}]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    directory = tmp_path_factory.mktemp("plane")
    with control_plane(directory, images(directory)) as started:
        yield started


@pytest.fixture(scope="module")
def tasks(plane: ControlPlane) -> Tasks:
    return Tasks(plane)


def app(**members: Any) -> dict[str, Any]:
    return {"name": "app", "image": "team/web:1", "portMappings": PORTS, **members}


def shell(name: str, script: str, **members: Any) -> dict[str, Any]:
    """A container that runs a script and exits."""
    return {"name": name, "image": "team/sh:1", "command": ["-c", script], **members}


def test_secrets_reach_the_container_and_nothing_else(plane: ControlPlane, tasks: Tasks) -> None:
    ssm, manager = plane.client("ssm"), plane.client("secretsmanager")
    ssm.put_parameter(Name="/web/plain", Value="value-of-plain", Type="String")
    ssm.put_parameter(Name="short", Value="value-of-short", Type="SecureString")
    text = json.dumps({"user": "u", "password": "value-of-password"})
    arn = manager.create_secret(Name="web/db", SecretString=text)["ARN"]
    parameter = "arn:aws:ssm:us-east-1:123456789012:parameter"
    task = tasks.start(
        app(
            environment=[{"name": "LEVEL", "value": "info"}],
            secrets=[
                {"name": "PLAIN", "valueFrom": f"{parameter}/web/plain"},
                {"name": "SHORT", "valueFrom": "short"},
                {"name": "WHOLE", "valueFrom": arn},
                {"name": "PASSWORD", "valueFrom": f"{arn}:password::"},
            ],
            # The health check gets them too, as in a container.
            healthCheck={"command": ["CMD-SHELL", 'test "${#SHORT}" = 14']},
        )
    )
    environment = tasks.environment(task)
    assert environment["LEVEL"] == "info"
    assert environment["PLAIN"] == "value-of-plain"
    assert environment["SHORT"] == "value-of-short"
    assert environment["WHOLE"] == text
    assert environment["PASSWORD"] == "value-of-password"
    files = [p for p in (plane.directory / "data" / "tasks").rglob("*") if p.is_file()]
    assert files
    texts = [plane.log(), *(p.read_text(errors="replace") for p in files)]
    with contextlib.closing(sqlite3.connect(plane.directory / "data" / "state.db")) as state:
        rows = state.execute("SELECT body FROM documents WHERE collection LIKE 'ecs.%'").fetchall()
    texts += [row[0] for row in rows]
    assert any("PASSWORD" in text for text in texts)
    assert not [text for text in texts if "value-of-" in text]


def test_a_missing_secret_is_named(plane: ControlPlane, tasks: Tasks) -> None:
    stopped = tasks.fail(app(secrets=[{"name": "GONE", "valueFrom": "no-such-parameter"}]))
    assert "ResourceInitializationError" in stopped["stoppedReason"]
    assert "GONE from no-such-parameter" in stopped["stoppedReason"]
    assert stopped["stopCode"] == "TaskFailedToStart"


def test_entry_point_command_directory_and_limits(tasks: Tasks, tmp_path: Path) -> None:
    place = tmp_path / "work"
    place.mkdir()
    script = """
        ulimit -n > "$OUT/soft"; ulimit -Hn > "$OUT/hard"
        pwd > "$OUT/pwd"; echo "$0 $1" > "$OUT/words"
    """
    tasks.run_to_end(
        {
            **shell("job", script),
            "entryPoint": ["sh", "-c"],
            "command": [script, "one", "two"],
            "workingDirectory": str(place),
            "environment": [{"name": "OUT", "value": str(tmp_path)}],
            "ulimits": [{"name": "nofile", "softLimit": 512, "hardLimit": 1024}],
            "user": str(os.getuid()),
            "linuxParameters": {"initProcessEnabled": True},
        }
    )
    read = {
        name: (tmp_path / name).read_text().strip() for name in ("soft", "hard", "pwd", "words")
    }
    assert read == {"soft": "512", "hard": "1024", "pwd": str(place), "words": "one two"}


def test_health_checks_of_localhost_reach_the_task(plane: ControlPlane, tasks: Tasks) -> None:
    check = {"command": ["CMD-SHELL", "curl -fs http://localhost:8080/health"], "interval": 5}
    first = tasks.start(app(healthCheck=check), wait=False)
    second = tasks.start(
        app(healthCheck={**check, "command": ["CMD", "curl", "-fs", "http://127.0.0.1:8080/"]})
    )
    tasks.running(first)
    for task in (first, second):
        shown = tasks.describe(task)
        assert shown["healthStatus"] == shown["containers"][0]["healthStatus"] == "HEALTHY"


def test_dependencies_decide_the_order_and_the_end(tasks: Tasks, tmp_path: Path) -> None:
    out = [{"name": "OUT", "value": str(tmp_path / "order")}]
    done = shell("migrate", 'echo migrate >> "$OUT"', essential=False, environment=out)
    late = shell(
        "late",
        'echo late >> "$OUT"',
        essential=False,
        environment=out,
        dependsOn=[{"containerName": "migrate", "condition": "COMPLETE"}],
    )
    main = shell(
        "main",
        'echo main >> "$OUT"',
        environment=out,
        dependsOn=[
            {"containerName": "migrate", "condition": "SUCCESS"},
            {"containerName": "late", "condition": "COMPLETE"},
        ],
    )
    task = tasks.run_to_end(main, late, done)
    assert (tmp_path / "order").read_text().split() == ["migrate", "late", "main"]
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {
        "main": 0,
        "late": 0,
        "migrate": 0,
    }


def test_a_dependency_that_fails_or_takes_too_long_stops_the_task(tasks: Tasks) -> None:
    waits = [{"containerName": "first", "condition": "SUCCESS"}]
    failing = shell("first", "exit 4", essential=False)
    stopped = tasks.fail(app(dependsOn=waits), failing)
    assert "first has exited with code 4" in stopped["stoppedReason"]
    slow = shell("first", "sleep 60", essential=False, startTimeout=2)
    stopped = tasks.fail(app(dependsOn=waits), slow)
    assert "others wait for first" in stopped["stoppedReason"]


def test_metadata_and_role_credentials(plane: ControlPlane, tasks: Tasks) -> None:
    task = tasks.start(app(), role="arn:aws:iam::123456789012:role/web-task")
    environment = tasks.environment(task)
    uri = environment["ECS_CONTAINER_METADATA_URI_V4"]

    def get(path: str, **headers: str) -> Any:
        asked = urllib.request.Request(uri + path, headers=headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    own, whole = get(""), get("/task")
    assert (own["Name"], own["Image"], own["KnownStatus"]) == ("app", "team/web:1", "RUNNING")
    assert own["Labels"]["com.amazonaws.ecs.task-arn"] == whole["TaskARN"] == task
    assert own["Networks"][0]["IPv4Addresses"] == [tasks.address(task)]
    assert whole["Containers"] == [own]
    assert whole["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert get("/taskWithTags")["TaskTags"] == {}
    measured = get("/stats")
    assert measured["memory_stats"]["usage"] > 1 << 20
    assert measured["num_procs"] == 1
    assert measured["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert set(get("/task/stats")) == {own["DockerId"]}
    # boto3 gives up after three times 2 s; the first call of all imports moto, which may take
    # longer on a busy machine.
    role = urllib.request.Request(
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    with urllib.request.urlopen(role, timeout=60) as answer:
        assert json.load(answer)["RoleArn"] == "arn:aws:iam::123456789012:role/web-task"
    # The credentials that boto3 finds inside the task, without any of the caller's.
    assert "AWS_ACCESS_KEY_ID" not in environment
    code = "import boto3, json; c = boto3.client('sts'); print(json.dumps(c.get_caller_identity()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    identity = json.loads(done.stdout)["Arn"]
    assert identity.startswith("arn:aws:sts::123456789012:assumed-role/web-task/")
    assert identity.endswith(task.rpartition("/")[2])


def test_credentials_work_for_their_task_only(plane: ControlPlane, tasks: Tasks) -> None:
    task = tasks.start(app(), role="arn:aws:iam::123456789012:role/web-task")
    other = tasks.start(app())
    environment, without = tasks.environment(task), tasks.environment(other)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in without

    def status(uri: str, token: str) -> int:
        asked = urllib.request.Request(uri, headers={"Authorization": token})
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    uri = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert status(uri, token) == 200
    assert status(uri, "") == status(uri, token[:-1] + "é") == 401
    foreign = uri.replace(task.rpartition("/")[2], other.rpartition("/")[2])
    assert status(foreign, token) == 401
    tasks.stop(task)
    assert status(uri, token) == 404
