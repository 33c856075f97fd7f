"""What a container of processes uses."""

from __future__ import annotations

from tealmesh.engine.runtimes.base import Handle, Usage
from tealmesh.engine.runtimes.proc import measure


def usage(handle: Handle) -> Usage | None:
    """Usage of all processes of the container's session except the shim; None if none is left."""
    shim = handle.get("shim")
    if not shim:
        return None
    return measure(lambda process: process.session == shim and process.pid != shim)
