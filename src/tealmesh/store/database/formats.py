"""The version of what is stored, and how a database comes to have it.

Renaming a collection, a member or a value in stored JSON, or a column, makes databases unreadable
for other versions: such a change raises `FORMAT` and brings a migration. Adding an optional member
or a table does not.

A file of SQLite, which one control plane has for itself, is migrated when it is opened. PostgreSQL
is shared by replicas of two versions during an upgrade: see design note 048 for the order in which
its format may change. It has had none but 2.
"""

from __future__ import annotations

import sqlalchemy as sa

from tealmesh.model.clock import NewId
from tealmesh.model.errors import TealError
from tealmesh.store.database.opening import Database
from tealmesh.store.database.schema import audit, metadata, state

FORMAT = 2
"""Version of what this program stores. SQLite has it in ``user_version`` too, where earlier
versions look; 0 counts as 1.
"""

_LOCK = 0x7EA1_5701
"""Key of the advisory lock under which replicas that start together make the tables."""


def prepare(database: Database, new_id: NewId) -> list[str]:
    """Make what a database lacks; returns what was done. Raises TealError if it has a format that
    this version does not know.
    """
    if database.shared:
        return _prepare_postgres(database, new_id)
    return _prepare_sqlite(database, new_id)


def _prepare_sqlite(database: Database, new_id: NewId) -> list[str]:
    with database.writing() as connection:
        stored = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
        if stored > FORMAT:
            raise _newer(database, stored, "use that version, or choose another --data-dir")
        there = set(sa.inspect(connection).get_table_names())
        revision, done = 0, []
        if "documents" in there and "state" not in there:
            revision = _to_2(connection)
            done.append("changed format 1 to 2")
        done += _make_tables(connection, there, new_id, revision)
        if stored != FORMAT:
            connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")
        return done


def _prepare_postgres(database: Database, new_id: NewId) -> list[str]:
    with database.reading() as connection:
        there = set(sa.inspect(connection).get_table_names())
        stored = (
            connection.execute(sa.select(state.c.format)).scalar() if "state" in there else None
        )
    if stored is not None and stored > FORMAT:
        raise _newer(database, stored, "use that version")
    if stored is not None and metadata.tables.keys() <= there:
        return []
    try:
        with database.writing() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            there = set(sa.inspect(connection).get_table_names())
            return _make_tables(connection, there, new_id)
    except sa.exc.ProgrammingError as error:
        # 42501: insufficient_privilege
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        raise TealError(
            f"the database {database.name} lacks tables, and who connects may not make them: run "
            "`teal database migrate` as somebody who may"
        ) from error


def _make_tables(
    connection: sa.Connection, there: set[str], new_id: NewId, revision: int = 0
) -> list[str]:
    """Make the tables that are not ``there``; a new database begins at ``revision``."""
    missing = [table for name, table in metadata.tables.items() if name not in there]
    metadata.create_all(connection, missing, checkfirst=False)
    if connection.execute(sa.select(state.c.revision)).first() is None:
        _begin(connection, new_id, revision)
    return [f"made the table {table.name}" for table in missing]


def _to_2(connection: sa.Connection) -> int:
    """Returns the revision, which until format 1 was the highest of the audit rows."""
    connection.exec_driver_sql("ALTER TABLE audit ADD COLUMN write_id TEXT")
    return connection.execute(sa.select(sa.func.max(audit.c.revision))).scalar() or 0


def _begin(connection: sa.Connection, new_id: NewId, revision: int) -> None:
    connection.execute(
        sa.insert(state).values(
            id=1, revision=revision, write_id="", epoch=new_id(), format=FORMAT, boot="", at=0.0
        )
    )


def _newer(database: Database, stored: int, advice: str) -> TealError:
    return TealError(
        f"{database.name} was written by a newer Tealmesh (format {stored}; this version reads up "
        f"to {FORMAT}): {advice}"
    )
