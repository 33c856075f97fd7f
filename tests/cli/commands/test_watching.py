"""`teal status -w` shows what is, again and again, until Ctrl-C."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from copy import deepcopy

from tests.cli.command_line import STATUS
from tests.cli.teal_api import CONTENT_TYPE, TealApi
from tests.docs.scripts import load
from tests.support.machine import BIN

Terminal = load("terminal").Terminal
GROUP = {"name": "shop", "services": ["web", "cart"], "dependsOn": {}}


def watching(api: TealApi, *options: str) -> list[str]:
    return [str(BIN / "teal"), "status", "-w", "--endpoint", api.endpoint, *options]


def watched(api: TealApi, number: int, *options: str) -> list[str]:
    """The first lines, and what comes until it ends."""
    with subprocess.Popen(
        watching(api, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(number)]
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
        assert "Traceback" not in complaint
    return lines


def growing(api: TealApi) -> None:
    """The service has another weight at each look."""
    looks: list[int] = []

    def look(_: object) -> dict[str, object]:
        looks.append(1)
        status = deepcopy(STATUS)
        sides = status["services"][0]["sides"]  # type: ignore[index]
        sides[0]["weight"], sides[1]["weight"] = 100 - len(looks), len(looks)
        return status

    api.operations["GetStatus"] = look
    api.operations["ListGroups"] = lambda _: {"groups": []}
    api.operations["ListTasks"] = lambda _: {"tasks": []}


def test_without_a_terminal_a_line_is_a_change(api: TealApi) -> None:
    growing(api)
    lines = [line.split(" ", 1)[1] for line in watched(api, 7)]
    weights = [line for line in lines if "weights" in line]
    assert weights[:3] == [
        f"web: weights blue {100 - n} %, green {n} %\n" for n in range(1, len(weights) + 1)
    ]
    assert lines.count("gateway edge http://127.0.0.1:9080/ 1/1 running\n") == 1


def test_a_tree_in_a_real_terminal(api: TealApi) -> None:
    growing(api)
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    variables.pop("COLUMNS", None)
    variables.pop("LINES", None)
    with subprocess.Popen(
        watching(api), stdout=far, stderr=far, env=variables, close_fds=True
    ) as process:
        os.close(far)
        seen = ""
        try:
            while "set 2 %" not in seen:
                seen += os.read(near, 65536).decode("utf-8", "replace")
            process.send_signal(signal.SIGINT)
            # OSError is Linux's way to say that nobody writes any more.
            with contextlib.suppress(OSError):
                while part := os.read(near, 65536):
                    seen += part.decode("utf-8", "replace")
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(near)
    # The terminal is as it was: its first screen, with a cursor.
    assert seen.index("\x1b[?1049h") < seen.index("└ ") < seen.index("\x1b[?1049l")
    assert "\x1b[?25h" in seen
    assert "\x1b[32m" not in seen


def test_a_terminal_that_shrinks_before_a_control_plane_that_goes_and_comes(
    api: TealApi,
) -> None:
    growing(api)
    one = deepcopy(STATUS["services"][0])
    services = [{**one, "name": f"受注サービス{number}"} for number in range(30)]
    api.operations["GetStatus"] = lambda _: {**STATUS, "services": services}
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    variables.pop("COLUMNS", None)
    variables.pop("LINES", None)
    decoder = codecs.getincrementaldecoder("utf-8")()
    with subprocess.Popen(
        watching(api), stdout=far, stderr=far, env=variables, close_fds=True
    ) as process:
        os.close(far)
        screen = Terminal(80, 24)

        def until_seen(words: str) -> list[str]:
            while words not in screen.text():
                screen.feed(decoder.decode(os.read(near, 65536)))
            return screen.text().splitlines()  # type: ignore[no-any-return]

        try:
            lines = until_seen("folded: ")
            assert len(lines) == 24
            assert "受注サービス0" in lines[1]
            screen = Terminal(40, 12)
            screen.feed("\x1b[?1049h")
            fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
            until_seen("folded: ")
            api.content_type = "text/html"
            until_seen("s old")
            api.content_type = CONTENT_TYPE
            while "s old" in screen.text():
                screen.feed(decoder.decode(os.read(near, 65536)))
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(OSError):
                while part := os.read(near, 65536):
                    screen.feed(decoder.decode(part))
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(near)
    assert screen.cursor
    assert not screen.second


def test_a_group_is_watched(api: TealApi) -> None:
    growing(api)
    api.operations["ListGroups"] = lambda _: {"groups": [GROUP]}
    lines = watched(api, 2, "--group", "shop")
    assert lines[0].endswith(" group shop (web, cart): not deployed yet\n")
    assert lines[1].endswith(" web: weights blue 99 %, green 1 %\n")


def test_a_group_is_watched_as_json(api: TealApi) -> None:
    api.operations["ListGroups"] = lambda _: {"groups": [GROUP]}
    lines = watched(api, 3, "--group", "shop", "--json")
    assert [json.loads(line)["services"] for line in lines] == [["web", "cart"]] * 3
