"""What happened, for people: the audit's entries in words. Pure.

An entry says which documents a change has put or deleted; what is worth more words than that (a
router's last route that is served on) gets them here.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from tealmesh.store import AuditEntry, tables

OWN = ("engine",)
"""Who writes down what it sees, many times a second; left out unless it is asked for."""


def event(entry: AuditEntry) -> dict[str, Any]:
    """The entry as ListEvents answers it."""
    return {
        "revision": entry.revision,
        "at": entry.at,
        "actor": entry.actor,
        "operation": entry.operation,
        "message": "; ".join(_words(entry)),
    }


def _words(entry: AuditEntry) -> list[str]:
    lingering = [c for c in entry.changes if c[0] == tables.LINGERING_ROUTES]
    plain = [c for c in entry.changes if c[0] != tables.LINGERING_ROUTES]
    said = [
        f"{'deleted' if how == 'delete' else 'wrote'} {collection} {unquote(key)}"
        for collection, key, how in plain
    ]
    for _, key, how in lingering:
        mesh, router, route = (unquote(part) for part in key.split("/"))
        name = f"route {route} of router {router} in mesh {mesh}"
        if how == "put":
            said.append(f"{name} was its last: it is served for a while yet")
        elif plain:
            said.append(f"{name}, which was deleted before, is served no longer")
        else:
            said.append(f"{name}: no route took its place; its requests are refused now")
    return said
