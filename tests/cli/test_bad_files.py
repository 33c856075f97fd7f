"""Whatever a file has that a command reads: one plain line names it, and nothing changes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from tealmesh.cli.main import teal as group
from tealmesh.model.errors import TealError
from tests.support.machine import free_port

BAD = {
    "binary": bytes(range(256)) * 4,
    "not UTF-8": "name = 'caf\u00e9'".encode("latin-1"),
    "nested": b"[" * 100_000,
    "half": b'{"tealmesh": {"format": 2, "revi',
    "another program's": b'{"name": "x", "version": 1}',
    "a number": b"7",
    "null": b"null",
    "a byte": b"\n",
    "sqlite": b"SQLite format 3\x00" + bytes(84),
}
COMMANDS = {
    "lint": ("lint", "--offline", "FILE"),
    "apply": ("apply", "--config", "FILE", "--endpoint", "ENDPOINT"),
    "plan": ("apply", "--plan", "--config", "FILE", "--endpoint", "ENDPOINT"),
    "rehearse": ("rehearse", "web", "--config", "FILE"),
    "import": ("import", "FILE", "--plan"),
    "restore": ("database", "restore", "DATABASE", "--from", "FILE"),
    "check": ("database", "check", "FILE"),
    "a key": ("keys", "show", "--data-dir", "KEYS"),
    "bundle": ("keys", "bundle", "--with", "FILE", "--data-dir", "OWN"),
}
FINE = (
    {("bundle", one) for one in BAD if one not in ("binary", "not UTF-8", "nested")}
    | {("lint", "a byte")}
    | {("a key", one) for one in ("half", "nested", "a number", "null", "another program's")}
)
"""What is a text is as good as any for these."""


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and what was said, as `main` ends."""
    done = CliRunner().invoke(group, arguments)
    if isinstance(done.exception, TealError | OSError):
        return 1, f"{done.output}teal: {done.exception}"
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def filled(arguments: tuple[str, ...], file: Path, tmp_path: Path) -> list[str]:
    keys = tmp_path / "keys"
    if "KEYS" in arguments:
        keys.mkdir(mode=0o700)
        (keys / "master-key").write_bytes(file.read_bytes())
    places = {
        "FILE": str(file),
        "KEYS": str(keys),
        "OWN": str(tmp_path / "own"),
        "DATABASE": str(tmp_path / "new.db"),
        "ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }
    return [places.get(one, one) for one in arguments]


@pytest.mark.parametrize("content", BAD)
@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_refused_in_one_line(command: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(BAD[content])
    code, said = run(*filled(COMMANDS[command], file, tmp_path))
    assert "Traceback" not in said
    if (command, content) not in FINE:
        assert code in (1, 2), said
        last = said.strip().splitlines()[-1]
        assert any(one in last for one in ("file", "master-key", "a secret of AWS")), said
    assert file.read_bytes() == BAD[content]


@pytest.mark.parametrize("command", ["lint", "import", "restore"])
def test_what_is_no_file_or_has_no_end(command: str, tmp_path: Path) -> None:
    def said(place: Path) -> str:
        code, text = run(*filled(COMMANDS[command], place, tmp_path))
        assert code in (1, 2), text
        return text

    assert "No such file" in said(tmp_path / "missing") or command == "restore"
    if command != "restore":
        assert "larger than" in said(Path("/dev/zero"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert "Traceback" not in said(tmp_path / "s")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "symbolic links" in said(loop)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("command", ["lint", "import", "restore"])
def test_a_file_that_may_not_be_read(command: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o000)
    code, said = run(*filled(COMMANDS[command], file, tmp_path))
    assert code in (1, 2)
    assert "Permission denied" in said


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (['{"tealmesh": 5}'], "line 1: is not a record of a backup"),
        (['{"tealmesh": {"format": "2", "revision": 1}}'], "format must be a number, not '2'"),
        (['{"tealmesh": {"format": 2}}'], "revision must be a number, not None"),
        (['{"tealmesh": {"format": 2, "revision": 1}}', '{"document": [1]}'], "4 values, not 1"),
        (['{"tealmesh": {"format": 2, "revision": 1}}', '{"document": ["c", "k", "x", {}]}'],
         "line 2: revision of a document cannot be 'x'"),
        (['{"tealmesh": {"format": 2, "revision": 1}}', '{"novel": []}'], "is not a record of a"),
        (['{"tealmesh": {"format": 2, "revision": 1}}', '{"end": {"document": "1"}}'],
         "document must be a number, not '1'"),
    ],
)  # fmt: skip
def test_a_backup_with_wrong_values_restores_nothing(
    records: list[str], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("\n".join(records))
    code, text = run(*filled(COMMANDS["restore"], file, tmp_path))
    assert code == 1
    assert said in text
    assert "revision 0, 0 events kept" in run("database", "check", str(tmp_path / "new.db"))[1]


def test_another_programs_database_is_no_backup(tmp_path: Path) -> None:
    import sqlite3

    file = tmp_path / "file"
    with sqlite3.connect(file) as connection:
        connection.execute("create table t (a)")
    code, said = run(*filled(COMMANDS["restore"], file, tmp_path))
    assert code == 1
    assert "is a file of SQLite, and no backup of Tealmesh" in said
