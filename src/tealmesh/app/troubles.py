"""Writes down which workers fail and which work again, so that `teal events` tells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Set
from functools import partial
from typing import Literal

from tealmesh.model.errors import TealError
from tealmesh.model.teal import TroubleBody
from tealmesh.store import Store, Transaction, tables
from tealmesh.supervision.trouble import Trouble

_log = logging.getLogger(__name__)

_KEPT_CHARACTERS = 300
"""Of an error: the key of a document has room for it."""


_NONE = ("",)
"""Whose troubles are that were written by a version without replicas in them: nobody's."""

Gone = Callable[[Iterable[str]], Set[str]]
"""Which of some replicas are dead, or not known."""

_LOOK_SECONDS = 10.0
"""How often it is looked for troubles of replicas that are dead."""


class TroubleLog:
    """One document for each worker that fails, named by the worker and its error."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._news: asyncio.Queue[tuple[Literal["fails", "works"], Trouble]] = asyncio.Queue()

    def tell(self, how: Literal["fails", "works"], trouble: Trouble) -> None:
        """Have it written, soon."""
        self._news.put_nowait((how, trouble))

    async def run(self, replica: str, gone: Gone | None = None) -> None:
        """Write what is told of this ``replica``, until cancelled. What an earlier control plane
        failed at is over; where there may be others, only that of those that are ``gone``.
        """
        if gone is None:
            mine = partial(_forget, lambda one: one == replica)
            await self._store.write("tealmesh", "ForgetTroubles", mine)
            await self._write(replica)
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(replica))
            group.create_task(self._forget_the_gone(gone))

    async def _write(self, replica: str) -> None:
        while True:
            how, trouble = await self._news.get()
            change = partial(_change, how == "fails", trouble, replica)
            try:
                await self._store.write("tealmesh", "WorkerTrouble", change)
            except TealError as error:
                # A full disk, say: `teal doctor` and the log tell of it all the same.
                _log.warning("not written down that %s %s: %s", trouble.worker, how, error)

    async def _forget_the_gone(self, gone: Gone) -> None:
        while True:
            told = self._store.view.list(tables.TROUBLES)
            named = {one for document in told for one in document.body.get("replicas", _NONE)}
            if over := gone(named):
                change = partial(_forget, partial(_stays, over))
                with contextlib.suppress(TealError):  # it is looked again
                    await self._store.write("tealmesh", "ForgetTroubles", change)
            await asyncio.sleep(_LOOK_SECONDS)


def _change(fails: bool, trouble: Trouble, replica: str, tx: Transaction) -> None:
    """A worker of a replica fails by this error, or works."""
    for document in tx.list(tables.TROUBLES, trouble.worker):
        others = [one for one in document.body.get("replicas", ()) if one != replica]
        _keep(tx, document.body, others)
    if fails:
        error = trouble.error[:_KEPT_CHARACTERS]
        known = tx.get(tables.TROUBLES, trouble.worker, error)
        others = known.body.get("replicas", []) if known is not None else []
        body: TroubleBody = {
            "worker": trouble.worker, "error": error, "since": trouble.since,
            "replicas": [*others, replica],
        }  # fmt: skip
        tx.put(tables.TROUBLES, trouble.worker, error, body=body)


def _forget(stays: Callable[[str], bool], tx: Transaction) -> None:
    """Keep only the troubles of those that stay."""
    for document in tx.list(tables.TROUBLES):
        _keep(tx, document.body, list(filter(stays, document.body.get("replicas", _NONE))))


def _stays(gone: Set[str], replica: str) -> bool:
    return replica not in gone


def _keep(tx: Transaction, body: TroubleBody, replicas: list[str]) -> None:
    """A trouble of these replicas, or of none any more."""
    if not replicas:
        tx.delete(tables.TROUBLES, body["worker"], body["error"])
    elif replicas != body.get("replicas"):
        told: TroubleBody = {**body, "replicas": replicas}
        tx.put(tables.TROUBLES, body["worker"], body["error"], body=told)
