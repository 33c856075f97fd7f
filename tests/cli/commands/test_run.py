"""`teal up`, `teal down` and their errors, with a real control plane."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tealmesh.cli.background import LOG_LIMIT_BYTES, last_words
from tealmesh.cli.client import Client
from tealmesh.model.errors import NoControlPlane
from tests.cli.command_line import TEAL_TOML, assert_one_line, teal
from tests.support import sdk
from tests.support.machine import BIN, free_port


def up(tmp_path: Path, *arguments: str, port: int = 0) -> tuple[list[str], str]:
    port = port or free_port()
    command = ["up", "--data-dir", str(tmp_path / "data"), "--port", str(port)]
    command += ["--xds-port", str(free_port()), *arguments]
    return command, f"http://127.0.0.1:{port}"


def processes_of(directory: Path) -> list[str]:
    """Command lines of the processes that have ``directory`` in their arguments or work in it."""
    commands = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(directory) in command or where.startswith(str(directory)):
            commands.append(command)
    return commands


def test_detached_until_down(tmp_path: Path) -> None:
    command, endpoint = up(tmp_path, "-d")
    log = tmp_path / "data" / "teal.log"
    log.parent.mkdir(mode=0o700)
    log.touch()
    os.truncate(log, LOG_LIMIT_BYTES + 1)
    done = teal(*command)
    try:
        assert done.returncode == 0, done.stderr
        assert log.with_name("teal.log.1").stat().st_size > LOG_LIMIT_BYTES > log.stat().st_size
        health = Client(endpoint).health()
        assert f"control plane ready at {endpoint} (process {health.pid})" in done.stdout
        assert log.stat().st_mode & 0o077 == 0
        # Which runtime was chosen, and why; with Docker or without.
        assert re.search(r"^runtime: processes (for images|\()", done.stdout, re.MULTILINE)
        assert os.getsid(health.pid) == health.pid
        written = log.stat().st_size
        for words in (command, [word for word in command if word != "-d"]):
            again = teal(*words)
            by = f"(process {health.pid}, port {endpoint.rpartition(':')[2]})"
            assert_one_line(again, f"teal: another control plane uses {log.parent} {by}: stop it")
        assert log.stat().st_size == written, "another process was started to find that out"
        assert Client(endpoint).health().pid == health.pid
        assert teal("status", endpoint=endpoint).returncode == 0
    finally:
        down = teal("down", endpoint=endpoint)
    assert down.returncode == 0, down.stderr
    assert f"control plane at {endpoint} is down" in down.stdout
    with pytest.raises(NoControlPlane):
        Client(endpoint).health()
    assert processes_of(tmp_path) == []
    assert_one_line(teal("down", endpoint=endpoint), "no control plane answers")


def test_down_by_data_directory_ends_what_a_dead_control_plane_left(tmp_path: Path) -> None:
    config = tmp_path / "teal.toml"
    # Images alone: Terraform, or here a call, describes the system.
    config.write_text('[images]\n"*/sleeper" = "sleep 1000"\n')
    command, endpoint = up(tmp_path, "-d", "--config", str(config))
    data = ["--data-dir", str(tmp_path / "data")]
    assert_one_line(teal("down", *data), f"{tmp_path}/data: no control plane has used it")
    assert teal(*command).returncode == 0
    try:
        ecs = sdk.client(endpoint, "ecs")
        sleeper = {"name": "app", "image": "example/sleeper", "memory": 64}
        ecs.register_task_definition(family="sleeper", containerDefinitions=[sleeper])
        ecs.create_cluster()
        (task,) = ecs.run_task(taskDefinition="sleeper")["tasks"]
        ecs.get_waiter("tasks_running").wait(
            tasks=[task["taskArn"]], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        both = teal("down", *data, "--endpoint", endpoint)
        assert both.returncode == 2
        assert "give only one of them" in both.stderr
        os.kill(Client(endpoint).health().pid, signal.SIGKILL)
        assert any("sleep 1000" in process for process in processes_of(tmp_path))
        config.unlink()
    finally:
        down = teal("down", *data)
    assert down.returncode == 0, down.stderr
    assert f"no control plane uses {tmp_path}/data: starting one" in down.stderr
    assert "is down, 1 task stopped" in down.stdout
    assert processes_of(tmp_path) == []


def test_down_by_data_directory_of_a_running_control_plane(tmp_path: Path) -> None:
    command, endpoint = up(tmp_path, "-d")
    assert teal(*command).returncode == 0
    down = teal("down", "--data-dir", str(tmp_path / "data"))
    assert down.returncode == 0, down.stderr
    assert "starting one" not in down.stderr
    assert f"control plane at {endpoint} is down" in down.stdout
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command, endpoint = up(tmp_path)
    process = subprocess.Popen(
        [str(BIN / "teal"), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"control plane ready at {endpoint}, state in ")
    assert Client(endpoint).health().pid == process.pid
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("detach", [[], ["-d"]])
def test_a_port_in_use(tmp_path: Path, detach: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command, _ = up(tmp_path, *detach, port=port)
        done = teal(*command)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("teal: ")
    assert str(port) in last
    assert "--port" in last


def test_an_unusable_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = teal("up", "-d", "--data-dir", str(tmp_path / "file" / "data"))
    assert_one_line(done, "choose another --data-dir")
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "lock").mkdir()
    done = teal("up", "--data-dir", str(tmp_path / "data"), "--port", str(free_port()))
    assert_one_line(done, f"teal: {tmp_path}/data/lock: Is a directory: free some space, fix its")


def test_a_wrong_config(tmp_path: Path) -> None:
    config = tmp_path / "teal.toml"
    config.write_text(TEAL_TOML.replace("8080", "0"))
    command, endpoint = up(tmp_path, "-d", "--config", str(config))
    assert_one_line(teal(*command), f"teal: {config}: services.web.port = 0: must be a whole")
    with pytest.raises(NoControlPlane):
        Client(endpoint).health()


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("teal: of long ago\n")
    start = log.stat().st_size
    assert last_words(log, start).startswith(f"`teal up` ended early and wrote nothing to {log}")
    log.write_text("teal: of long ago\nsome line\nteal: port 1 is in use\n\n")
    assert last_words(log, start) == "port 1 is in use"
    log.write_text("teal: of long ago\nTraceback\nKeyError: 1\n")
    assert last_words(log, start) == f"`teal up` ended early: see {log}"


@pytest.mark.scenario
def test_the_demo_stops_everything_when_it_is_terminated(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(BIN / "teal"), "demo", "--quick", "--rate", "100"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "load: 100 requests/s" in line:
            break
    time.sleep(1)
    assert len(processes_of(tmp_path)) >= 6, lines
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, (lines, stderr)
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []
