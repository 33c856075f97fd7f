"""The rows of leases, in a transaction of whoever calls."""

from __future__ import annotations

import sqlalchemy as sa

from tealmesh.model.errors import LeaseLost
from tealmesh.replicas.leases.deciding import Row
from tealmesh.store.database.schema import leases


def read(connection: sa.Connection, name: str) -> Row | None:
    """A lease as it is; None if it has never been taken."""
    found = connection.execute(sa.select(leases).where(leases.c.name == name)).first()
    return None if found is None else Row(found.holder, found.number, found.beat)


def take(connection: sa.Connection, name: str, seen: Row | None, replica: str) -> int | None:
    """Take a lease that is still as it was ``seen``. Returns its fencing number; None if it is not
    so any more.
    """
    if seen is None:
        values = {"name": name, "holder": replica, "number": 1, "beat": 0}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(leases).values(**values))
        except sa.exc.IntegrityError:
            return None
        return 1
    number = seen.number + 1
    taken = connection.execute(
        sa.update(leases)
        .where(
            leases.c.name == name,
            leases.c.holder == seen.holder,
            leases.c.number == seen.number,
            leases.c.beat == seen.beat,
        )
        .values(holder=replica, number=number, beat=0)
    )
    return number if taken.rowcount else None


def renew(connection: sa.Connection, name: str, number: int) -> bool:
    """Renew a lease; False if somebody else has it by now."""
    renewed = connection.execute(
        sa.update(leases)
        .where(leases.c.name == name, leases.c.number == number)
        .values(beat=leases.c.beat + 1)
    )
    return bool(renewed.rowcount)


def release(connection: sa.Connection, name: str, number: int) -> None:
    """Let others take a lease at once, unless somebody has it already."""
    connection.execute(
        sa.update(leases)
        .where(leases.c.name == name, leases.c.number == number)
        .values(holder="", beat=leases.c.beat + 1)
    )


def check(connection: sa.Connection, name: str, number: int) -> None:
    """Raise LeaseLost if the lease has been taken since it had this number. Until the transaction
    ends nobody can take it: on PostgreSQL the row is locked against that, SQLite has one writer.
    """
    query = sa.select(leases.c.number, leases.c.holder).where(leases.c.name == name)
    found = connection.execute(query.with_for_update(read=True)).first()
    if found is None or found.number != number:
        by = f"was taken by replica {found.holder}" if found and found.holder else "was given up"
        raise LeaseLost(f"the lease {name!r} number {number} {by} meanwhile: nothing was written")
