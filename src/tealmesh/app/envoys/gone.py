"""Which Envoys will never connect again, as far as the store tells."""

from __future__ import annotations

from tealmesh.model.arn import last_part
from tealmesh.store import Store, tables


def known_gone(store: Store, envoy: str) -> bool:
    """Whether an Envoy is of a task that has stopped, or that its cluster, of which others are
    known, does not have any more.
    """
    parts = envoy.split("/")
    if len(parts) != 3 or not parts[0].endswith(":task"):
        return False
    document = store.view.get(tables.TASKS, parts[1], last_part(envoy))
    if document is not None:
        return document.body["lastStatus"] == "STOPPED"
    return bool(store.view.list(tables.TASKS, parts[1]))
