"""Replicas share one directory of secrets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tealmesh.app.serve import alone, make_secrets
from tealmesh.model.errors import TealError


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_replicas_that_start_together_have_the_same_secrets(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: (make_secrets(directory), contents(directory)), range(8)))
    first = seen[0][1]
    assert {"master-key", "task-keys", "link-key", "xds-token", "server-id"} <= first.keys()
    assert all(found == first for _, found in seen)


def test_a_complete_directory_may_be_read_only_and_none_may_be_open(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    make_secrets(directory)
    before = contents(directory)
    directory.chmod(0o550)
    make_secrets(directory)
    assert contents(directory) == before
    directory.chmod(0o755)
    with pytest.raises(TealError, match="open to others"):
        make_secrets(directory)


def test_a_file_of_sqlite_is_for_one_control_plane(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    with alone(path), pytest.raises(TealError, match="several need PostgreSQL"), alone(path):
        pass
    with alone("postgresql://db/teal"), alone("postgresql://db/teal"):
        pass
