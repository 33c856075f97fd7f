"""One database, SQLite or PostgreSQL: how it is reached, and what its errors mean.

PostgreSQL is shared by replicas and may be away. Whether it is, is known to `Database.outage`,
which whoever uses the database keeps informed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa

from tealmesh.model.errors import DatabaseAway, TealError
from tealmesh.store.database.limits import Limits
from tealmesh.store.database.outage import Outage, Refusing

_log = logging.getLogger(__name__)

CONNECT_SECONDS = 3
ANSWER_SECONDS = 8.0
"""Within which a commit, or a look at what is new, must be over."""

_POSTGRES = {
    "application_name": "tealmesh",
    "connect_timeout": CONNECT_SECONDS,
    # Of several hosts in the URL, the one that accepts writes: after a failover, the new primary.
    "target_session_attrs": "read-write",
    # A connection whose other end is gone is noticed in about five seconds.
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""Unless the URL has others, as documented at
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

_SESSION = (
    "SET statement_timeout = '10s'",
    "SET lock_timeout = '3s'",
    # Whoever stands still in the middle of a commit must not keep the others from theirs.
    "SET idle_in_transaction_session_timeout = '5s'",
)

_PASSING = {"08", "53", "57", "58"}
"""Classes of SQLSTATE that say nothing of the statement: no connection, no resources, an operator's
intervention, an error of the system (https://www.postgresql.org/docs/current/errcodes-appendix.html).
"""
_PASSING_STATES = {
    "25006",  # a stand-by, or a server that accepts no writes at present
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_timeout
}


SQLITE = b"SQLite format 3\x00"
"""How a file of SQLite begins (https://www.sqlite.org/fileformat.html)."""


class Unwritten(sa.exc.SQLAlchemyError):
    """A database that answers has not taken what was written."""

    def __init__(self, error: sa.exc.SQLAlchemyError) -> None:
        super().__init__(str(error))
        self.orig = getattr(error, "orig", None)


class Database:
    """One database, and whether it is there and takes writes."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.outage = Outage()
        self.refusing = Refusing()
        self.limits = Limits(ANSWER_SECONDS)
        self.shared = engine.dialect.name == "postgresql"
        """Whether other machines may use it too."""
        self.name = shown(engine.url)
        """What people know it by: a path, or a URL without its password."""

    @classmethod
    def at(cls, place: str | Path) -> Database:
        """The database at a path or a URL. Raises TealError if it is neither; nothing is connected
        to yet.
        """
        url, file = _place(place)
        if file is not None:
            _make_private(file)
            engine = sa.create_engine(url)
            sa.event.listen(engine, "connect", _sqlite_session)
            return cls(engine)
        settings = {name: value for name, value in _POSTGRES.items() if name not in url.query}
        engine = sa.create_engine(
            url, connect_args=settings, pool_size=4, max_overflow=8, pool_timeout=5
        )
        sa.event.listen(engine, "connect", _postgres_session)
        sa.event.listen(engine, "checkout", _still_there)
        return cls(engine)

    @property
    def driver_error(self) -> type[Exception]:
        """The base of what the driver raises, for whoever uses its connections themselves."""
        error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        return error

    def connection_apart(self) -> Any:
        """A connection of the driver that is not one of the pool, with the same settings."""
        dialect = self.engine.dialect
        positional, named = dialect.create_connect_args(self.engine.url)
        return dialect.connect(*positional, **{**_POSTGRES, **named})

    @contextlib.contextmanager
    def reading(self, *, whole: bool = True) -> Iterator[sa.Connection]:
        """A transaction that reads the database as it is at one moment: the ``whole`` of it,
        however long that takes, or only a little.
        """
        with self.limits.watching() as watched, self.engine.connect() as connection:
            if self.shared:
                if not whole:
                    watched.on(connection.connection.driver_connection)
                connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    if whole:
                        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                    yield connection
            else:
                # sqlite3 itself begins a transaction only where something is written.
                connection.exec_driver_sql("BEGIN")
                yield connection
        self.outage.ends()

    @contextlib.contextmanager
    def glancing(self) -> Iterator[sa.Connection]:
        """For single questions, without a transaction."""
        with self.limits.watching() as watched, self.engine.connect() as connection:
            watched.on(connection.connection.driver_connection)
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end of the context."""
        with self.limits.watching() as watched:
            try:
                with self.engine.begin() as connection:
                    if self.shared:
                        watched.on(connection.connection.driver_connection)
                    else:
                        connection.exec_driver_sql("BEGIN IMMEDIATE")
                    yield connection
            except sa.exc.SQLAlchemyError as error:
                if self.shared and _passes(error) and (watched.cut or _answered(error)):
                    raise Unwritten(error) from error
                raise
        self.outage.ends()
        if self.refusing.succeeded():
            _log.warning("the database %s takes writes again", self.name)

    def error(self, error: sa.exc.SQLAlchemyError, what: str) -> TealError:
        """What is told of an error: DatabaseAway if it may pass by itself, which is noted. ``what``
        says what could not be done.
        """
        reason = reason_of(error)
        if isinstance(error, Unwritten):
            if self.refusing.failed(reason):
                _log.warning("the database %s takes no writes: %s", self.name, reason)
            return self.away()
        if self.failure(error) is DatabaseAway:
            self.outage.begins(reason)
            return self.away()
        return TealError(f"{what}: {reason}")

    def failure(self, error: sa.exc.SQLAlchemyError) -> type[TealError]:
        """DatabaseAway if an error may pass by itself, else TealError."""
        return DatabaseAway if self.shared and _passes(error) else TealError

    def away(self, more: str = "nothing was changed") -> DatabaseAway:
        """The error for whoever cannot write at present."""
        if away := self.outage.reason:
            return DatabaseAway(f"the database {self.name} is away ({away}): {more}; try again")
        refused = self.refusing.reason
        return DatabaseAway(
            f"the database {self.name} takes no writes ({refused}): {more}; try again"
        )

    def close(self) -> None:
        self.limits.close()
        self.engine.dispose()


def shown(url: sa.URL) -> str:
    """A path, or a URL without anything secret."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    secret = [name for name in url.query if "password" in name]
    url = url.set(drivername=url.get_backend_name())
    return url.difference_update_query(secret).render_as_string(hide_password=True)


def reason_of(error: BaseException) -> str:
    """The first line of an error of the database, without the statement and its values."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _answered(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether the server itself has refused it, and keeps the connection."""
    known = isinstance(error, sa.exc.DBAPIError) and not error.connection_invalidated
    return known and getattr(getattr(error, "orig", None), "sqlstate", None) is not None


def _passes(error: sa.exc.SQLAlchemyError) -> bool:
    if isinstance(error, sa.exc.TimeoutError | Unwritten):
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # Errors of the connection itself have none.
        return isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
    return state[:2] in _PASSING or state in _PASSING_STATES or error.connection_invalidated


def file_of(place: str | Path) -> Path | None:
    """The file of SQLite at a path or a URL; None for another database. Raises TealError."""
    return _place(place)[1]


def _place(place: str | Path) -> tuple[sa.URL, Path | None]:
    """The URL of a database, and its file if it is SQLite's."""
    text = str(place)
    url = _url(text if "://" in text else f"sqlite:///{text}")
    if url.get_backend_name() != "sqlite":
        return url, None
    if not url.database or url.database == ":memory:":
        raise TealError(f"{text!r}: must name a file, as sqlite:////var/lib/teal/state.db")
    return url, Path(url.database)


def _url(text: str) -> sa.URL:
    """Raises TealError, without the text, which may have a password, if it is no URL of ours."""
    allowed = "must be a path, sqlite:////PATH or postgresql://USER@HOST:PORT/DATABASE"
    try:
        url = sa.make_url(_hosts_apart(text))
    except (sa.exc.ArgumentError, ValueError):
        raise TealError(f"the URL of the database cannot be read: it {allowed}") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite":
        return url
    raise TealError(f"the database {shown(url)} is {url.drivername!r}: it {allowed}")


def _hosts_apart(text: str) -> str:
    """The URL with several hosts as SQLAlchemy reads them, where it has them as libpq does:
    ``postgresql://USER@HOST:PORT,HOST:PORT/DATABASE``.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
    """
    scheme, _, rest = text.partition("://")
    place, slash, path = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    if scheme == "sqlite" or "," not in hosts:
        return text
    parts = [urlsplit(f"//{host}") for host in hosts.split(",")]
    listed = {
        "host": ",".join(part.hostname or "" for part in parts),
        "port": ",".join(str(part.port or "") for part in parts),
    }
    between = "&" if "?" in path else "?"
    return f"{scheme}://{user}{at}{slash or '/'}{path}{between}{urlencode(listed)}"


def _make_private(path: Path) -> None:
    """Create the database file readable only by its owner: stored environments may hold secrets.
    SQLite gives its journal files the same mode.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise TealError(f"the state database {path} cannot be opened: {error.strerror}") from error


def _sqlite_session(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def _still_there(connection: Any, _record: object, _proxy: object) -> None:
    """A pooled connection on which something has arrived unasked has been ended by the server: all
    of the same age are replaced.
    """
    if _readable(connection.fileno()):
        raise sa.exc.InvalidatePoolError


def _readable(number: int) -> bool:
    poller = select.poll()
    poller.register(number, select.POLLIN)
    return bool(poller.poll(0))


def _postgres_session(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("; ".join(_SESSION))
    connection.commit()
