"""`teal apply`: what it requests, what it waits for, and what it says if that does not happen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import TEAL_TOML, assert_one_line, teal
from tests.cli.teal_api import TealApi, teal_api


def status(healthy: int, running: int, **why: Any) -> dict[str, Any]:
    """Service web with ``healthy`` of three tasks; ``why`` are further members of its side."""
    counts = {"running": healthy, "desired": 3, "healthy": healthy}
    blue = {"side": "blue", "weight": 100, **counts, **why}
    green = {"side": "green", "weight": 0, "running": 0, "desired": 0, "healthy": 0}
    edge = {"name": "edge", "address": "127.0.0.1", "port": 9080, "running": running, "desired": 1}
    other = {**edge, "name": "of-another-file", "running": 0, "gaveUp": True}
    services = [{"name": "web", "sides": [blue, green]}]
    return {"revision": 1, "services": services, "gateways": [edge, other]}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TealApi]:
    (tmp_path / "teal.toml").write_text(TEAL_TOML)
    with teal_api() as server:
        server.operations["Apply"] = lambda _: {
            "services": [{"name": "web", "changes": []}],
            "gateways": [{"name": "edge", "changes": []}],
            "summary": ["web: created"],
        }
        yield server


def test_it_sends_the_file_and_its_directory_and_waits_for_its_services(
    api: TealApi, tmp_path: Path
) -> None:
    replacing = status(3, 1, pending=1)
    looks = iter([status(0, 0), status(3, 0), replacing, status(2, 1), status(3, 1)])
    api.operations["GetStatus"] = lambda _: next(looks)
    done = teal("apply", endpoint=api.endpoint, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "web: created\nedge: http://127.0.0.1:9080/\n"
    assert done.stderr == "waiting until every task is healthy…\n"
    assert next(looks, None) is None
    assert api.requests("Apply") == [
        {"text": TEAL_TOML, "file": "teal.toml", "baseDirectory": str(tmp_path)}
    ]


def test_it_says_why_tasks_do_not_start(api: TealApi, tmp_path: Path) -> None:
    why = {"reason": "app with code 3; last log lines:\nboom", "gaveUp": True}
    api.operations["GetStatus"] = lambda _: status(0, 0, **why)
    done = teal("apply", endpoint=api.endpoint, cwd=tmp_path)
    told = (
        "teal: service web: 0 of 3 tasks of blue are healthy: app with code 3; last log lines: boom"
    )
    assert_one_line(done, told)


def test_it_waits_no_longer_than_told(api: TealApi, tmp_path: Path) -> None:
    api.operations["GetStatus"] = lambda _: status(0, 1)
    done = teal("apply", "--wait", "0.2", endpoint=api.endpoint, cwd=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.endswith("web: 0 of 3 tasks of blue are healthy after 0.2 s: see `teal logs web`")
    assert teal("apply", "--wait", "0", endpoint=api.endpoint, cwd=tmp_path).returncode == 0


def test_a_wrong_file_sends_no_request(api: TealApi, tmp_path: Path) -> None:
    (tmp_path / "teal.toml").write_text(TEAL_TOML.replace("8080", "0"))
    done = teal("apply", endpoint=api.endpoint, cwd=tmp_path)
    assert_one_line(done, "teal: teal.toml: services.web.port = 0: must be a whole number from 1")
    assert api.calls == []


def test_without_a_file(tmp_path: Path) -> None:
    done = teal("apply", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "Error: teal.toml: No such file or directory: choose another file with --config"
        in done.stderr
    )
