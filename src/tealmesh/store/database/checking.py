"""Whether a database is what a control plane needs, and what it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tealmesh.store.database.formats import FORMAT
from tealmesh.store.database.opening import Database
from tealmesh.store.database.schema import audit, documents, metadata, state
from tealmesh.store.following import head


@dataclass(frozen=True)
class Checked:
    """What was found. Nothing is changed."""

    server: str
    format: int
    revision: int
    epoch: str
    documents: dict[str, int]
    """By collection."""
    audit: int
    """Entries."""
    problems: list[str]


def check(database: Database) -> Checked:
    """Read everything of a database that has a format."""
    with database.reading() as connection:
        server = _server(connection, database)
        there = set(sa.inspect(connection).get_table_names())
        missing = sorted(metadata.tables.keys() - there)
        problems = [f"the table {name} is missing: run `teal database migrate`" for name in missing]
        problems += _settings(connection, there) if database.shared else _integrity(connection)
        if {state.name, documents.name, audit.name} & set(missing):
            return Checked(server, 0, 0, "", {}, 0, problems)
        now = head(connection)
        if now.format != FORMAT:
            problems.append(f"it has format {now.format}, and this version reads {FORMAT}")
        tip = connection.execute(
            sa.select(audit.c.write_id).where(audit.c.revision == now.revision)
        ).first()
        if now.revision and (tip is None or (tip.write_id or "") != now.write_id):
            problems.append(f"the history does not have the present revision {now.revision}")
        counts: dict[str, int] = {}
        problems += _bodies(connection, now.revision, counts)
        entries = connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one()
        return Checked(
            server, now.format, now.revision, now.epoch, dict(sorted(counts.items())), entries,
            problems,
        )  # fmt: skip


def _bodies(connection: sa.Connection, revision: int, counts: dict[str, int]) -> Iterator[str]:
    rows = connection.execution_options(yield_per=500).execute(sa.select(documents))
    for row in rows:
        counts[row.collection] = counts.get(row.collection, 0) + 1
        name = f"{row.collection} {row.key}"
        try:
            json.loads(row.body)
        except ValueError as error:
            yield f"{name} is not JSON: {error}"
        if row.revision > revision:
            yield f"{name} has the revision {row.revision}, and the database {revision}"


def _server(connection: sa.Connection, database: Database) -> str:
    if database.shared:
        version = connection.execute(sa.text("SHOW server_version")).scalar_one()
        return f"PostgreSQL {version}"
    return f"SQLite {connection.execute(sa.select(sa.func.sqlite_version())).scalar_one()}"


def _integrity(connection: sa.Connection) -> Iterator[str]:
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield f"SQLite: {line}"


def _settings(connection: sa.Connection, there: set[str]) -> Iterator[str]:
    """What makes PostgreSQL lose commits, and what its user may not do."""
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        if connection.execute(sa.text(f"SHOW {name}")).scalar_one() == "off":
            yield f"{name} is off: what was committed can be lost"
    query = sa.select(sa.func.has_table_privilege(sa.bindparam("t"), sa.bindparam("p")))
    for table in sorted(metadata.tables.keys() & there):
        denied = [
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
            if not connection.execute(query, {"t": table, "p": right}).scalar_one()
        ]
        if denied:
            yield f"who connects may not {', '.join(denied)} in the table {table}"
