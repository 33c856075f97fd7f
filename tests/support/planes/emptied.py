"""A store for the next test."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

from tealmesh.store import Store, Transaction, tables


def empty(store: Store) -> None:
    """Delete every document."""
    documents = [(name, key) for name, keys in store.view.collections.items() for key in keys]

    def delete(transaction: Transaction) -> None:
        for name, key in documents:
            transaction.delete(tables.Collection(name), *map(unquote, key.split("/")))

    asyncio.run(store.write("test", "empty", delete))
