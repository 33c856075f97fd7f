"""Replicas share one directory of secrets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tealmesh.app.serve import alone
from tealmesh.model.errors import TealError
from tealmesh.model.identity.directory import bundle, make, unpack


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_replicas_that_start_together_have_the_same_secrets(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: (make(directory), contents(directory)), range(8)))
    first = seen[0][1]
    assert {"master-key", "task-keys", "link-key", "xds-token", "server-id"} <= first.keys()
    assert all(found == first for _, found in seen)


def test_a_complete_directory_may_be_read_only_and_none_may_be_open(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    make(directory)
    before = contents(directory)
    directory.chmod(0o550)
    make(directory)
    assert contents(directory) == before
    directory.chmod(0o755)
    with pytest.raises(TealError, match="open to others"):
        make(directory)


def test_a_file_of_sqlite_is_for_one_control_plane(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    with alone(path, 1), pytest.raises(TealError, match="several need PostgreSQL"), alone(path, 1):
        pass
    taken = pytest.raises(TealError, match="several need PostgreSQL")
    with alone(path, 1), taken, alone(f"sqlite:///{path}", 2):
        pass
    with alone("postgresql://db/teal", 1), alone("postgresql://db/teal", 1):
        pass


def test_a_directory_is_carried_as_one_secret(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    make(there)
    certificate = tmp_path / "tls.crt"
    certificate.write_text("-----BEGIN CERTIFICATE-----\n")
    text = bundle(there, [certificate])
    unpack(here, text)
    before = contents(here)
    assert {name: before[name] for name in ("master-key", "callers.json", "tls.crt")} == {
        **{name: (there / name).read_text() for name in ("master-key", "callers.json")},
        "tls.crt": certificate.read_text(),
    }
    assert {path.stat().st_mode & 0o777 for path in here.iterdir()} == {0o600}
    make(here)
    # Nothing was lacking, and what changes there takes the place of what is here.
    assert contents(here) == before
    (there / "xds-token").write_text("another")
    unpack(here, bundle(there))
    assert contents(here) == {**before, "xds-token": "another"}


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "{}", '{"../x": ""}', '{".x": ""}', '{"a/b": ""}', '{"a": 1}']
)
def test_what_is_no_bundle_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(TealError, match="TEAL_SECRETS") as refused:
        unpack(tmp_path / "keys", text)
    assert "no JSON" not in str(refused.value)
    assert not (tmp_path / "keys").exists()


def test_two_files_of_one_name_cannot_be_carried(tmp_path: Path) -> None:
    make(tmp_path / "keys")
    (tmp_path / "master-key").write_text("x")
    with pytest.raises(TealError, match="another file master-key"):
        bundle(tmp_path / "keys", [tmp_path / "master-key"])
