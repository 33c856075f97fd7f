"""What a user is shown of directories that are closed to it, for real: needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tealmesh.engine.runtimes.process import limits, sight
from tealmesh.engine.runtimes.process.sight import Sight
from tealmesh.engine.runtimes.process.users import RunAs, own
from tealmesh.model.errors import EngineError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="giving processes to others needs root")

SOMEBODY = own("127.1.0.2")


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A directory that only root may enter, whoever may enter those of pytest."""
    made = Path("/var/tmp") / f"teal-{os.getpid()}"
    made.mkdir(mode=0o700)
    yield made
    shutil.rmtree(made)


def program(at: Path, text: str) -> Path:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(f"#!/bin/sh\n{text}\n")
    at.chmod(0o755)
    return at


def run(view: Sight, *command: str, cwd: Path, who: RunAs = SOMEBODY) -> tuple[int, str]:
    words = [*view.words, *who.words, "--", *command]
    argv = [sys.executable, "-I", "-S", limits.__file__, *words]
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def test_an_installation_is_shown_and_what_is_beside_it_is_not(closed: Path) -> None:
    (closed / "secret").write_text("s")
    script = 'cat "$(dirname "$0")/../lib/words" && pwd && ! cat "$1/secret" && ls "$1" && id -u'
    program(closed / "tool/bin/tool", script)
    (closed / "tool/lib").mkdir()
    (closed / "tool/lib/words").write_text("its words\n")
    program(closed / "links/bin/tool", "").unlink()
    (closed / "links/bin/tool").symlink_to("../../tool/bin/tool")
    view = sight.sight(SOMEBODY, [str(closed / "links/bin/tool")], "/", "/bin")
    code, said = run(view, str(closed / "tool/bin/tool"), str(closed), cwd=Path("/"))
    assert code == 0, said
    lines = said.splitlines()
    assert lines[:-1] == ["its words", "/", "links", "tool", str(SOMEBODY.uid)]
    assert "No such file" in lines[-1]
    assert oct(closed.stat().st_mode)[-3:] == "700"


def test_what_the_script_of_a_shell_names_is_shown(closed: Path) -> None:
    tool = program(closed / "tool/bin/tool", 'cat "$(dirname "$0")/../lib/words"')
    (closed / "tool/lib").mkdir()
    (closed / "tool/lib/words").write_text("its words\n")
    (closed / "secret").write_text("s")
    script = f"test ! -e '{closed}/broken'&& exec {tool} {closed}/none"
    view = sight.sight(SOMEBODY, ["sh", "-c", script], "/", "/bin")
    assert run(view, "sh", "-c", script, cwd=Path("/")) == (0, "its words\n")
    assert run(view, "ls", str(closed), cwd=Path("/")) == (0, "tool\n")


def test_a_program_of_the_machine_needs_nothing_of_ours(closed: Path) -> None:
    """Whose Python may itself be closed to the user."""
    assert sight.sight(SOMEBODY, ["sh"], "/", "/bin") == sight.NOTHING
    assert run(sight.NOTHING, "sh", "-c", "exit 4", cwd=Path("/")) == (4, "")
    code, said = run(sight.NOTHING, "no-such-program", cwd=Path("/"))
    assert code == 1
    assert said.startswith("no-such-program: ")
    assert said.endswith(f" (as user {SOMEBODY.uid})\n")


def test_what_is_in_a_closed_working_directory_is_shown_by_its_modes(closed: Path) -> None:
    program(closed / "run", "cat words; cat key; echo more > new; ls")
    (closed / "words").write_text("words\n")
    (closed / "key").write_text("key\n")
    (closed / "key").chmod(0o600)
    view = sight.sight(SOMEBODY, ["./run"], str(closed), "/bin")
    code, said = run(view, "./run", cwd=closed)
    assert code == 0
    assert "words\n" in said
    assert "key: Permission denied" in said
    assert "Permission denied" in said.partition("new")[2]
    assert not (closed / "new").exists()


def test_no_home_is_shown_and_what_only_the_caller_named_is_neither(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(closed))
    program(closed / "run", "")
    with pytest.raises(EngineError, match="a home directory is not shown"):
        sight.sight(SOMEBODY, ["./run"], str(closed), "/bin")
    program(closed / "app/run", "")
    program(closed / "other/run", "")
    view = sight.sight(SOMEBODY, ["./run"], str(closed / "app"), "/bin")
    assert view == Sight((closed,), (closed / "app",))
    assert sight.unusable(SOMEBODY, "./run", str(closed / "app"), "/bin", view) == ""
    other = str(closed / "other/run")
    assert "is closed to it" in sight.unusable(SOMEBODY, other, "", "/bin", view)
    assert "cannot enter" in sight.unusable(SOMEBODY, "./run", str(closed / "other"), "/bin", view)


def test_where_no_view_can_be_made_it_says_what_to_do(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(closed / "run", "")
    monkeypatch.setattr(sight, "has_capability", lambda number: False)
    with pytest.raises(EngineError, match=r'user = "root" under \[images\]'):
        sight.sight(SOMEBODY, ["./run"], str(closed), "/bin")


def test_it_gets_no_privileges_but_the_port_that_its_definition_has(closed: Path) -> None:
    status = "import sys; print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith("
    status += "('Cap', 'NoNewPrivs'))))"
    python = shutil.which("python3", path="/usr/bin") or pytest.skip("no Python for everybody")
    for words, has in (((), 0), (("keep=10",), 1 << 10), (("keep=2", "keep=10"), 1 << 10 | 1 << 2)):
        argv = [sys.executable, "-I", "-S", limits.__file__, *words, *SOMEBODY.words, "--"]
        done = subprocess.run([*argv, python, "-c", status], capture_output=True, text=True)
        inherited, permitted, effective, _, ambient, bare = done.stdout.split()
        assert {int(one, 16) for one in (inherited, permitted, effective, ambient)} == {has}
        assert bare == "1"
