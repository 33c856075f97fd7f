"""Which tasks carry traffic."""

from __future__ import annotations

from tealmesh.store import View, tables

_SERVING = frozenset({"RUN", "DRAIN", "DEREGISTER"})


def serving_tasks(view: View, mesh: str) -> list[str]:
    """The tasks whose Envoys carry traffic of ``mesh`` now: they must acknowledge a change even
    when they are not connected at the moment, as after a restart of the control plane.
    """
    return [
        document.body["taskArn"]
        for document in view.list(tables.TASKS)
        if document.body.get("teal", {}).get("phase") in _SERVING
        and document.body["lastStatus"] != "STOPPED"
        and (document.body["teal"].get("envoy") or {}).get("mesh") == mesh
    ]
