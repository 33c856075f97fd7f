"""Writes down which workers fail and which work again, so that `teal events` tells."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from tealmesh.model.errors import TealError
from tealmesh.model.teal import TroubleBody
from tealmesh.store import Store, Transaction, tables
from tealmesh.supervision.trouble import Trouble

_log = logging.getLogger(__name__)

_KEPT_CHARACTERS = 300
"""Of an error: the key of a document has room for it."""


class TroubleLog:
    """One document for each worker that fails, named by the worker and its error."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._news: asyncio.Queue[tuple[Literal["fails", "works"], Trouble]] = asyncio.Queue()

    def tell(self, how: Literal["fails", "works"], trouble: Trouble) -> None:
        """Have it written, soon."""
        self._news.put_nowait((how, trouble))

    async def run(self) -> None:
        """Write what is told, until cancelled. What an earlier control plane failed at is over."""
        await self._store.write("tealmesh", "ForgetTroubles", _forget_all)
        while True:
            how, trouble = await self._news.get()

            def change(
                tx: Transaction, fails: bool = how == "fails", trouble: Trouble = trouble
            ) -> None:
                for document in tx.list(tables.TROUBLES, trouble.worker):
                    tx.delete(tables.TROUBLES, trouble.worker, document.body["error"])
                if fails:
                    error = trouble.error[:_KEPT_CHARACTERS]
                    body: TroubleBody = {
                        "worker": trouble.worker, "error": error, "since": trouble.since,
                    }  # fmt: skip
                    tx.put(tables.TROUBLES, trouble.worker, error, body=body)

            try:
                await self._store.write("tealmesh", "WorkerTrouble", change)
            except TealError as error:
                # A full disk, say: `teal doctor` and the log tell of it all the same.
                _log.warning("not written down that %s %s: %s", trouble.worker, how, error)


def _forget_all(tx: Transaction) -> None:
    for document in tx.list(tables.TROUBLES):
        tx.delete(tables.TROUBLES, document.body["worker"], document.body["error"])
