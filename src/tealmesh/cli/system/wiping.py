"""Deletes what a control plane keeps in its data directory, and nothing else.

What says that a directory is a control plane's goes last, so that a deletion which was interrupted
can be repeated.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from tealmesh.model.errors import TealError
from tealmesh.model.plane.locks import LOCK, Holder, locked

_MARKS = ("state.db", "up.json", "xds-token", "master-key")
"""Any of these says that a control plane has used the directory."""
_OURS = (
    "state.db*", "tasks", "load-balancers", "xds", "network", "moto.jsonl*", "teal.log*",
    "link-key*", "task-keys*", "callers.json*", "up.json.new", "xds-token.*",
    "master-key.*", "up.json", "master-key", "xds-token",
)  # fmt: skip
"""What control planes write, in the order in which it is deleted: without its state, a directory
needs no control plane to stop anything when the deletion is repeated."""


def check(directory: Path) -> None:
    """Raise TealError if ``directory`` is not a control plane's."""
    if not directory.is_dir():
        raise TealError(f"{directory}: there is no such directory, so there is nothing to reset")
    if not any((directory / mark).is_file() for mark in _MARKS):
        raise TealError(
            f"{directory} is not the data directory of a control plane: nothing was deleted; "
            "choose another --data-dir"
        )


def wipe(directory: Path) -> list[str]:
    """Delete what Tealmesh made in ``directory``, and the directory if nothing else is in it.
    Returns the names of what is left. Raises TealError while a control plane uses it.
    """
    opened = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    with locked(opened, lambda by: _still_used(directory, by)):
        for pattern in _OURS:
            for path in sorted(directory.glob(pattern)):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        (directory / LOCK).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # Something is left in it.
        directory.rmdir()
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


def _still_used(directory: Path, by: Holder) -> str:
    return f"a control plane still uses {directory}{by}: stop it with `teal down`"
