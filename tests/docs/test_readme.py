"""The README's commands work in a fresh clone; `make readme` runs all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.docs.scripts import REPOSITORY, load


@pytest.mark.scenario
def test_the_first_minutes_work_in_a_fresh_clone() -> None:
    command = ["docs/readme.py", "--sections", "minutes", "--quick", "--without-deployments"]
    done = subprocess.run(
        [sys.executable, *command], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"version": "1"' in done.stdout
    assert "=== The first five minutes: ok" in done.stdout


def test_every_command_of_the_readme_is_run_by_it() -> None:
    sections = load("readme").blocks((REPOSITORY / "README.md").read_text())
    assert list(sections) == ["The first five minutes", "With my Terraform"]
    commands = "\n".join(sections.values())
    for command in ("init", "up -d", "apply", "load", "deploy", "rollback", "history", "down"):
        assert f"teal {command}" in commands


def test_the_recording_is_of_these_commands() -> None:
    sections = load("readme").blocks((REPOSITORY / "README.md").read_text())
    shown = (REPOSITORY / "docs" / "first-minutes.txt").read_text()
    for line in sections["The first five minutes"].splitlines():
        assert f"$ {line}" in shown, "run `make recording`"


def test_a_screen_is_what_a_terminal_shows() -> None:
    screen = load("record").screen
    assert screen("one\r\ntwo\x1b[1m bold\x1b[0m\r\n") == "one\ntwo bold\n"
    # As a live view is taken away: up, and each line erased.
    assert screen("a\r\nlive 1\r\nlive 2\r\x1b[2K\x1b[1A\x1b[2Kend\r\n") == "a\nend\n"
    assert screen("abc\b\bX\r\n") == "aXc\n"


def test_ports_in_use_are_replaced() -> None:
    readme = load("readme")
    ports = dict(zip(readme.PORTS, (1, 2, 3, 4), strict=True))
    script = "teal init  # x\nteal up -d  # on :4566\ncurl http://127.0.0.1:9080/\n"
    changed = readme.adapted(script, ports, quick=False)
    assert "teal up -d --port 1 --xds-port 2 --lb-port 3" in changed
    assert "curl http://127.0.0.1:4/" in changed
    assert readme.adapted(script, {port: port for port in ports}, quick=False) == script
