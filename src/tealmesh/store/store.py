"""Versioned documents: one writer, any number of readers of immutable views.

Every change is a function of a `Transaction` and runs in the single writer thread. It is committed
(SQLite: WAL, ``synchronous=FULL``) before its caller gets a result and before any view shows it.
Whoever acts on a view therefore acts on committed state: a ``kill -9`` at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from tealmesh.model.clock import BootClock, Clock, Moment, MomentBody, system_boot, system_clock
from tealmesh.model.errors import TealError
from tealmesh.model.rollout import fencing
from tealmesh.store.fences import refuse_late
from tealmesh.store.ordered import Ordered
from tealmesh.store.tables import audit, boots, documents, metadata, noted
from tealmesh.store.views import Change, Document, Transaction, View, applied, key

T = TypeVar("T")

FORMAT = 1
"""Version of the stored documents, kept in SQLite's ``user_version`` (0 counts as 1).

Renaming a collection, a member or a value in stored JSON makes older databases unreadable: such
a change raises this number and brings a migration. Adding an optional member does not.
"""


AUDIT_KEPT = 200_000
"""Audit entries, some 60 MB."""


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


class Store:
    """The state of one control plane. Open it with `Store.open` and end with `close`."""

    def __init__(
        self, engine: sa.Engine, clock: Clock = system_clock, boot_clock: BootClock = system_boot
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._boot_clock = boot_clock
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._view = _load(engine)
        self._began = self._first_of_boot()
        self._changed: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @classmethod
    def open(
        cls,
        url: str | Path,
        clock: Clock = system_clock,
        boot_clock: BootClock = system_boot,
    ) -> Store:
        """Open the database at a path or an SQLAlchemy URL, creating it if necessary.

        Raises TealError if it cannot be opened or was written by a newer Tealmesh.
        """
        text = str(url)
        if "://" not in text:
            _make_private(Path(text))
            text = f"sqlite:///{text}"
        try:
            engine = sa.create_engine(text)
            if engine.dialect.name == "sqlite":
                sa.event.listen(engine, "connect", _sqlite_pragmas)
                _check_format(engine)
            metadata.create_all(engine)
            return cls(engine, clock, boot_clock)
        except sa.exc.SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            shown = engine.url.render_as_string(hide_password=True)
            shown = shown.removeprefix("sqlite:///")
            text = f"the state database {shown} cannot be opened: {reason}"
            if any(word in str(reason) for word in ("not a database", "malformed")):
                text += ": put it back from a backup, or begin anew by `teal reset`"
            raise TealError(text) from error
        except ValueError as error:
            shown = engine.url.render_as_string(hide_password=True).removeprefix("sqlite:///")
            raise TealError(f"the state database {shown} cannot be read: {error}") from error

    @property
    def view(self) -> View:
        """The current committed state."""
        return self._view

    @property
    def revision(self) -> int:
        """The revision of the current view."""
        return self._view.revision

    def now(self) -> Moment:
        """The present moment, by which stored ones are judged."""
        present = self._boot_clock()
        return Moment(present["boot"], present["at"], self._began["at"])

    async def write(self, actor: str, operation: str, change: Callable[[Transaction], T]) -> T:
        """Run ``change`` exclusively, commit what it wrote and return its result.

        ``change`` must have no effects besides its writes. If it raises, the exception is raised
        here and nothing is written; if it writes nothing, the revision stays the same. Raises
        TealError if the database refuses the commit, and ConflictException if the request that is
        answered was ordered by a deployment that has gone on since (`model.rollout.fencing`).
        """
        loop = asyncio.get_running_loop()
        fence = fencing.demanded.get()
        job = loop.run_in_executor(self._writer, self._write, actor, operation, change, fence)
        # Cancelling the caller must not interrupt a commit.
        return await asyncio.shield(job)

    async def watch(self) -> AsyncGenerator[View, None]:
        """Yield the current view, then the newest one after each change. A slow consumer skips
        the views in between.
        """
        event = asyncio.Event()
        with self.waking(event):
            yielded = -1
            while True:
                event.clear()
                view = self._view
                if view.revision != yielded:
                    yielded = view.revision
                    yield view
                else:
                    await event.wait()

    @contextlib.contextmanager
    def waking(self, event: asyncio.Event) -> Iterator[None]:
        """Set ``event`` after each change, for as long as the context lasts."""
        entry = (asyncio.get_running_loop(), event)
        self._changed.add(entry)
        try:
            yield
        finally:
            self._changed.discard(entry)

    async def history(
        self,
        limit: int = 100,
        without: Sequence[str] = (),
        *,
        after: int = 0,
        before: int | None = None,
        actor: str | None = None,
    ) -> list[AuditEntry]:
        """Audit entries, newest first, without those of the actors ``without``. ``after`` and
        ``before`` are revisions; ``actor`` is the only one whose entries are wanted.
        """
        loop = asyncio.get_running_loop()
        where = [audit.c.revision > after] if after else []
        where += [audit.c.revision < before] if before is not None else []
        where += [audit.c.actor == actor] if actor is not None else []
        return await loop.run_in_executor(self._writer, self._history, limit, without, *where)

    async def last_change_of(
        self, collection: str, *parts: str, without: Sequence[str] = ()
    ) -> AuditEntry | None:
        """The newest audit entry of a document, written or deleted, by others than ``without``."""
        loop = asyncio.get_running_loop()
        # As `_insert` writes the triples of an entry.
        beginning = json.dumps([collection, key(*parts)])[:-1]
        where = audit.c.changes.contains(beginning + ",", autoescape=True)
        found = await loop.run_in_executor(self._writer, self._history, 1, without, where)
        return found[0] if found else None

    async def forget_audit(self, keep: int = AUDIT_KEPT) -> int:
        """Delete all audit entries but the newest ``keep``; returns how many."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._forget_audit, keep)

    def _forget_audit(self, keep: int) -> int:
        # One entry a revision.
        old = sa.delete(audit).where(audit.c.revision <= self._view.revision - keep)
        with self._engine.begin() as connection:
            return connection.execute(old).rowcount

    def close(self) -> None:
        """Wait for the writer to finish, then close the database."""
        self._writer.shutdown(wait=True)
        self._engine.dispose()

    def _write(
        self, actor: str, operation: str, change: Callable[[Transaction], T], fence: str
    ) -> T:
        transaction = Transaction(self._view, self.now())
        refuse_late(transaction, fence)
        result = change(transaction)
        changes = list(transaction.changes())
        if changes:
            self._commit(actor, operation, transaction.revision, changes)
            self._publish(applied(self._view, transaction.revision, changes))
        return result

    def noted(self, file: str) -> bool:
        """Whether `note` was called for a file, by this or an earlier control plane."""
        with self._engine.connect() as connection:
            return bool(connection.execute(sa.select(noted).where(noted.c.name == file)).first())

    def note(self, file: str) -> None:
        """Note that a file beside the database is part of the state. Blocking; in any thread."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(noted).where(noted.c.name == file))
            connection.execute(sa.insert(noted).values(name=file))

    def _first_of_boot(self) -> MomentBody:
        """When the database was first opened in this boot; noted if that is now."""
        present = self._boot_clock()
        with self._engine.begin() as connection:
            known = connection.execute(sa.select(boots)).first()
            if known is not None and known.boot == present["boot"]:
                return {"boot": known.boot, "at": known.at}
            connection.execute(sa.delete(boots))
            connection.execute(sa.insert(boots).values(**present))
        return present

    def _commit(
        self,
        actor: str,
        operation: str,
        revision: int,
        changes: Sequence[Change],
    ) -> None:
        try:
            self._insert(actor, operation, revision, changes)
        except sa.exc.SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise TealError(f"{operation} could not be committed: {reason}") from error

    def _insert(
        self,
        actor: str,
        operation: str,
        revision: int,
        changes: Sequence[Change],
    ) -> None:
        summary = [[c, k, "delete" if d is None else "put"] for c, k, d in changes]
        with self._engine.begin() as connection:
            for collection, name, document in changes:
                connection.execute(
                    sa.delete(documents).where(
                        documents.c.collection == collection, documents.c.key == name
                    )
                )
                if document is not None:
                    connection.execute(
                        sa.insert(documents).values(
                            collection=collection,
                            key=name,
                            revision=revision,
                            body=json.dumps(document.body),
                        )
                    )
            connection.execute(
                sa.insert(audit).values(
                    revision=revision,
                    at=self._clock(),
                    actor=actor,
                    operation=operation,
                    changes=json.dumps(summary),
                )
            )

    def _publish(self, view: View) -> None:
        self._view = view
        for loop, event in list(self._changed):
            # A watcher's event loop may have just closed; the commit stands regardless.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    def _history(
        self, limit: int, without: Sequence[str], *where: sa.ColumnElement[bool]
    ) -> list[AuditEntry]:
        query = sa.select(audit).where(audit.c.actor.not_in(without), *where)
        query = query.order_by(audit.c.revision.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [
                AuditEntry(r.revision, r.at, r.actor, r.operation, json.loads(r.changes))
                for r in connection.execute(query)
            ]


def _make_private(path: Path) -> None:
    """Create the database file readable only by its owner: stored environments may hold secrets.
    SQLite gives its journal files the same mode.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise TealError(f"the state database {path} cannot be opened: {error.strerror}") from error


def _check_format(engine: sa.Engine) -> None:
    """Mark a new database with our format; raise TealError if it has a later one."""
    with engine.begin() as connection:
        stored = connection.execute(sa.text("PRAGMA user_version")).scalar() or 0
        if stored > FORMAT:
            raise TealError(
                f"{engine.url.database} was written by a newer Tealmesh (format {stored}; this"
                f" version reads up to {FORMAT}): use that version, or choose another --data-dir"
            )
        if stored < FORMAT:
            connection.execute(sa.text(f"PRAGMA user_version = {FORMAT}"))


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def _load(engine: sa.Engine) -> View:
    collections: dict[str, dict[str, Document[Any]]] = {}
    with engine.connect() as connection:
        revision = connection.execute(sa.select(sa.func.max(audit.c.revision))).scalar() or 0
        for row in connection.execute(sa.select(documents)):
            document = Document(row.collection, row.key, row.revision, json.loads(row.body))
            collections.setdefault(row.collection, {})[row.key] = document
    ordered = {name: Ordered(found) for name, found in collections.items()}
    return View(revision, ordered, loaded=revision)
