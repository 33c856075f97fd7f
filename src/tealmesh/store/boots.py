"""What the database keeps of clocks: the first use in a boot, and what other boots' clocks show.

Where replicas come and go on ever new machines, so do boots. Once there are many of them, those are
forgotten of which the database has no moment. One that comes back begins anew, by which a wait may
end late, and never early.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tealmesh.model.clock import MomentBody
from tealmesh.store.database.opening import Database
from tealmesh.store.database.schema import boots, state
from tealmesh.store.database.schema import sightings as table
from tealmesh.store.sightings import Sightings
from tealmesh.store.views import View

MANY = 1_000
"""Rows of each table, up to which none is forgotten."""


def first(database: Database, present: MomentBody) -> MomentBody:
    """When the database was first opened in this boot; noted if that is now."""
    with database.writing() as connection:
        query = sa.select(boots).where(boots.c.boot == present["boot"])
        known = connection.execute(query).first()
        if known is not None:
            return {"boot": known.boot, "at": known.at}
        new = sa.insert(boots)
        if database.shared:
            new = postgresql.insert(boots).on_conflict_do_nothing()
        else:
            connection.execute(sa.delete(boots))
        connection.execute(new.values(**present))
    return present


def sightings(database: Database, watcher: str) -> Sightings:
    """What is known of the clocks of other boots."""
    query = sa.select(table).where(table.c.watcher == watcher)
    with database.reading() as connection:
        return Sightings({row.boot: row.offset for row in connection.execute(query)})


def keep_sightings(database: Database, watcher: str, seen: Sightings) -> None:
    """Have what was seen lately outlive a restart."""
    news = [{"watcher": watcher, "boot": b, "offset": o} for b, o in seen.news().items()]
    if not news:
        return
    insert = postgresql.insert(table)
    smaller = sa.func.least(table.c.offset, insert.excluded.offset)
    keep = insert.on_conflict_do_update(
        index_elements=["watcher", "boot"], set_={"offset": smaller}
    )
    with database.writing() as connection:
        connection.execute(keep, news)


def named(view: View) -> set[str]:
    """The boots of which a document has a moment."""
    found: set[str] = set()
    for collection in view.collections.values():
        for document in collection.values():
            found.update(_moments(document.body))
    return found


def forget(database: Database, view: View, present: str, many: int = MANY) -> set[str]:
    """If there are ``many``, forget the boots that neither a document of ``view`` nor the last
    commit names, besides the ``present`` one; returns them. Whoever watches from such a boot, or
    watches one, sees it anew.
    """
    with database.reading() as connection:
        tables = (boots, table)
        counts = [sa.select(sa.func.count()).select_from(one) for one in tables]
        if max(connection.execute(count).scalar_one() for count in counts) <= many:
            return set()
        known = set(connection.execute(sa.select(boots.c.boot)).scalars())
        for column in (table.c.watcher, table.c.boot):
            known.update(connection.execute(sa.select(column).distinct()).scalars())
        last = connection.execute(sa.select(state.c.boot)).scalar_one()
    gone = known - named(view) - {present, last}
    if not gone:
        return gone
    these = [{"gone": boot} for boot in sorted(gone)]
    with database.writing() as connection:
        for column in (boots.c.boot, table.c.watcher, table.c.boot):
            connection.execute(sa.delete(column.table).where(column == sa.bindparam("gone")), these)
    return gone


# Any: what JSON a document has is its collection's affair.
def _moments(body: Any) -> Iterator[str]:
    """The boots of the moments in a body (`MomentBody`)."""
    if isinstance(body, Mapping):
        boot = body.get("boot")
        if isinstance(boot, str) and "at" in body:
            yield boot
        body = body.values()
    elif not isinstance(body, list | tuple):
        return
    for one in body:
        yield from _moments(one)
