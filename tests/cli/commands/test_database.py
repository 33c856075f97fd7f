"""teal database: migrate, check, backup and restore, on real databases."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tealmesh.cli.main import teal as group
from tealmesh.model.errors import TealError
from tealmesh.store import Store, View
from tests.store.test_store_format import DOCUMENTS, SCHEMA


@dataclass
class Done:
    """What a command has said, and how it ended."""

    output: str
    exit_code: int


def teal(*arguments: str, **options: Any) -> Done:
    done = CliRunner().invoke(group, ["database", *arguments], **options)
    if isinstance(done.exception, TealError):
        # As `main` shows it.
        return Done(f"{done.output}teal: {done.exception}\n", 1)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.output, done.exit_code)


def content(view: View) -> dict[str, Any]:
    return {d.key: (d.revision, d.body) for d in view.list("c")}


def write(place: str, *names: str) -> None:
    async def scenario() -> None:
        store = Store.open(place)
        for name in names:
            body = {"text": f"{name} \U0001f600 \x00\ud800", "n": [1.5, None]}
            await store.write(
                "ann", "Put", lambda tx, name=name, body=body: tx.put("c", name, body=body)
            )
        await store.write("ann", "Delete", lambda tx: tx.delete("c", names[0]))
        store.note("moto.jsonl")
        store.close()

    asyncio.run(scenario())


def read(place: str) -> tuple[dict[str, Any], int, list[str], bool]:
    async def scenario() -> Any:
        store = Store.open(place)
        operations = [entry.operation for entry in await store.history()]
        found = content(store.view), store.revision, operations, store.noted("moto.jsonl")
        store.close()
        return found

    return asyncio.run(scenario())  # type: ignore[no-any-return]


@pytest.mark.parametrize("back", ["sqlite", "postgresql"])
def test_a_backup_is_restored_in_either_database(
    database: str, back: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write(database, "a", "b", "c")
    backup = tmp_path / "backup.jsonl"
    done = teal("backup", database, "--to", str(backup))
    assert done.output == f"wrote 2 documents and 4 events at revision 4 to {backup}\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    other = str(tmp_path / "other.db")
    if back == "postgresql":
        other = request.getfixturevalue("postgres")
        if other == database:
            drop(other)
    done = teal("restore", other, "--from", str(backup))
    assert done.exit_code == 0, done.output
    assert "restored 2 documents and 4 events into " in done.output
    documents, revision, operations, noted = read(other)
    assert {key: at for key, (at, _) in documents.items()} == {"b": 2, "c": 3}
    assert documents["b"][1]["text"] == "b \U0001f600 \x00\ud800"
    # A revision that nobody has seen, so that whoever runs meanwhile notices.
    assert (revision, operations[:2], noted) == (5, ["RestoreBackup", "Delete"], True)
    assert problems(other) == []
    refused = teal("restore", other, "--from", str(backup))
    assert refused.exit_code == 1
    assert "is not empty (revision 5): --replace deletes" in refused.output
    assert teal("restore", other, "--from", str(backup), "--replace").exit_code == 0
    assert read(other)[1] == 6


def problems(place: str) -> list[str]:
    """What a check finds, but that the tests' PostgreSQL does not survive a crash."""
    found = json.loads(teal("check", place, "--json").output)["problems"]
    return [problem for problem in found if "is off: what was committed" not in problem]


