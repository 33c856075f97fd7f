"""The state of a control plane: JSON documents in one SQLite file, versioned and audited.

Every write is a transaction in one writer thread. It gets the next revision and an audit entry,
and is on disk before anybody sees it. Readers get an immutable `View` of everything at one
revision: it is kept in memory, so that reading costs no query and takes no lock.

This is not a database layer: there are no queries, joins or indexes, and a document's body is
whatever JSON its owner stores. The types of the bodies are in `tealmesh.model`.

Begin with `Store.write` in `store.py`; `views.py` has what is read and changed. `tables.py` lists
the collections with their keys and types; `snapshot.py` makes the mesh snapshots that Envoys are
configured from.
"""

from tealmesh.store.history import AuditEntry
from tealmesh.store.store import Store
from tealmesh.store.views import Document, Reader, Transaction, View, key

__all__ = ["AuditEntry", "Document", "Reader", "Store", "Transaction", "View", "key"]
