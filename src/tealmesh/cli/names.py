"""Short names for people: of Envoys and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.arn import last_part, task_name

if TYPE_CHECKING:
    from tealmesh.model import wire


def envoy_name(envoy: wire.EnvoyStatus) -> str:
    """``web-green 39bfa63b``: what it stands for, and its task, or its address if it has none."""
    identity = envoy["id"].rpartition("@")[2]
    which = task_name(identity) if identity.startswith("arn:") else last_part(identity)
    return f"{last_part(envoy['resource'])} {which}".strip()


def cut(text: str, columns: int) -> str:
    """``text``, with its end cut off if it is wider than ``columns``."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= columns:
        return text
    return f"{set_cell_size(text, columns - 1).rstrip()}…"
