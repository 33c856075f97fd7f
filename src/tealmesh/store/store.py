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
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import sqlalchemy as sa

from tealmesh.model.clock import BootClock, Clock, Moment, MomentBody, system_boot, system_clock
from tealmesh.model.errors import TealError
from tealmesh.store.tables import Collection, audit, boots, documents, metadata, noted

B = TypeVar("B")
T = TypeVar("T")

FORMAT = 1
"""Version of the stored documents, kept in SQLite's ``user_version`` (0 counts as 1).

Renaming a collection, a member or a value in stored JSON makes older databases unreadable: such
a change raises this number and brings a migration. Adding an optional member does not.
"""

_EMPTY: Mapping[str, Document[Any]] = MappingProxyType({})


def key(*parts: str) -> str:
    """Join the parts of a document key; a part may hold any character."""
    return "/".join(quote(part, safe="") for part in parts)


@dataclass(frozen=True)
class Document(Generic[B]):
    """One stored JSON object."""

    collection: Collection[B]
    key: str
    """The parts of its key, joined by `key`."""
    revision: int
    """The revision that last wrote it."""
    body: B
    """Shared by all readers, so never changed in place: write a new body instead."""


_NO_MOMENT = Moment("", 0.0, 0.0)

Change = tuple[str, str, Document[Any] | None]
"""Collection, key, and the new document, or None if it was deleted."""


@dataclass(frozen=True)
class View:
    """The committed state at one revision."""

    revision: int
    collections: Mapping[str, Mapping[str, Document[Any]]]
    """Documents by collection, then by key."""
    loaded: int = 0
    """The revision of the database when it was opened."""
    touched: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The last change since then, by collection and first part of the key; see `last_change`."""

    def get(self, collection: Collection[B], *parts: str) -> Document[B] | None:
        """The document with this key, or None."""
        return self.collections.get(collection, _EMPTY).get(key(*parts))

    def last_change(self, collection: str, first: str) -> int:
        """The revision that last wrote or deleted a document below ``first``, that is, one whose
        key has several parts and begins with it. Earlier changes count as made when the store was
        opened, so that the number never decreases.
        """
        return self.touched.get((collection, key(first)), self.loaded)

    def list(self, collection: Collection[B], *prefix: str) -> list[Document[B]]:
        """The documents whose key begins with these parts, sorted by key."""
        by_key = self.collections.get(collection, _EMPTY)
        start = key(*prefix) + "/" if prefix else ""
        return [by_key[name] for name in sorted(by_key) if name.startswith(start)]


class Transaction:
    """An uncommitted change. It reads its own writes; nobody else sees them before the commit."""

    def __init__(self, base: View, moment: Moment = _NO_MOMENT) -> None:
        self.moment = moment
        """The present, for waits that this change begins or ends."""
        self.revision = base.revision + 1
        """The revision that the commit will have if anything is written."""
        self._base = base
        self._writes: dict[tuple[str, str], Document[Any] | None] = {}

    def get(self, collection: Collection[B], *parts: str) -> Document[B] | None:
        """As `View.get`, including this transaction's own writes."""
        name = key(*parts)
        if (collection, name) in self._writes:
            return self._writes[collection, name]
        return self._base.collections.get(collection, _EMPTY).get(name)

    def list(self, collection: Collection[B], *prefix: str) -> list[Document[B]]:
        """As `View.list`, including this transaction's own writes."""
        start = key(*prefix) + "/" if prefix else ""
        by_key = {d.key: d for d in self._base.list(collection, *prefix)}
        for (owner, name), document in self._writes.items():
            if owner != collection or not name.startswith(start):
                continue
            if document is None:
                by_key.pop(name, None)
            else:
                by_key[name] = document
        return [by_key[name] for name in sorted(by_key)]

    def put(self, collection: Collection[B], *parts: str, body: B) -> Document[B]:
        """Create or replace a document. ``body`` must be JSON-serialisable."""
        document = Document(collection, key(*parts), self.revision, body)
        self._writes[collection, document.key] = document
        return document

    def replace(self, document: Document[B], body: B) -> Document[B]:
        """Write a new body for a document that was read before."""
        new = Document(document.collection, document.key, self.revision, body)
        self._writes[new.collection, new.key] = new
        return new

    def delete(self, collection: Collection[Any], *parts: str) -> None:
        """Delete a document; does nothing if there is none."""
        name = key(*parts)
        if self._base.collections.get(collection, _EMPTY).get(name) is None:
            self._writes.pop((collection, name), None)
        else:
            self._writes[collection, name] = None

    def changes(self) -> Iterator[Change]:
        """What this transaction writes and deletes."""
        for (collection, name), document in self._writes.items():
            yield collection, name, document


Reader = View | Transaction
"""Anything that documents can be read from."""


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
        TealError if the database refuses the commit.
        """
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(self._writer, self._write, actor, operation, change)
        # Cancelling the caller must not interrupt a commit.
        return await asyncio.shield(job)

    async def watch(self) -> AsyncGenerator[View, None]:
        """Yield the current view, then the newest one after each change. A slow consumer skips
        the views in between.
        """
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        self._changed.add(entry)
        try:
            yielded = -1
            while True:
                event.clear()
                view = self._view
                if view.revision != yielded:
                    yielded = view.revision
                    yield view
                else:
                    await event.wait()
        finally:
            self._changed.discard(entry)

    async def history(self, limit: int = 100, without: Sequence[str] = ()) -> list[AuditEntry]:
        """Audit entries, newest first, without those of the actors ``without``."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._history, limit, without)

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

    def close(self) -> None:
        """Wait for the writer to finish, then close the database."""
        self._writer.shutdown(wait=True)
        self._engine.dispose()

    def _write(self, actor: str, operation: str, change: Callable[[Transaction], T]) -> T:
        transaction = Transaction(self._view, self.now())
        result = change(transaction)
        changes = list(transaction.changes())
        if changes:
            self._commit(actor, operation, transaction.revision, changes)
            self._publish(_applied(self._view, transaction.revision, changes))
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
    return View(revision, collections, loaded=revision)


def _applied(base: View, revision: int, changes: Sequence[Change]) -> View:
    """The view after ``changes``. Collections that did not change are shared, not copied."""
    collections = dict(base.collections)
    copied: dict[str, dict[str, Document[Any]]] = {}
    touched = dict(base.touched)
    for collection, name, document in changes:
        first, several, _ = name.partition("/")
        if several:
            touched[collection, first] = revision
        if collection not in copied:
            copied[collection] = dict(base.collections.get(collection, _EMPTY))
        if document is None:
            copied[collection].pop(name, None)
        else:
            copied[collection][name] = document
    collections.update(copied)
    return View(revision, collections, base.loaded, MappingProxyType(touched))
