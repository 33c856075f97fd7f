"""Log files: bounded on disk, and shipped to the logs API of a real (moto) endpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tealmesh.aws.clients import client
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.task.log_shipping import LogKeeper
from tests.support.machine import free_port

TASK_ARN = "arn:aws:ecs:us-east-1:1:task/demo/t1"
OPTIONS = {"awslogs-group": "/web", "awslogs-stream-prefix": "p", "awslogs-region": "us-east-1"}


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # moto's state is the process's: what this makes of IAM is met by tests that come later.
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("not in time")


def container(options: dict[str, str] | None) -> Container:
    return Container("app", "team/app:1", Role.APPLICATION, log_options=options)


def write(directory: Path, text: str) -> Path:
    path = directory / "app" / "log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)
    return path


def messages(endpoint: str) -> list[str]:
    logs = client("logs", endpoint)
    streams = logs.describe_log_streams(logGroupName="/web")["logStreams"]
    assert [s["logStreamName"] for s in streams] == ["p/app/t1"]
    shipped = logs.get_log_events(logGroupName="/web", logStreamName="p/app/t1", startFromHead=True)
    return [event["message"] for event in shipped["events"]]


def test_lines_are_shipped_once_across_keepers(tmp_path: Path, endpoint: str) -> None:
    problems: list[tuple[str, str]] = []

    def keeper() -> LogKeeper:
        return LogKeeper(
            partial(client, "logs", endpoint), lambda *told: problems.append(told), every=0.05
        )

    write(tmp_path, "one\ntwo\nhalf")
    first = keeper()
    first.keep(TASK_ARN, tmp_path, [container(OPTIONS)])
    until(lambda: (tmp_path / "app" / "shipped").exists())
    first.close()
    assert messages(endpoint) == ["one", "two"]

    write(tmp_path, " a line\nthe end without a newline")
    second = keeper()
    second.keep(TASK_ARN, tmp_path, [container(OPTIONS)])
    second.forget(tmp_path)
    until(lambda: len(messages(endpoint)) == 4)
    second.close()
    assert messages(endpoint)[2:] == ["half a line", "the end without a newline"]
    assert problems == []


def test_what_cannot_be_shipped_is_reported_once_and_harms_nothing(tmp_path: Path) -> None:
    port = free_port()
    problems: list[tuple[str, str]] = []
    keeper = LogKeeper(
        partial(client, "logs", f"http://127.0.0.1:{port}"),
        lambda *told: problems.append(told),
        every=0.05,
    )
    write(tmp_path, "line\n")
    keeper.keep(TASK_ARN, tmp_path, [container(OPTIONS)])
    until(lambda: bool(problems))
    time.sleep(0.3)
    keeper.close()
    ((task, message),) = problems
    assert task == TASK_ARN
    assert message.startswith("cannot ship its log to group /web: ")


def test_a_log_is_kept_within_bounds_while_it_is_written(tmp_path: Path) -> None:
    def no_client(region: str) -> Any:
        raise AssertionError("this log is not shipped")

    keeper = LogKeeper(no_client, lambda *_: None, limit=1000, every=0.05)
    path = write(tmp_path, "")
    keeper.keep(TASK_ARN, tmp_path, [container(None)])
    with path.open("a", buffering=1) as file:
        for number in range(100):
            file.write(f"{number:04} {'x' * 95}\n")
            time.sleep(0.005)
    until(lambda: path.stat().st_size < 1000)
    keeper.close()
    assert (tmp_path / "app" / "log.1").stat().st_size >= 1000
