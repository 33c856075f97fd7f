"""Commits in one order, whichever replica makes them.

A change runs on the local view and is committed only if the database is still where the view is.
Else the database is locked for the moment, the view catches up, and the change runs again, which
then cannot fail for the same reason. All of this happens in one thread, the only one to replace the
view.

The answer to a COMMIT can be lost with its connection. Each write has an id, which its audit row
keeps, so that the next attempt finds out under the lock: a transaction that is still being
committed holds the lock until it is decided.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tealmesh.model.clock import Clock, Moment, MomentBody, NewId
from tealmesh.model.errors import DatabaseAway, TealError
from tealmesh.store.database.formats import FORMAT
from tealmesh.store.database.opening import Database, Unwritten
from tealmesh.store.database.outage import Outage
from tealmesh.store.database.schema import audit, documents, state
from tealmesh.store.fences import refuse_late
from tealmesh.store.following import Broken, Head, followed, head, loaded
from tealmesh.store.views import Change, Commit, Transaction, View, applied

T = TypeVar("T")

Check = Callable[[sa.Connection], None]
"""Runs in the transaction of a commit, and raises if there must be none."""

CHANNEL = "tealmesh"
"""Where each commit is announced to other replicas: its revision, and who made it."""

PATIENCE_SECONDS = 5.0
"""So long a database may be away before writes are refused. A restart of PostgreSQL takes less."""

_PAUSE_SECONDS = 0.1

_log = logging.getLogger(__name__)

# The statements of a commit, made once: making them costs more than running them.
_MOVE = sa.update(state).values(
    revision=sa.bindparam("new_revision"),
    write_id=sa.bindparam("new_write_id"),
    boot=sa.bindparam("new_boot"),
    at=sa.bindparam("new_at"),
)
_TAKE = _MOVE.where(
    state.c.revision == sa.bindparam("base_revision"),
    state.c.write_id == sa.bindparam("base_write_id"),
    state.c.epoch == sa.bindparam("base_epoch"),
    state.c.format == FORMAT,
)
_DELETE = sa.delete(documents).where(
    documents.c.collection == sa.bindparam("c"), documents.c.key == sa.bindparam("k")
)


def _upsert(insert: postgresql.Insert | sqlite.Insert) -> sa.Insert:
    new = {"revision": insert.excluded.revision, "body": insert.excluded.body}
    return insert.on_conflict_do_update(index_elements=["collection", "key"], set_=new)


# By whether the database is shared, that is, PostgreSQL. There, a commit is announced once it is
# made, and that without a question of its own.
_UPSERT = {True: _upsert(postgresql.insert(documents)), False: _upsert(sqlite.insert(documents))}
_AUDIT: Mapping[bool, sa.Executable] = {
    True: sa.insert(audit)
    .values({column.name: sa.bindparam(column.name) for column in audit.columns})
    .returning(sa.func.pg_notify(CHANNEL, sa.bindparam("announced"))),
    False: sa.insert(audit),
}


@dataclass(frozen=True)
class Order(Generic[T]):
    """A write that somebody wants."""

    actor: str
    operation: str
    change: Callable[[Transaction], T]
    fence: str = ""
    checks: tuple[Check, ...] = ()

    def run(self, transaction: Transaction) -> T:
        refuse_late(transaction, self.fence)
        return self.change(transaction)


@dataclass
class _Attempts(Generic[T]):
    """One write, from its first attempt on."""

    order: Order[T]
    write_id: str
    undecided: list[tuple[int, T]] = field(default_factory=list)
    """Revision and result of attempts whose COMMIT may have been made without our knowing."""


class Commits:
    """The view, and whoever replaces it. All methods but those of other threads' use are called in
    the one thread of writing.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        now: Callable[[], Moment],
        new_id: NewId,
        published: Callable[[], None],
        seen: Callable[[MomentBody], None],
    ) -> None:
        self.id = new_id()
        """Of this replica's view, in what it announces."""
        self._database = database
        self._clock = clock
        self._now = now
        self._new_id = new_id
        self._published = published
        self._seen = seen
        self._closing = threading.Event()
        self._unwritten = Outage()
        """Since when a server that answers has taken no commit: its disk is full, say. Smaller
        writes than these may succeed meanwhile."""
        with database.reading() as connection:
            self._see(head(connection))
            self.view = loaded(connection)

    def close(self) -> None:
        """Have writes that wait for the database end. For any thread."""
        self._closing.set()

    def write(self, order: Order[T]) -> T:
        """As `Store.write`."""
        if self._database.outage.lasts(PATIENCE_SECONDS):
            raise self._database.away()
        attempts = _Attempts(order, self._new_id())
        attempt = self._first
        while True:
            try:
                return attempt(attempts)
            except sa.exc.SQLAlchemyError as error:
                failure = self._failure(error, attempts)
                if isinstance(error, Unwritten):
                    self._unwritten.begins(str(failure))
                if not isinstance(failure, DatabaseAway) or not self._goes_on():
                    raise failure from error
            attempt = self._again

    def follow(self) -> None:
        """Have the view show all that is committed."""
        with self._database.reading(whole=False) as connection:
            step = self._step(connection, head(connection))
        if isinstance(step, Broken):
            self._load_anew(step)

    def _first(self, attempts: _Attempts[T]) -> T:
        """On the view as it is, without asking the database first."""
        base, order = self.view, attempts.order
        transaction = Transaction(base, self._now())
        try:
            result = order.run(transaction)
            changes = list(transaction.changes())
        except Exception:
            # It may have been refused for what another replica has changed since.
            if self._is_present(base):
                raise
            return self._again(attempts)
        if not changes:
            return result if self._is_present(base) else self._again(attempts)
        with self._database.writing() as connection:
            commit = self._taken(connection, base, attempts.write_id, changes)
            if commit is not None:
                self._record(connection, order, commit)
                attempts.undecided.append((commit.revision, result))
        if commit is None:
            return self._again(attempts)
        self._committed(base, commit)
        return result

    def _again(self, attempts: _Attempts[T]) -> T:
        """On what the database has, which nobody else changes meanwhile."""
        while True:
            commit = None
            with self._database.writing() as connection:
                base = self._step(connection, head(connection, locked=True))
                if isinstance(base, View):
                    for revision, made in attempts.undecided:
                        if _has(connection, revision, attempts.write_id):
                            return made
                    transaction = Transaction(base, self._now())
                    result = attempts.order.run(transaction)
                    if changes := list(transaction.changes()):
                        commit = self._taken(connection, base, attempts.write_id, changes)
                    if commit is not None:
                        self._record(connection, attempts.order, commit)
                        attempts.undecided.append((commit.revision, result))
            if isinstance(base, Broken):
                self._load_anew(base)
                continue
            if commit is not None:
                self._committed(base, commit)
            return result

    def _step(self, connection: sa.Connection, now: Head) -> View | Broken:
        """The view at ``now``, which is published."""
        if now.format != FORMAT:
            raise TealError(
                f"the database {self._database.name} has been changed to format {now.format} by "
                f"another version of Tealmesh, and this one writes format {FORMAT}: restart with "
                "the other one"
            )
        self._see(now)
        step = followed(connection, self.view, now)
        if isinstance(step, View) and step is not self.view:
            self._publish(step)
        return step

    def _load_anew(self, broken: Broken) -> None:
        """Begin with all that the database has. A view never goes back: where the database has not
        come as far as the view was, the next revision is one that nobody has seen.
        """
        former = self.view
        if broken.why:
            _log.warning(
                "the database %s does not continue revision %d: %s. Everything is read anew",
                self._database.name, former.revision, broken.why,
            )  # fmt: skip
            with self._database.writing() as connection:
                now = head(connection, locked=True)
                if now.revision <= former.revision and not now.is_of(former):
                    self._skip(connection, former.revision + 1)
        with self._database.reading() as connection:
            view = loaded(connection)
        self._publish(view)

    def _skip(self, connection: sa.Connection, revision: int) -> None:
        commit = Commit(revision, self._new_id(), ())
        connection.execute(_MOVE, self._head_of(commit))
        order: Order[None] = Order("tealmesh", "ReadAnew", lambda t: None)
        self._record(connection, order, commit)

    def is_present(self) -> bool:
        """Whether the view shows all that is committed, as far as one can know. In any thread."""
        return self._is_present(self.view)

    def _is_present(self, base: View) -> bool:
        if not self._database.shared:
            return True
        try:
            with self._database.glancing() as connection:
                return head(connection).is_of(base)
        except sa.exc.SQLAlchemyError as error:
            self._database.error(error, "")
            return True

    def _taken(
        self, connection: sa.Connection, base: View, write_id: str, changes: Sequence[Change]
    ) -> Commit | None:
        """Take the next revision; None if the database is not where ``base`` is."""
        commit = Commit(base.revision + 1, write_id, changes)
        where = {
            "base_revision": base.revision,
            "base_write_id": base.write_id,
            "base_epoch": base.epoch,
        }
        taken = connection.execute(_TAKE, {**where, **self._head_of(commit)})
        return commit if taken.rowcount == 1 else None

    def _head_of(self, commit: Commit) -> dict[str, object]:
        moment = self._now()
        return {
            "new_revision": commit.revision,
            "new_write_id": commit.write_id,
            "new_boot": moment.boot,
            "new_at": moment.at,
        }

    def _record(self, connection: sa.Connection, order: Order[Any], commit: Commit) -> None:
        for check in order.checks:
            check(connection)
        gone = [{"c": c, "k": k} for c, k, document in commit.changes if document is None]
        if gone:
            connection.execute(_DELETE, gone)
        rows = [
            {"collection": c, "key": k, "revision": commit.revision, "body": json.dumps(d.body)}
            for c, k, d in commit.changes
            if d is not None
        ]
        if rows:
            connection.execute(_UPSERT[self._database.shared], rows)
        summary = [[c, k, "delete" if d is None else "put"] for c, k, d in commit.changes]
        entry = {
            "revision": commit.revision,
            "at": self._clock(),
            "actor": order.actor,
            "operation": order.operation,
            "changes": json.dumps(summary),
            "write_id": commit.write_id,
        }
        if self._database.shared:
            entry["announced"] = f"{commit.revision} {self.id}"
        connection.execute(_AUDIT[self._database.shared], entry)

    def _failure(self, error: sa.exc.SQLAlchemyError, attempts: _Attempts[Any]) -> TealError:
        failure = self._database.error(error, f"{attempts.order.operation} could not be committed")
        if isinstance(failure, DatabaseAway) and attempts.undecided:
            return self._database.away("nobody knows whether it has taken the last change")
        return failure

    def _goes_on(self) -> bool:
        """Whether to try again, after a while."""
        closing = self._closing.wait(_PAUSE_SECONDS)
        out = (self._database.outage, self._unwritten)
        return not closing and not any(one.lasts(PATIENCE_SECONDS) for one in out)

    def _see(self, now: Head) -> None:
        if now.moment is not None:
            self._seen(now.moment)

    def _committed(self, base: View, commit: Commit) -> None:
        self._unwritten.ends()
        self._publish(applied(base, [commit]))

    def _publish(self, view: View) -> None:
        self.view = view
        self._published()


def _has(connection: sa.Connection, revision: int, write_id: str) -> bool:
    """Whether a revision is that of the write."""
    query = sa.select(audit.c.write_id).where(audit.c.revision == revision)
    return bool(connection.execute(query).scalar() == write_id)
