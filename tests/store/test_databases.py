"""The store on both databases: what is written is there again after reopening."""

from __future__ import annotations

import asyncio

from tealmesh.store import Store


def test_a_store_is_opened_again_with_what_was_written(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        await store.write("ann", "Put", lambda tx: tx.put("c", "a", body={"n": 1}))
        await store.write("ann", "Put", lambda tx: tx.put("c", "b", body={"n": 2}))
        await store.write("ann", "Delete", lambda tx: tx.delete("c", "a"))
        store.close()

    asyncio.run(run())
    again = Store.open(database)
    assert [document.key for document in again.view.list("c")] == ["b"]
    assert again.revision == 3
    again.close()
