"""What the database keeps of clocks: the first use in a boot, and what other boots' clocks show."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tealmesh.model.clock import MomentBody
from tealmesh.store.database.opening import Database
from tealmesh.store.database.schema import boots
from tealmesh.store.database.schema import sightings as table
from tealmesh.store.sightings import Sightings


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
