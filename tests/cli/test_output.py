"""`teal` on terminals of any encoding, on full disks and on closed streams."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.cli.command_line import STATUS
from tests.cli.teal_api import TealApi
from tests.support.machine import BIN


def run(command: str, api: TealApi, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line of a shell, in which `teal` is ours."""
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        encoding="latin-1",
        env={
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "TEAL_ENDPOINT": api.endpoint,
            **environment,
        },
        timeout=60,
        check=False,
    )


def line(text: str) -> dict[str, object]:
    return {"task": "task/one", "container": "app", "line": text}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_no_encoding_ends_in_a_traceback(encoding: str, api: TealApi) -> None:
    api.operations["GetLogs"] = lambda _: {"lines": [line("1 → 2 … ✔ 漢字")]}
    done = run("teal logs web", api, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    # click takes ASCII for a mistake of the environment and writes UTF-8 there.
    if encoding in ("latin-1", "cp1252"):
        assert done.stdout.startswith("[one app] 1 -> 2 ")
        assert done.stdout.endswith(" ok ??\n")


def test_status_of_an_ascii_terminal(api: TealApi) -> None:
    api.operations["GetStatus"] = lambda _: STATUS
    done = run("teal status", api, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "x/web:1 -> x/web:2 on green" in done.stdout


def test_a_full_disk_is_one_line(api: TealApi) -> None:
    api.operations["GetLogs"] = lambda _: {"lines": [line("x")]}
    done = run("teal logs web > /dev/full", api)
    assert done.returncode == 1
    assert done.stderr == "teal: this machine: No space left on device\n"


def test_closed_streams(api: TealApi) -> None:
    api.operations["GetLogs"] = lambda _: {"lines": [line("x")]}
    assert run("teal logs web >&-", api).stderr == ""
    done = run("teal logs web 2>&-", api)
    assert (done.returncode, done.stdout) == (0, "[task/one app] x\n".replace("task/one", "one"))
    assert run("teal nonsense 2>&-", api).returncode == 2
