"""A stand-by of a PostgreSQL, which follows it by streaming replication and can take its place.

https://www.postgresql.org/docs/current/warm-standby.html
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.support.programs.postgres import USER, Server, plain
from tests.support.waiting import until


@contextlib.contextmanager
def stand_by(primary: Server, port: int = 0, *, synchronous: bool = False) -> Iterator[Server]:
    """A stand-by of ``primary``, which it reaches at ``port``, if that is another than its own.
    ``synchronous``: what the primary has acknowledged is there, too.
    """
    with tempfile.TemporaryDirectory(prefix="tealmesh-standby-") as directory:
        server = Server(Path(directory))
        server.copy(f"host=127.0.0.1 port={port or primary.port} user={USER}")
        server.start()
        until(lambda: _ask(primary, "SELECT count(*) FROM pg_stat_replication")[0])
        if synchronous:
            _ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            _ask(primary, "SELECT pg_reload_conf()")
            state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            until(lambda: _ask(primary, state)[0])
        try:
            yield server
        finally:
            server.stop()


def caught_up(primary: Server) -> bool:
    """Whether a stand-by has replayed all that there is."""
    query = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
    return bool(_ask(primary, query)[0])


def promote(server: Server) -> None:
    """Have a stand-by accept writes, and wait until it does."""
    assert _ask(server, "SELECT pg_promote(true, 60)")[0]


def either(*servers: Server) -> str:
    """The URL of whichever of them accepts writes."""
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql+psycopg://{USER}@/postgres?{hosts}&target_session_attrs=read-write"


def _ask(server: Server, statement: str) -> tuple[int, ...]:
    with psycopg.connect(plain(server.url), autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[arg-type]
        found = cursor.fetchone() if cursor.description else None
    return tuple(found or (0,))
