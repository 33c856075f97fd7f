"""Hears of the commits of other replicas, by LISTEN, and asks now and then in case it did not.

It is also what notices that the database is away, and that it is back. The connection is its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
from collections.abc import Callable
from typing import Any

from tealmesh.store.commits import CHANNEL
from tealmesh.store.database.opening import CONNECT_SECONDS, Database, reason_of

POLL_SECONDS = 1.0
"""At most so late is a commit heard of whose announcement was lost."""

_AGAIN_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Listening:
    """A thread that calls ``look`` whenever there may be something new, and at every poll.

    ``look`` is given revision, write and epoch of the database and must return at once. Nothing but
    `close` ends the thread: its errors are the outage of the database.
    """

    def __init__(
        self, database: Database, own: str, look: Callable[[tuple[int, str, str]], None]
    ) -> None:
        self._database = database
        self._own = own
        self._look = look
        self._woken, self._wake = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, which may be in the middle of connecting."""
        self._closing = True
        os.write(self._wake, b".")
        self._thread.join(CONNECT_SECONDS + 10)
        os.close(self._wake)
        os.close(self._woken)

    def _run(self) -> None:
        while not self._closing:
            try:
                with contextlib.closing(self._database.connection_apart()) as connection:
                    self._listen(connection)
            except self._database.driver_error as error:
                reason = reason_of(error)
                if not self._database.outage.reason:
                    _log.warning("the database %s is away: %s", self._database.name, reason)
                self._database.outage.begins(reason)
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                # A defect of ours must not leave a replica behind for ever.
                _log.exception("following the database %s failed", self._database.name)
                self._database.outage.begins(reason_of(error))
            self._wait(None, _AGAIN_SECONDS)

    def _listen(self, connection: Any) -> None:
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        while not self._closing:
            with self._database.limits.watching() as watched:
                watched.on(connection)
                found = connection.execute("SELECT revision, write_id, epoch FROM state").fetchone()
            if self._database.outage.reason:
                _log.warning("the database %s is back", self._database.name)
            self._database.outage.ends()
            self._look(found)
            while not self._closing and self._only_own(connection):
                if not self._wait(connection.fileno(), POLL_SECONDS):
                    break

    def _only_own(self, connection: Any) -> bool:
        """Whether nothing was announced, or only what this replica has committed itself."""
        heard = [note.payload.partition(" ")[2] for note in connection.notifies(timeout=0)]
        return all(who == self._own for who in heard)

    def _wait(self, connection: int | None, seconds: float) -> bool:
        """Whether something came from the database within so many seconds."""
        poller = select.poll()
        poller.register(self._woken, select.POLLIN)
        if connection is not None:
            poller.register(connection, select.POLLIN)
        ready = {number for number, _ in poller.poll(seconds * 1000)}
        return connection in ready
