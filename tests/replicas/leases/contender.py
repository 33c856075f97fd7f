"""A replica of its own, for tests that stop and kill one: under its lease it writes a line a moment
into a table, as the store does: each write checks the lease in its transaction.

``python -m tests.replicas.leases.contender URL NAME``. It says ``NAME works NUMBER`` when it begins
to, and ``NAME refused`` for a write that was.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import sqlalchemy as sa

from tealmesh.model.clock import steady_clock
from tealmesh.model.errors import LeaseLost
from tealmesh.model.plane import leases
from tealmesh.replicas.leases.deciding import Terms
from tealmesh.replicas.leases.holder import Leases
from tealmesh.store.database.schema import metadata

TERMS = Terms(expires=1.5, lasts=1.0, renewed=0.2)
OPTIONS = "-c idle_in_transaction_session_timeout=500 -c lock_timeout=500"
"""As the store's, but shorter: one that stands still in a transaction does not keep the lease."""
WRITTEN = sa.table("written", sa.column("number"), sa.column("name"))

Check = Callable[[sa.Connection], None]
_check: ContextVar[Check | None] = ContextVar("check", default=None)


@contextlib.contextmanager
def guard(check: Check) -> Iterator[None]:
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


async def run(url: str, name: str) -> None:
    engine = sa.create_engine(url, connect_args={"options": OPTIONS}, pool_pre_ping=True)
    metadata.create_all(engine)
    own = Leases(engine.begin, guard, name, steady_clock, sole=False, terms=TERMS)

    def write(check: Check | None, number: int) -> None:
        with engine.begin() as connection:
            if check is not None:
                check(connection)
            connection.execute(sa.insert(WRITTEN).values(number=number, name=name))

    async def work() -> None:
        lease = leases.held.get()
        assert lease is not None
        print(f"{name} works {lease.number}", flush=True)
        while True:
            try:
                await asyncio.to_thread(write, _check.get(), lease.number)
            except LeaseLost:
                print(f"{name} refused", flush=True)
                raise
            except sa.exc.SQLAlchemyError:
                print(f"{name} was too slow", flush=True)
            await asyncio.sleep(0.01)

    try:
        await own.run_leased("rollouts", work)
    finally:
        await own.close()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
