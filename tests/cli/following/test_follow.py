"""Following and its end, in real processes with signals."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from tests.cli.command_line import DEPLOYMENT, STATUS, follow
from tests.cli.teal_api import teal_api
from tests.support.machine import BIN


def start(*arguments: str, endpoint: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BIN / "teal"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TEAL_ENDPOINT": endpoint},
    )


def test_ctrl_c_only_stops_following() -> None:
    with teal_api() as api:
        follow(api, DEPLOYMENT)
        running = api.operations["Deploy"]({})
        api.operations["GetStatus"] = lambda _: STATUS
        api.operations["GetDeployment"] = lambda _: running
        process = start("deploy", "web", "--image", "x/web:2", endpoint=api.endpoint)
        deadline = time.monotonic() + 30
        while len(api.requests("ListJournal")) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "stopped following; the deployment continues" in stderr
    assert "Traceback" not in stderr
    assert api.requests("Rollback") == []


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with teal_api() as api:
        line = {"task": "t", "container": "app", "line": "x" * 1000}
        api.operations["GetLogs"] = lambda _: {"lines": [line] * 500}
        process = start("logs", "web", "-f", endpoint=api.endpoint)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read()
        process.stderr.close()
        process.wait(30)
    assert stderr == ""
