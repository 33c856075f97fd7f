"""State: what is committed, at which revision, and who changed it."""

from tealmesh.store.store import Document, Store, Transaction, View, key

__all__ = ["Document", "Store", "Transaction", "View", "key"]
