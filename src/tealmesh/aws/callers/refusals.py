"""Who was refused what, for the audit log.

Refusals must not fill the store, since anybody can cause them: they are counted in memory, and
written at most `AT_ONCE` every `PAUSE_SECONDS`, each under the name of who was refused.
"""

from __future__ import annotations

import asyncio
from functools import partial

from tealmesh.model.identity.refusals import RefusalBody
from tealmesh.store import Store, Transaction, tables

PAUSE_SECONDS = 60.0
"""Between two writes; the first refusal after a pause is written at once."""

AT_ONCE = 10
KEPT = 100
"""Names, at most."""

_LONGEST = 120


class Refusals:
    """Counts refusals; `run` writes them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, RefusalBody] = {}
        self._told = asyncio.Event()

    def tell(self, who: str, what: str, why: str) -> None:
        """Somebody was refused. Cheap, and never fails."""
        who = who[:_LONGEST]
        if who not in self._seen and len(self._seen) >= AT_ONCE:
            who = "others"
        count = self._seen[who]["count"] + 1 if who in self._seen else 1
        self._seen[who] = {"what": what[:_LONGEST], "why": why[:_LONGEST], "count": count}
        self._told.set()

    async def run(self) -> None:
        """Write what was told, until cancelled."""
        while True:
            await self._told.wait()
            await self.write()
            await asyncio.sleep(PAUSE_SECONDS)

    async def write(self) -> None:
        """Write what was told since the last time."""
        self._told.clear()
        seen, self._seen = self._seen, {}
        for who, body in seen.items():
            operation = f"refused:{body['what']}"
            await self._store.write(who, operation[:_LONGEST], partial(_add, who=who, body=body))


def _add(transaction: Transaction, who: str, body: RefusalBody) -> None:
    before = transaction.get(tables.REFUSALS, who)
    count = body["count"] + (before.body["count"] if before else 0)
    known = transaction.list(tables.REFUSALS)
    if before is None and len(known) >= KEPT:
        oldest = min(known, key=lambda one: one.revision)
        transaction.delete(tables.REFUSALS, *oldest.key)
    total: RefusalBody = {"what": body["what"], "why": body["why"], "count": count}
    transaction.put(tables.REFUSALS, who, body=total)
