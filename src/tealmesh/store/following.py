"""From the database to a view: all of it once, then what has been committed since.

The audit rows name what each commit wrote and deleted, so a view that is behind reads those rows
and the documents that they name. It has to be loaded anew where they do not lead from it to the
present: old ones have been deleted, a stand-by that became the database had lost some, or a backup
was restored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from tealmesh.model.clock import MomentBody
from tealmesh.store.database.schema import audit, documents, state
from tealmesh.store.ordered import Ordered
from tealmesh.store.views import Commit, Document, Name, View, applied

MOST_COMMITS = 10_000
"""A view that is further behind is loaded anew, which is then cheaper."""

_AT_ONCE = 500
"""Documents of one query."""


_HEAD = sa.select(state)
_LOCKED_HEAD = _HEAD.with_for_update()


@dataclass(frozen=True)
class Head:
    """The row of `state`: how far the database is."""

    revision: int
    write_id: str
    epoch: str
    format: int
    moment: MomentBody | None
    """Of the last commit; None if there was none since format 1."""

    def is_of(self, view: View) -> bool:
        """Whether a view shows all that is committed."""
        mine = (view.revision, view.write_id, view.epoch)
        return mine == (self.revision, self.write_id, self.epoch)


@dataclass(frozen=True)
class Broken:
    """Why a view cannot be continued."""

    why: str
    """Empty if nothing is wrong: it was left behind."""


def head(connection: sa.Connection, *, locked: bool = False) -> Head:
    """How far the database is. If ``locked``, nobody commits until this transaction has ended."""
    row = connection.execute(_LOCKED_HEAD if locked else _HEAD).one()
    moment: MomentBody | None = {"boot": row.boot, "at": row.at} if row.boot else None
    return Head(row.revision, row.write_id, row.epoch, row.format, moment)


def loaded(connection: sa.Connection) -> View:
    """All of the database. The connection must show it at one moment."""
    now = head(connection)
    collections: dict[str, dict[str, Document[Any]]] = {}
    rows = connection.execution_options(yield_per=1000).execute(sa.select(documents))
    for row in rows:
        collections.setdefault(row.collection, {})[row.key] = _document(row)
    ordered = {name: Ordered(found) for name, found in collections.items()}
    return View(now.revision, ordered, loaded=now.revision, write_id=now.write_id, epoch=now.epoch)


def followed(connection: sa.Connection, view: View, now: Head) -> View | Broken:
    """The view at ``now``, by what was committed after it. The connection must show the database at
    one moment.
    """
    if now.is_of(view):
        return view
    if now.epoch != view.epoch:
        return Broken("a backup was restored")
    if now.revision < view.revision:
        return Broken(f"it has lost the revisions from {now.revision + 1} on")
    if now.revision - view.revision > MOST_COMMITS:
        return Broken("")
    query = sa.select(audit.c.revision, audit.c.changes, audit.c.write_id)
    query = query.where(audit.c.revision >= max(view.revision, 1)).order_by(audit.c.revision)
    rows = connection.execute(query).all()
    if view.revision:
        if not rows or rows[0].revision != view.revision:
            # Older ones are pruned first: with those there, it was never committed here.
            older = sa.select(audit.c.revision).where(audit.c.revision < view.revision).limit(1)
            lost = connection.execute(older).first() is not None
            return Broken(f"it does not have revision {view.revision}" if lost else "")
        if (rows[0].write_id or "") != view.write_id:
            return Broken(f"it has another revision {view.revision}")
        rows = rows[1:]
    if [row.revision for row in rows] != list(range(view.revision + 1, now.revision + 1)):
        return Broken("")
    named = [[(c, k) for c, k, _ in json.loads(row.changes)] for row in rows]
    found = _found(connection, {name for names in named for name in names})
    commits = [
        Commit(row.revision, row.write_id or "", [(*name, found.get(name)) for name in names])
        for row, names in zip(rows, named, strict=True)
    ]
    return applied(view, commits)


def _found(connection: sa.Connection, names: set[Name]) -> dict[Name, Document[Any]]:
    found: dict[Name, Document[Any]] = {}
    rest = iter(sorted(names))
    while some := list(islice(rest, _AT_ONCE)):
        query = sa.select(documents).where(_one_of(some))
        for row in connection.execute(query):
            found[row.collection, row.key] = _document(row)
    return found


def _one_of(names: Sequence[Name]) -> sa.ColumnElement[bool]:
    return sa.tuple_(documents.c.collection, documents.c.key).in_(names)


def _document(row: Any) -> Document[Any]:
    return Document(row.collection, row.key, row.revision, json.loads(row.body))
