"""Documents, the immutable view of all at one revision, and a change to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from tealmesh.model.clock import Moment
from tealmesh.store.ordered import Ordered
from tealmesh.store.tables import Collection

B = TypeVar("B")

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""What stays as it is in a key, which is nearly always."""

_EMPTY: Mapping[str, Document[Any]] = Ordered({})

RECENT = 64
"""Revisions of which a view says what they changed."""


def key(*parts: str) -> str:
    """Join the parts of a document key; a part may hold any character."""
    return "/".join([part if _PLAIN(part) else quote(part, safe="") for part in parts])


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

Name = tuple[str, str]
"""Collection and key of a document."""

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
    recent: tuple[tuple[int, tuple[Name, ...]], ...] = ()
    """The latest revisions, oldest first, and what each wrote or deleted; see `changed_since`."""
    write_id: str = ""
    """Id of the write that made the revision."""
    epoch: str = ""
    """That of the database; another one after a backup was restored."""

    def get(self, collection: Collection[B], *parts: str) -> Document[B] | None:
        """The document with this key, or None."""
        return self.collections.get(collection, _EMPTY).get(key(*parts))

    def list(self, collection: Collection[B], *prefix: str) -> list[Document[B]]:
        """The documents whose key begins with these parts, sorted by key."""
        return _below(self.collections.get(collection, _EMPTY), prefix)

    def changed_since(self, revision: int) -> set[Name] | None:
        """What was written or deleted after ``revision``; None if that was too long ago to say."""
        if revision == self.revision:
            return set()
        if revision > self.revision or not self.recent or self.recent[0][0] > revision + 1:
            return None
        return {name for at, names in self.recent if at > revision for name in names}


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
        committed = self._base.list(collection, *prefix)
        own = {
            name: document
            for (owner, name), document in self._writes.items()
            if owner == collection and name.startswith(start)
        }
        if not own:
            return committed
        by_key: dict[str, Document[B] | None] = {**{d.key: d for d in committed}, **own}
        found = [by_key[name] for name in sorted(by_key)]
        return [document for document in found if document is not None]

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


@dataclass(frozen=True)
class Commit:
    """What one commit changed."""

    revision: int
    write_id: str
    changes: Sequence[Change]


def applied(base: View, commits: Sequence[Commit]) -> View:
    """The view after ``commits``, the oldest of which is first. Collections that did not change are
    shared, not copied.
    """
    collections = dict(base.collections)
    by_collection: dict[str, dict[str, Document[Any] | None]] = {}
    for commit in commits:
        for collection, name, document in commit.changes:
            by_collection.setdefault(collection, {})[name] = document
    for collection, changed in by_collection.items():
        collections[collection] = _ordered(collections.get(collection, _EMPTY)).changed(changed)
    recent = (*base.recent, *((c.revision, tuple(n[:2] for n in c.changes)) for c in commits))
    return replace(
        base,
        revision=commits[-1].revision,
        collections=collections,
        recent=recent[-RECENT:],
        write_id=commits[-1].write_id,
    )


def _ordered(documents: Mapping[str, Document[Any]]) -> Ordered[Document[Any]]:
    return documents if isinstance(documents, Ordered) else Ordered(documents)


def _below(documents: Mapping[str, Document[Any]], prefix: tuple[str, ...]) -> list[Document[Any]]:
    return _ordered(documents).below(key(*prefix) + "/" if prefix else "")
