"""The audit's entries as events for people. Pure.

An entry lists the documents that a change wrote or deleted. The last route of a router, which
Envoys keep for a while after it is deleted (`apis.appmesh.grace`), is described in words.
"""

from __future__ import annotations

from urllib.parse import unquote

from tealmesh.model import wire
from tealmesh.store import AuditEntry, tables

ENGINE_ACTORS = ("engine",)
"""The actors that write what they observe, many times a second: left out unless ``all`` is set."""


def event(entry: AuditEntry) -> wire.Event:
    """The entry as ListEvents answers it."""
    return {
        "revision": entry.revision,
        "at": entry.at,
        "actor": entry.actor,
        "operation": entry.operation,
        "message": "; ".join(_describe(entry)),
    }


def _describe(entry: AuditEntry) -> list[str]:
    lingering = [c for c in entry.changes if c[0] == tables.LINGERING_ROUTES]
    plain = [c for c in entry.changes if c[0] != tables.LINGERING_ROUTES]
    messages = [
        f"{'deleted' if how == 'delete' else 'wrote'} {collection} {unquote(key)}"
        for collection, key, how in plain
    ]
    for _, key, how in lingering:
        mesh, router, route = (unquote(part) for part in key.split("/"))
        name = f"route {route} of router {router} in mesh {mesh}"
        if how == "put":
            messages.append(f"{name} was the router's last: Envoys serve it a little longer")
        elif plain:
            messages.append(f"{name}, deleted earlier, is no longer served")
        else:
            messages.append(f"{name} was not replaced in time: its requests are refused now")
    return messages
