"""`teal reset` deletes what Tealmesh made in a data directory, and nothing else."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tealmesh.cli.system import wiping
from tealmesh.model.errors import TealError
from tests.cli.command_line import assert_one_line, teal
from tests.support.machine import free_port


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory after its tasks have stopped, with a file of the user's."""
    made = tmp_path / "data"
    (made / "tasks" / "1").mkdir(parents=True)
    for name in ("up.json", "xds-token", "moto.jsonl", "teal.log.1", "mine.txt"):
        (made / name).write_text("{}")
    return made


def test_only_what_tealmesh_made_is_deleted(directory: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    done = teal("reset", "--yes", "--data-dir", str(directory), endpoint=endpoint)
    assert done.returncode == 0, done.stderr
    assert os.listdir(directory) == ["mine.txt"]
    assert "Tealmesh did not make it: mine.txt" in done.stdout
    again = teal("reset", "--yes", "--data-dir", str(directory), endpoint=endpoint)
    assert_one_line(again, "is not the data directory of a control plane: nothing was deleted")
    gone = teal("reset", "--yes", "--data-dir", str(directory / "x"), endpoint=endpoint)
    assert_one_line(gone, "there is no such directory")


def test_it_is_not_done_unasked(directory: Path) -> None:
    done = teal("reset", "--data-dir", str(directory))
    assert done.returncode == 2
    assert "nobody is there to be asked" in done.stderr
    assert (directory / "up.json").exists()


def test_a_directory_in_use_stays(directory: Path) -> None:
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("12 4566")
        lock.flush()
        with pytest.raises(
            TealError, match=r"a control plane still uses .* \(process 12, port 4566\)"
        ):
            wiping.wipe(directory)
    assert (directory / "up.json").exists()


def test_an_interrupted_deletion_is_repeated(directory: Path) -> None:
    """Wherever it ended, what is left is known as a control plane's until nothing is left."""
    for path in (directory / "moto.jsonl", directory / "teal.log.1", directory / "up.json"):
        path.unlink()
        wiping.check(directory)
    assert wiping.wipe(directory) == ["mine.txt"]
