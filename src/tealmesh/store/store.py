"""Versioned documents: one order of changes, any number of readers of immutable views.

Every change is a function of a `Transaction` and runs in the single writer thread. It is committed
(SQLite: WAL, ``synchronous=FULL``) before its caller gets a result and before any view shows it.
Whoever acts on a view therefore acts on committed state: a ``kill -9`` at any moment loses nothing.

On PostgreSQL, other replicas commit too: the view follows them (`listening.py`), and a change that
ran on a view that was behind runs again (`commits.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from tealmesh.model.clock import (
    BootClock,
    Clock,
    Moment,
    MomentBody,
    NewId,
    random_id,
    system_boot,
    system_clock,
)
from tealmesh.model.errors import TealError
from tealmesh.model.identity import answering
from tealmesh.model.identity.answering import Answering
from tealmesh.model.rollout import fencing
from tealmesh.store import boots, history
from tealmesh.store.commits import Check, Commits, Order
from tealmesh.store.database.formats import prepare
from tealmesh.store.database.opening import Database, reason_of
from tealmesh.store.database.schema import audit, noted
from tealmesh.store.history import AuditEntry
from tealmesh.store.listening import Listening
from tealmesh.store.views import Transaction, View

T = TypeVar("T")

AUDIT_KEPT = 200_000
"""Audit entries, some 60 MB."""

_checks: ContextVar[tuple[Check, ...]] = ContextVar("store_checks", default=())


class Store:
    """The state of one control plane. Open it with `Store.open` and end with `close`."""

    def __init__(
        self,
        database: Database,
        clock: Clock = system_clock,
        boot_clock: BootClock = system_boot,
        new_id: NewId = random_id,
    ) -> None:
        self._database = database
        self._boot_clock = boot_clock
        self._began = boots.first(database, boot_clock())
        self._sightings = boots.sightings(database, boot_clock()["boot"])
        self._changed: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._commits = Commits(database, clock, self.now, new_id, self._published, self._seen)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._reader = ThreadPoolExecutor(max_workers=2, thread_name_prefix="store-reader")
        self._follows = False
        self._listening: Listening | None = None
        if database.shared:
            self._listening = Listening(database, self._commits.id, self._look)

    @classmethod
    def open(
        cls,
        url: str | Path,
        clock: Clock = system_clock,
        boot_clock: BootClock = system_boot,
        new_id: NewId = random_id,
    ) -> Store:
        """Open the database at a path or a URL, making what it lacks.

        Raises TealError if it cannot be opened or was written by a newer Tealmesh, DatabaseAway if
        it does not answer at present.
        """
        database = Database.at(url)
        try:
            with contextlib.ExitStack() as unused:
                unused.callback(database.close)
                prepare(database, new_id)
                store = cls(database, clock, boot_clock, new_id)
                unused.pop_all()
                return store
        except sa.exc.SQLAlchemyError as error:
            reason = reason_of(error)
            text = f"the state database {database.name} cannot be opened: {reason}"
            if any(word in reason for word in ("not a database", "malformed")):
                text += ": put it back from a backup, or start over with `teal reset`"
            raise database.failure(error)(text) from error
        except ValueError as error:
            raise TealError(
                f"the state database {database.name} cannot be read: {error}"
            ) from error

    @property
    def view(self) -> View:
        """The current committed state."""
        return self._commits.view

    @property
    def revision(self) -> int:
        """The revision of the current view."""
        return self._commits.view.revision

    @property
    def shared(self) -> bool:
        """Whether other replicas may use the database too."""
        return self._database.shared

    def away(self) -> str:
        """Why the database is away, so that nothing can be written; empty while it is there."""
        return self._database.outage.reason

    def refusing(self) -> str:
        """Why the database, which answers, takes no writes; empty while it does."""
        return self._database.refusing.reason

    def now(self) -> Moment:
        """The present moment, by which stored ones are judged."""
        present = self._boot_clock()
        elsewhere = self._sightings.placed if self._database.shared else None
        return Moment(present["boot"], present["at"], self._began["at"], elsewhere)

    async def write(self, actor: str, operation: str, change: Callable[[Transaction], T]) -> T:
        """Run ``change`` exclusively, commit what it wrote and return its result.

        ``change`` must have no effects besides its writes, as it runs again if another replica
        was quicker. If it raises, the exception is raised here and nothing is written; if it writes
        nothing, the revision stays the same. Raises TealError if the database refuses the commit,
        DatabaseAway if it has been away for some seconds, and ConflictException if the request that
        is answered was ordered by a deployment that has gone on since (`model.rollout.fencing`).
        """
        loop = asyncio.get_running_loop()
        if (call := answering.current.get()) is not None:
            change = _noting(change, call)
        order = Order(actor, operation, change, fencing.demanded.get(), _checks.get())
        job = loop.run_in_executor(self._writer, self._commits.write, order)
        job.add_done_callback(_seen)
        # Cancelling the caller must not interrupt a commit.
        return await asyncio.shield(job)

    @contextlib.contextmanager
    def guarded(self, check: Check) -> Iterator[None]:
        """Within the context, each commit runs ``check`` in its transaction of the database; if
        that raises, nothing is written and `write` raises the error.
        """
        token = _checks.set((*_checks.get(), check))
        try:
            yield
        finally:
            _checks.reset(token)

    @contextlib.contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction of the database for tables that are not part of the view, committed at the
        end of the context. Blocking; in any thread. Raises DatabaseAway if it does not answer.
        """
        try:
            with self._database.writing() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise self._database.error(error, f"{self._database.name} refuses") from error

    async def fresh(self) -> View:
        """The view, once it shows all that any replica had committed when this was called. If the
        database is away, the view as it is.
        """
        if self._database.shared and not self.away():
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(self._reader, self._commits.is_present):
                await loop.run_in_executor(self._writer, self._follow)
        return self.view

    async def watch(self) -> AsyncGenerator[View, None]:
        """Yield the current view, then the newest one after each change. A slow consumer skips
        the views in between.
        """
        event = asyncio.Event()
        with self.waking(event):
            yielded = -1
            while True:
                event.clear()
                view = self.view
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
        where = [audit.c.revision > after] if after else []
        where += [audit.c.revision < before] if before is not None else []
        where += [audit.c.actor == actor] if actor is not None else []
        return await self._read(history.entries, self._database, limit, without, *where)

    async def last_change_of(
        self, collection: str, *parts: str, without: Sequence[str] = ()
    ) -> AuditEntry | None:
        """The newest audit entry of a document, written or deleted, by others than ``without``."""
        where = history.of_document(collection, *parts)
        found = await self._read(history.entries, self._database, 1, without, where)
        return found[0] if found else None

    async def forget_audit(self, keep: int = AUDIT_KEPT) -> int:
        """Delete all audit entries but the newest ``keep``; returns how many."""
        return await self._read(history.forget, self._database, keep)

    async def forget_boots(self, many: int = boots.MANY) -> int:
        """If the database knows of more than ``many`` boots of machines, forget those of which it
        has no moment; returns how many. Only where several machines share it, there are several.
        """
        if not self._database.shared:
            return 0
        present = self._boot_clock()["boot"]
        gone = await self._read(boots.forget, self._database, self.view, present, many)
        self._sightings.forget(gone)
        return len(gone)

    def noted(self, file: str) -> bool:
        """Whether `note` was called for a file, by this or an earlier control plane."""
        with self.connect() as connection:
            return bool(connection.execute(sa.select(noted).where(noted.c.name == file)).first())

    def note(self, file: str) -> None:
        """Note that a file beside the database is part of the state. Blocking; in any thread."""
        with self.connect() as connection:
            connection.execute(sa.delete(noted).where(noted.c.name == file))
            connection.execute(sa.insert(noted).values(name=file))

    def close(self) -> None:
        """Wait for what is being written, then close the database."""
        self._commits.close()
        if self._listening is not None:
            self._listening.close()
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self._database.close()

    async def _read(self, ask: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reader, ask, *arguments)
        except sa.exc.SQLAlchemyError as error:
            raise self._database.error(error, "the history cannot be read") from error

    def _look(self, head: tuple[int, str, str]) -> None:
        """The listener has heard how far the database is."""
        view = self.view
        if head != (view.revision, view.write_id, view.epoch) and not self._follows:
            self._follows = True
            with contextlib.suppress(RuntimeError):  # the store is being closed
                self._writer.submit(self._follow)

    def _follow(self) -> None:
        self._follows = False
        try:
            self._commits.follow()
            boots.keep_sightings(self._database, self._boot_clock()["boot"], self._sightings)
        except sa.exc.SQLAlchemyError as error:
            # It is noted why; the next look of the listener tries again.
            self._database.error(error, "")

    def _seen(self, moment: MomentBody) -> None:
        """Another replica's commit has been seen, made at that moment of its clock."""
        present = self._boot_clock()
        if moment["boot"] != present["boot"]:
            self._sightings.see(moment, present["at"])

    def _published(self) -> None:
        for loop, event in list(self._changed):
            # A watcher's event loop may have just closed; the commit stands regardless.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)


def _seen(job: asyncio.Future[Any]) -> None:
    """Its caller may have been cancelled: asyncio would log its error as one that was forgotten."""
    if not job.cancelled():
        job.exception()


def _noting(change: Callable[[Transaction], T], call: Answering) -> Callable[[Transaction], T]:
    """``change``, which tells a call the revision of what it has written."""

    def noted(tx: Transaction) -> T:
        made = change(tx)
        if any(True for _ in tx.changes()):
            call.revision = tx.revision
        return made

    return noted