def drop(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()


def test_a_running_replica_reads_a_restored_database_anew(postgres: str, tmp_path: Path) -> None:
    backup = str(tmp_path / "backup.jsonl")
    write(postgres, "a", "b")
    assert teal("backup", postgres, "--to", backup).exit_code == 0

    async def scenario() -> None:
        store = Store.open(postgres)
        before = content(store.view)
        await store.write("ann", "Put", lambda tx: tx.put("c", "late", body={}))
        done = await asyncio.to_thread(teal, "restore", postgres, "--from", backup, "--replace")
        assert done.exit_code == 0, done.output
        async with asyncio.timeout(60):
            async for view in store.watch():
                if view.revision > 4:
                    break
        assert content(view) == before
        await store.write("ann", "Put", lambda tx: tx.put("c", "later", body={}))
        assert content(store.view).keys() == {"b", "later"}
        store.close()

    asyncio.run(scenario())


def test_a_backup_that_is_cut_off_or_none_changes_nothing(tmp_path: Path) -> None:
    place, backup = str(tmp_path / "state.db"), tmp_path / "backup.jsonl"
    write(place, "a", "b")
    teal("backup", place, "--to", str(backup))
    lines = backup.read_text().splitlines(keepends=True)
    other = str(tmp_path / "other.db")
    for text, said in (
        ("".join(lines[:-1]), "is cut off after line 6: nothing was restored"),
        ("".join(lines[:2] + lines[3:]), "says that it has"),
        ("".join(lines[1:]), "line 1: is not a backup of Tealmesh"),
        ("junk\n", "line 1: is not JSON"),
        ("", "is cut off after line 0"),
        (lines[0].replace('"format":2', '"format":3'), "has format 3 and this version reads 2"),
    ):
        (tmp_path / "bad").write_text(text)
        done = teal("restore", other, "--from", str(tmp_path / "bad"))
        assert done.exit_code == 1
        assert said in re.sub(r"\s+", " ", done.output)
    assert read(other)[:2] == ({}, 0)


def test_a_file_of_sqlite_is_copied_while_it_is_used_and_restored(
    postgres: str, tmp_path: Path
) -> None:
    place, copied = str(tmp_path / "state.db"), tmp_path / "copy.db"
    store = Store.open(place)
    write(place, "a", "b")
    assert teal("backup", place, "--to", str(copied)).output == (
        f"wrote 1 documents and 3 events at revision 3 to {copied}\n"
    )
    store.close()
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    assert read(str(copied))[0].keys() == {"b"}
    refused = teal("backup", place, "--to", str(copied))
    assert "copy.db is there already" in refused.output
    assert "is a copy of SQLite's file" in teal("backup", postgres, "--to", "x.db").output
    assert teal("restore", postgres, "--from", str(copied)).exit_code == 0
    assert read(postgres)[:2] == (read(str(copied))[0], 4)
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_database_of_the_version_before_is_migrated(postgres: str, tmp_path: Path) -> None:
    old = tmp_path / "state.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(SCHEMA + DOCUMENTS)
    assert teal("restore", postgres, "--from", str(old)).exit_code == 0
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (0,), "a backup is kept"
    assert "wrong: the table state is missing" in teal("check", str(old)).output
    for kind in ("copy.db", "copy.jsonl"):
        refused = teal("backup", str(old), "--to", str(tmp_path / kind)).output
        assert "has an older format, or none, and this version reads 2: run `teal" in refused
        assert not (tmp_path / kind).exists()
    done = teal("migrate", str(old))
    assert "changed format 1 to 2" in done.output
    assert done.output.endswith("state.db has format 2\n")
    assert teal("migrate", str(old)).output == f"{old} has format 2: nothing to do\n"
    found = json.loads(teal("check", str(old), "--json").output)
    assert (found["revision"], found["audit"], problems(str(old))) == (5, 1, [])
    assert found["documents"]["appmesh.mesh"] == 1


def test_check_finds_what_is_wrong(database: str) -> None:
    write(database, "a", "b")
    engine = sa.create_engine(database if "://" in database else f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE documents SET body = 'junk', revision = 99"))
        connection.execute(sa.text("UPDATE state SET write_id = 'another'"))
    engine.dispose()
    done = teal("check", database)
    assert done.exit_code == 1
    assert "wrong: the history does not have the present revision 3" in done.output
    assert "wrong: c b is not JSON" in done.output
    assert "wrong: c b has the revision 99, and the database 3" in done.output


def test_a_role_without_rights_is_told_what_it_lacks(postgres: str) -> None:
    url = sa.make_url(postgres)
    role = f"poor_{url.database}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
    poor = url.set(username=role).render_as_string()
    try:
        with pytest.raises(Exception, match="run `teal database migrate` as somebody who may"):
            Store.open(poor)
        assert teal("migrate", postgres).exit_code == 0
        with engine.begin() as connection:
            connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        done = teal("check", poor)
        assert (
            "wrong: who connects may not INSERT, UPDATE, DELETE in the table state" in done.output
        )
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        with engine.begin() as connection:
            connection.execute(sa.text(grant))
        write(poor, "a", "b")
        assert read(poor)[0].keys() == {"b"}
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {role}"))
            connection.execute(sa.text(f"DROP ROLE {role}"))
        engine.dispose()


def test_where_the_database_is_and_that_no_password_is_seen(tmp_path: Path) -> None:
    for place in (f"{tmp_path}/new/no.db", f"sqlite:///{tmp_path}/new/no.db"):
        assert "there is no such file" in teal("check", place).output
    assert not (tmp_path / "new").exists()
    assert "URL is missing" in teal("check").output
    refused = teal("check", "postgresql://teal:geheim@h/d")
    assert "has a password, which everybody" in re.sub(r"\s+", " ", refused.output)
    assert "geheim" not in refused.output
    url = "postgresql://teal:geheim@127.0.0.1:1/d"
    for done in (
        teal("check", env={"TEAL_DATABASE": url}),
        teal("check", "--database-file", str(secret(tmp_path, url, 0o600))),
    ):
        assert "refused" in done.output
        assert "geheim" not in done.output
    opened = teal("check", "--database-file", str(secret(tmp_path, url, 0o644)))
    assert "is open to others (mode 644)" in opened.output


def secret(directory: Path, url: str, mode: int) -> Path:
    file = directory / "url"
    file.write_text(url + "\n")
    file.chmod(mode)
    return file
