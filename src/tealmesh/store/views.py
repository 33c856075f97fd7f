"""Documents, the immutable view of all at one revision, and a change to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from tealmesh.model.clock import Moment
from tealmesh.store.tables import Collection

B = TypeVar("B")

_EMPTY: Mapping[str, Document[Any]] = MappingProxyType({})


def key(*parts: str) -> str:
    """Join the parts of a document key; a part may hold any character."""
    return "/".join(quote(part, safe="") for part in parts)


@dataclass(frozen=True)
class Document(Generic[B]):
    """One stored JSON object."""

    collection: Collection[B]
    key: str
    """The parts of its key, joined by `key`."""
    revision: int
    """The revision that last wrote it."""
    body: B
    """Shared by all readers, so never changed in place: write a new body instead."""


_NO_MOMENT = Moment("", 0.0, 0.0)

Change = tuple[str, str, Document[Any] | None]
"""Collection, key, and the new document, or None if it was deleted."""


@dataclass(frozen=True)
class View:
    """The committed state at one revision."""

    revision: int
    collections: Mapping[str, Mapping[str, Document[Any]]]
    """Documents by collection, then by key."""
    loaded: int = 0
    """The revision of the database when it was opened."""
    touched: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The last change since then, by collection and first part of the key; see `last_change`."""

    def get(self, collection: Collection[B], *parts: str) -> Document[B] | None:
        """The document with this key, or None."""
        return self.collections.get(collection, _EMPTY).get(key(*parts))

    def last_change(self, collection: str, first: str) -> int:
        """The revision that last wrote or deleted a document below ``first``, that is, one whose
        key has several parts and begins with it. Earlier changes count as made when the store was
        opened, so that the number never decreases.
        """
        return self.touched.get((collection, key(first)), self.loaded)

    def list(self, collection: Collection[B], *prefix: str) -> list[Document[B]]:
        """The documents whose key begins with these parts, sorted by key."""
        by_key = self.collections.get(collection, _EMPTY)
        start = key(*prefix) + "/" if prefix else ""
        return [by_key[name] for name in sorted(by_key) if name.startswith(start)]


class Transaction:
    """An uncommitted change. It reads its own writes; nobody else sees them before the commit."""

    def __init__(self, base: View, moment: Moment = _NO_MOMENT) -> None:
        self.moment = moment
        """The present, for waits that this change begins or ends."""
        self.revision = base.revision + 1
        """The revision that the commit will have if anything is written."""
        self._base = base
        self._writes: dict[tuple[str, str], Document[Any] | None] = {}

    def get(self, collection: Collection[B], *parts: str) -> Document[B] | None:
        """As `View.get`, including this transaction's own writes."""
        name = key(*parts)
        if (collection, name) in self._writes:
            return self._writes[collection, name]
        return self._base.collections.get(collection, _EMPTY).get(name)

    def list(self, collection: Collection[B], *prefix: str) -> list[Document[B]]:
        """As `View.list`, including this transaction's own writes."""
        start = key(*prefix) + "/" if prefix else ""
        by_key = {d.key: d for d in self._base.list(collection, *prefix)}
        for (owner, name), document in self._writes.items():
            if owner != collection or not name.startswith(start):
                continue
            if document is None:
                by_key.pop(name, None)
            else:
                by_key[name] = document
        return [by_key[name] for name in sorted(by_key)]

    def put(self, collection: Collection[B], *parts: str, body: B) -> Document[B]:
        """Create or replace a document. ``body`` must be JSON-serialisable."""
        document = Document(collection, key(*parts), self.revision, body)
        self._writes[collection, document.key] = document
        return document

    def replace(self, document: Document[B], body: B) -> Document[B]:
        """Write a new body for a document that was read before."""
        new = Document(document.collection, document.key, self.revision, body)
        self._writes[new.collection, new.key] = new
        return new

    def delete(self, collection: Collection[Any], *parts: str) -> None:
        """Delete a document; does nothing if there is none."""
        name = key(*parts)
        if self._base.collections.get(collection, _EMPTY).get(name) is None:
            self._writes.pop((collection, name), None)
        else:
            self._writes[collection, name] = None

    def changes(self) -> Iterator[Change]:
        """What this transaction writes and deletes."""
        for (collection, name), document in self._writes.items():
            yield collection, name, document


Reader = View | Transaction
"""Anything that documents can be read from."""


def applied(base: View, revision: int, changes: Sequence[Change]) -> View:
    """The view after ``changes``. Collections that did not change are shared, not copied."""
    collections = dict(base.collections)
    copied: dict[str, dict[str, Document[Any]]] = {}
    touched = dict(base.touched)
    for collection, name, document in changes:
        first, several, _ = name.partition("/")
        if several:
            touched[collection, first] = revision
        if collection not in copied:
            copied[collection] = dict(base.collections.get(collection, _EMPTY))
        if document is None:
            copied[collection].pop(name, None)
        else:
            copied[collection][name] = document
    collections.update(copied)
    return View(revision, collections, base.loaded, MappingProxyType(touched))
