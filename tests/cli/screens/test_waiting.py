"""What is waited for is said on standard error, and taken away again from a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import termios
import threading

import pytest

from tealmesh.cli.screens.waiting import Waiting, passed, silence, waiting
from tests.cli.teal_api import TealApi
from tests.cli.test_json import SERVICE
from tests.support.machine import BIN


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def after(told: Waiting, clock: Clock, *seconds: float) -> None:
    for one in seconds:
        clock.now = 100.0 + one
        told.tick()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_line_in_a_terminal(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    out = Terminal()
    told = Waiting("making it", out, clock)
    after(told, clock, 0.5)
    assert out.getvalue() == ""
    after(told, clock, 1.0, 1.1)
    assert out.getvalue() == "\r\x1b[Kmaking it · 1 s"
    told.now("making 名前 of many characters, too many")
    after(told, clock, 61.5)
    last = out.getvalue().rpartition("\x1b[K")[2]
    assert last.startswith("making 名前 of many")
    assert len(last) <= 27
    told.say("a line that stays")
    assert out.getvalue().endswith("\r\x1b[Ka line that stays\n")
    told.close()
    assert out.getvalue().endswith("stays\n")
    told.begin("something else")
    after(told, clock, 62.6)
    assert out.getvalue().endswith("something else · 1 s")
    told.close()
    assert out.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_no_line_where_it_cannot_be_taken_away(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    out = Terminal()
    after(Waiting("making it", out, clock), clock, 1.0, 9.9, 10.0)
    assert out.getvalue() == "still making it · 10 s\n"


def test_plain_lines_become_rare(clock: Clock) -> None:
    out = io.StringIO()
    told = Waiting("making it", out, clock)
    after(told, clock, *range(1, 200))
    told.close()
    times = [line.rpartition(" · ")[2] for line in out.getvalue().splitlines()]
    assert times == ["10 s", "20 s", "40 s", "1 min 20 s", "2 min 20 s"]


def test_what_is_a_part_is_not_told_apart() -> None:
    with waiting("the whole") as whole, waiting("a part") as part:
        assert part is whole
    with silence(), waiting("quiet") as told:
        assert told is not whole
    assert passed(59.9) == "59 s"


def test_a_real_terminal_while_the_control_plane_takes_its_time(api: TealApi) -> None:
    answered = threading.Event()

    def adopt(_: object) -> dict[str, object]:
        answered.wait(60)
        return {"service": SERVICE}

    api.operations["Adopt"] = adopt
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    command = [str(BIN / "teal"), "adopt", "web", "--json", "--endpoint", api.endpoint]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=far, env=variables) as process:
        os.close(far)
        seen = ""
        try:
            while "waiting for the control plane's answer · " not in seen:
                seen += os.read(near, 65536).decode("utf-8", "replace")
            answered.set()
            assert process.stdout is not None
            shown = process.stdout.read().decode()
            with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more.
                while part := os.read(near, 65536):
                    seen += part.decode("utf-8", "replace")
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(near)
    assert seen.endswith("\r\x1b[K")
    assert shown.startswith("{")
    assert "waiting" not in shown
