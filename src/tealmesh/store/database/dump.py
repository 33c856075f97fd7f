"""Backups: a portable one of JSON lines for both databases, and a file for SQLite.

The lines are records of one key each: ``tealmesh`` (the head), ``document``, ``audit`` and
``noted`` (the rows, as lists of their columns, with bodies as JSON), and ``end`` (how many there
are of each), without which a backup is cut off. They show the database at one revision. What is
outside the revision, such as leases, is not in them.

A restored database has another epoch, and a revision that neither it nor the backup has had:
control planes that use it meanwhile read it anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa

from tealmesh.model.clock import Clock, NewId
from tealmesh.model.errors import TealError
from tealmesh.store.database.formats import FORMAT, prepare
from tealmesh.store.database.opening import SQLITE, Database
from tealmesh.store.database.schema import audit, documents, noted, state
from tealmesh.store.following import Head, head

Record = dict[str, Any]
"""One line; what a document's body is made of is its owner's business."""

_TABLES = {"document": documents, "audit": audit, "noted": noted}
_JSON = {"body", "changes"}
"""The columns that are JSON."""

_ROWS_AT_ONCE = 500
_LONGEST = 40
"""Characters of a value in an error."""


@dataclass(frozen=True)
class Copied:
    """What a backup has."""

    revision: int
    counts: dict[str, int]


def records(database: Database) -> Generator[Record]:
    """All of a database at one revision. Whoever does not take all must close the iterator."""
    counts: Counter[str] = Counter()
    with database.reading() as connection:
        now = _head(connection, database)
        yield {"tealmesh": {"format": now.format, "revision": now.revision, "epoch": now.epoch}}
        for kind, table in _TABLES.items():
            query = sa.select(table).order_by(*table.primary_key.columns)
            rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            for row in rows.mappings():
                counts[kind] += 1
                yield {kind: [json.loads(v) if c in _JSON else v for c, v in row.items()]}
    yield {"end": {kind: counts[kind] for kind in _TABLES}}


def _head(connection: sa.Connection, database: Database) -> Head:
    """How far the database is. Raises TealError if it has another format than ours."""
    known = sa.inspect(connection).has_table(state.name)
    now = head(connection) if known else None
    if now is None or now.format != FORMAT:
        has = f"format {now.format}" if now else "an older format, or none,"
        raise TealError(
            f"{database.name} has {has} and this version reads {FORMAT}: run "
            "`teal database migrate`, or use the version that wrote it"
        )
    return now


def write_lines(database: Database, file: TextIO) -> Copied:
    """Write a portable backup."""
    revision = 0
    counts: dict[str, int] = {}
    for record in records(database):
        file.write(json.dumps(record, separators=(",", ":")) + "\n")
        revision = record.get("tealmesh", {}).get("revision", revision)
        counts = record.get("end", counts)
    return Copied(revision, counts)


def read_lines(file: Iterable[str], name: str) -> Iterator[Record]:
    """The records of a portable backup. Raises TealError, which names the line, if it is none."""
    number, ended = 0, False
    for number, line in _numbered(file, name):
        where = f"{name}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TealError(f"{where}: is not JSON: {error}") from error
        if not isinstance(record, dict) or (number == 1) != ("tealmesh" in record):
            raise TealError(f"{where}: is not a backup of Tealmesh")
        _check(record, where)
        ended = "end" in record
        yield record
    if not ended:
        raise TealError(f"{name} is cut off after line {number}: nothing was restored")


def _numbered(file: Iterable[str], name: str) -> Iterator[tuple[int, str]]:
    lines, number = iter(file), 0
    while True:
        try:
            line = next(lines, None)
        except UnicodeDecodeError as error:
            raise TealError(f"{name}, after line {number}: is not UTF-8 text") from error
        if line is None:
            return
        number += 1
        yield number, line


def _check(record: Record, where: str) -> None:
    """Raises TealError for a record that no backup has."""
    kind, value = next(iter(record.items())) if len(record) == 1 else ("", None)
    if kind in _TABLES and isinstance(value, list):
        columns = list(_TABLES[kind].columns)
        if len(value) != len(columns):
            raise TealError(f"{where}: a {kind} has {len(columns)} values, not {len(value)}")
        for column, one in zip(columns, value, strict=True):
            if not _may_be(column, one):
                raise TealError(f"{where}: {column.name} of a {kind} cannot be {_short(one)}")
        return
    numbers = {"tealmesh": ("format", "revision"), "end": tuple(_TABLES)}.get(kind)
    if numbers is None or not isinstance(value, dict):
        raise TealError(f"{where}: is not a record of a backup")
    for name in numbers:
        if type(value.get(name)) is not int:
            raise TealError(f"{where}: {name} must be a number, not {_short(value.get(name))}")


def _may_be(column: sa.Column[Any], value: Any) -> bool:
    if column.name in _JSON:
        return True
    kind = column.type.python_type
    if value is None:
        return bool(column.nullable)
    return type(value) is kind or (kind is float and type(value) is int)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def restore(
    database: Database, source: Iterator[Record], *, replace: bool, clock: Clock, new_id: NewId
) -> Copied:
    """Write a backup into a database, in one transaction. Raises TealError if it is not empty and
    ``replace`` is false.
    """
    prepare(database, new_id)
    with database.writing() as connection:
        if database.shared:
            # Who restores may take the time that the backup takes to be read.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        now = head(connection, locked=True)
        if now.revision and not replace:
            raise TealError(
                f"{database.name} is not empty (revision {now.revision}): --replace deletes what "
                "it has"
            )
        for table in _TABLES.values():
            connection.execute(sa.delete(table))
        kept = _insert(connection, source)
        _finish(connection, max(kept.revision, now.revision) + 1, clock, new_id)
    return kept


def _insert(connection: sa.Connection, source: Iterator[Record]) -> Copied:
    begins = next(source)["tealmesh"]
    if begins["format"] != FORMAT:
        raise TealError(
            f"the backup has format {begins['format']} and this version reads {FORMAT}: restore it "
            "with the version that made it, then migrate"
        )
    counts: Counter[str] = Counter()
    expected: dict[str, int] = {}
    while some := list(islice(source, _ROWS_AT_ONCE)):
        for kind, table in _TABLES.items():
            rows = [_row(table, record[kind]) for record in some if kind in record]
            if rows:
                connection.execute(sa.insert(table), rows)
            counts[kind] += len(rows)
        expected = some[-1].get("end", {})
    found = {kind: counts[kind] for kind in _TABLES}
    if found != expected:
        raise TealError(f"the backup has {found} and says that it has {expected}: not restored")
    return Copied(begins["revision"], found)


def _row(table: sa.Table, values: list[Any]) -> dict[str, Any]:
    columns = [column.name for column in table.columns]
    return {
        column: json.dumps(value) if column in _JSON else value
        for column, value in zip(columns, values, strict=True)
    }


def _finish(connection: sa.Connection, revision: int, clock: Clock, new_id: NewId) -> None:
    write_id = new_id()
    values = {"revision": revision, "write_id": write_id, "epoch": new_id(), "boot": "", "at": 0.0}
    connection.execute(sa.update(state).values(**values))
    entry = {
        "revision": revision, "at": clock(), "actor": "tealmesh", "operation": "RestoreBackup",
        "changes": "[]", "write_id": write_id,
    }  # fmt: skip
    connection.execute(sa.insert(audit).values(**entry))


def copy_sqlite(database: Database, to: Path) -> Copied:
    """Copy a file of SQLite as it is at one moment, also while it is used."""
    with (
        contextlib.closing(sqlite3.connect(database.name)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)
    copied = Database.at(to)
    with contextlib.closing(copied), copied.reading() as connection:
        now = _head(connection, database)
        counts = {
            kind: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for kind, table in _TABLES.items()
        }
        return Copied(now.revision, counts)


@contextlib.contextmanager
def private(path: Path) -> Iterator[Path]:
    """A file to write to, which only its owner can read, and which has the name ``path`` once it is
    whole. Raises TealError if there is one already.
    """
    if path.exists():
        raise TealError(f"{path} is there already: choose another name")
    part = path.with_name(f"{path.name}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        part.chmod(0o600)
    except OSError as error:
        raise TealError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse_others(database: Database, path: Path) -> None:
    """A file of SQLite may be damaged, or another program's."""
    try:
        with database.reading() as connection:
            known = sa.inspect(connection).has_table(documents.name)
    except sa.exc.DatabaseError as error:
        raise TealError(f"{path} is damaged: {error.orig}") from error
    if not known:
        raise TealError(f"{path} is a file of SQLite, and no backup of Tealmesh")


@contextlib.contextmanager
def opened(path: Path, new_id: NewId) -> Iterator[Iterator[Record]]:
    """The records of a backup, of either kind. Raises TealError if it is none."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(SQLITE))
    except OSError as error:
        raise TealError(f"{path} cannot be read: {error.strerror}") from error
    if beginning != SQLITE:
        with path.open(encoding="utf-8") as lines:
            yield read_lines(lines, str(path))
        return
    # An earlier version's is migrated, and the backup must stay what it is.
    with tempfile.TemporaryDirectory() as directory:
        copied = Path(shutil.copy(path, directory))
        database = Database.at(copied)
        with contextlib.closing(database):
            _refuse_others(database, path)
            prepare(database, new_id)
            with contextlib.closing(records(database)) as found:
                yield found
