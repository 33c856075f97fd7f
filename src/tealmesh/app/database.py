"""Says that the database is away, or takes no writes, where all that does not work is said."""

from __future__ import annotations

import asyncio

from tealmesh.model.errors import DatabaseAway
from tealmesh.store import Store

_LOOK_SECONDS = 1.0


async def watch_database(store: Store) -> None:
    """Until cancelled; raises DatabaseAway, which names the trouble, while the database is away or
    takes no writes.
    """
    while True:
        if reason := store.away():
            raise DatabaseAway(
                f"the database is away ({reason}): Envoys keep what they have, and nothing can be "
                "changed"
            )
        if reason := store.refusing():
            raise DatabaseAway(f"the database takes no writes ({reason}): nothing can be changed")
        await asyncio.sleep(_LOOK_SECONDS)
