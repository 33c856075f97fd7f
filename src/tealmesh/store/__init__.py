"""State: what is committed, at which revision, and who changed it."""

from tealmesh.store.store import AuditEntry, Document, Store, Transaction, View, key

__all__ = ["AuditEntry", "Document", "Store", "Transaction", "View", "key"]
