"""Lost state is never an order to end things, and never a new beginning: by use of ``teal``."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tealmesh.app.lost_state import check_directory, check_state
from tealmesh.engine.runtimes.process import marks
from tealmesh.model.errors import TealError
from tealmesh.store import Store
from tests.support import waiting
from tests.support.machine import BIN
from tests.support.planes.control_plane import ControlPlane

until = partial(waiting.until, seconds=30)

SLEEP = "import signal, time; signal.signal(15, lambda *_: exit(0)); time.sleep(600)"


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane with an ECS service of two tasks."""
    config = tmp_path / "teal.toml"
    config.write_text(f"[images]\n'app:*' = [{sys.executable!r}, '-c', {SLEEP!r}]\n")
    made = ControlPlane(tmp_path, config)
    try:
        made.start()
        ecs = made.client("ecs")
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(
            family="app", containerDefinitions=[{"name": "app", "image": "app:1", "memory": 32}]
        )
        ecs.create_service(cluster="c", serviceName="app", taskDefinition="app", desiredCount=2)
        until(lambda: len(tasks(made)) == 2)
        yield made
    finally:
        marks.end(marks.of_directory(data(made)), 5.0)
        if made.process is not None and made.process.poll() is None:
            made.kill9()


def data(plane: ControlPlane) -> Path:
    return plane.directory / "data"


def tasks(plane: ControlPlane) -> set[str]:
    """The tasks that run, by their marks."""
    return {one.task for one in marks.of_directory(data(plane))}


def refused(plane: ControlPlane) -> str:
    """What ``teal up`` says instead of starting."""
    command = [str(BIN / "teal"), "up", "--data-dir", str(data(plane)), "--port", str(plane.port)]
    command += ["--xds-port", str(plane.xds_port), "--lb-port", str(plane.lb_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    return done.stderr


def test_killed_then_down_says_what_runs_and_how_to_end_it(plane: ControlPlane) -> None:
    running = tasks(plane)
    plane.kill9()
    done = plane.teal("down", check=False)
    assert done.returncode == 1
    for task in running:
        assert task[:8] in done.stderr
    assert f"teal down --data-dir {data(plane)}" in done.stderr
    assert tasks(plane) == running, "they go on"
    assert "run without a control plane" in plane.teal("doctor", check=False).stdout
    forced = plane.teal("down", "--force", "--data-dir", str(data(plane)))
    assert "of task" in forced.stdout
    assert not tasks(plane)
    plane.start()
    until(lambda: len(tasks(plane)) == 2)  # the state wants them
    assert not tasks(plane) & running


@pytest.mark.scenario
def test_tasks_of_a_deleted_directory_are_named_and_ended_by_force_alone(
    plane: ControlPlane,
) -> None:
    running = tasks(plane)
    shutil.rmtree(data(plane))
    until(lambda: "was removed or replaced" in plane.teal("doctor", check=False).stdout)
    plane.kill9()
    message = refused(plane)
    assert "state.db is gone" in message
    for task in running:
        assert task[:8] in message
    assert f"teal down --force --data-dir {data(plane)}" in message
    assert tasks(plane) == running
    assert "--force" in plane.teal("down", "--data-dir", str(data(plane)), check=False).stderr
    plane.teal("down", "--force", "--data-dir", str(data(plane)))
    assert not tasks(plane)
    shutil.rmtree(data(plane))
    plane.start()
    assert plane.client("ecs").list_clusters()["clusterArns"] == []


def test_a_state_older_than_what_runs_is_refused_and_the_right_one_adopts(
    plane: ControlPlane,
) -> None:
    running = tasks(plane)
    plane.kill9()
    right = plane.directory / "right.db"
    with sqlite3.connect(data(plane) / "state.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(data(plane) / "state.db", right)
    with sqlite3.connect(data(plane) / "state.db") as database:
        database.execute("DELETE FROM documents WHERE collection = 'ecs.task'")
    message = refused(plane)
    assert "older than they are" in message
    for task in running:
        assert task[:8] in message
    assert tasks(plane) == running, "nothing was ended"
    for left in data(plane).glob("state.db*"):
        left.unlink()
    shutil.copy(right, data(plane) / "state.db")
    plane.start()
    until(lambda: len(plane.client("ecs").list_tasks(cluster="c")["taskArns"]) == 2)
    assert tasks(plane) == running, "adopted"


def test_what_is_missing_or_broken_is_no_new_beginning(tmp_path: Path) -> None:
    """What ``teal up`` checks before it begins anything: see the tests above for its words."""
    used = tmp_path / "data"
    used.mkdir()
    check_directory(used)
    begin(used)
    kept = tmp_path / "kept"
    shutil.copytree(used, kept)
    for change, words in (
        (lambda: (used / "moto.jsonl").unlink(), "moto.jsonl is gone"),
        (lambda: (used / "moto.jsonl").write_text("{}\n"), "moto.jsonl cannot be read"),
        (lambda: (used / "state.db").unlink(), "state.db is gone, but xds-token, moto.jsonl"),
        (lambda: (used / "state.db").write_bytes(b""), "state.db is empty, but xds-token"),
        (lambda: (used / "state.db").write_bytes(b"x" * 8192), "not a database"),
    ):
        change()
        with pytest.raises(TealError, match=words) as caught:
            begin(used)
        assert "back from a backup, or start over with `teal reset" in str(caught.value)
        shutil.rmtree(used)
        shutil.copytree(kept, used)
    if os.geteuid() == 0:
        os.chown(used / "state.db", 65534, -1)
        with pytest.raises(TealError, match="belongs to nobody: run `teal up` as that user"):
            begin(used)
        os.chown(used / "state.db", 0, -1)
    begin(used)


def begin(used: Path) -> None:
    """As a control plane begins."""
    check_directory(used)
    store = Store.open(used / "state.db")
    try:
        check_state(used, store)
        (used / "xds-token").write_text("token")
        if not store.noted("moto.jsonl"):
            (used / "moto.jsonl").write_text('{"seed": "s", "at": 1.0}\n')
            store.note("moto.jsonl")
    finally:
        store.close()
