"""Who changed what: the audit rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tealmesh.store.database.opening import Database
from tealmesh.store.database.schema import audit, state
from tealmesh.store.views import key


@dataclass(frozen=True)
class AuditEntry:
    """Who changed what, and when."""

    revision: int
    at: float
    """Seconds since the epoch."""
    actor: str
    """An access key, or the name of one of our own parts."""
    operation: str
    changes: list[list[str]]
    """Triples: collection, key, and ``put`` or ``delete``."""


def entries(
    database: Database, limit: int, without: Sequence[str], *where: sa.ColumnElement[bool]
) -> list[AuditEntry]:
    """The newest entries, newest first, that are as asked for."""
    query = sa.select(audit).where(audit.c.actor.not_in(without), *where)
    query = query.order_by(audit.c.revision.desc()).limit(limit)
    with database.reading() as connection:
        return [
            AuditEntry(r.revision, r.at, r.actor, r.operation, json.loads(r.changes))
            for r in connection.execute(query)
        ]


def of_document(collection: str, *parts: str) -> sa.ColumnElement[bool]:
    """Those that wrote or deleted a document."""
    # As a commit writes the triples of its entry.
    beginning = json.dumps([collection, key(*parts)])[:-1]
    return audit.c.changes.contains(beginning + ",", autoescape=True)


def forget(database: Database, keep: int) -> int:
    """Delete all entries but the newest ``keep``; returns how many."""
    with database.writing() as connection:
        # One entry a revision.
        newest = connection.execute(sa.select(state.c.revision)).scalar_one()
        old = sa.delete(audit).where(audit.c.revision <= newest - keep)
        return connection.execute(old).rowcount
