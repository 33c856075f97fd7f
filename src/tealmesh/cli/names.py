"""Names: short ones of Envoys and tasks, for people, and those that Terraform takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from tealmesh.model.arn import last_part, task_name

if TYPE_CHECKING:
    from tealmesh.model import wire


def envoy_name(envoy: wire.EnvoyStatus) -> str:
    """``web-green 39bfa63b``: what it stands for, and its task, or its address if it has none."""
    identity = envoy["id"].rpartition("@")[2]
    which = task_name(identity) if identity.startswith("arn:") else last_part(identity)
    return f"{last_part(envoy['resource'])} {which}".strip()


def refuse_no_name(option: str, name: str) -> None:
    """Raise UsageError if Terraform does not take ``name`` for that of a block.
    https://developer.hashicorp.com/terraform/language/syntax/configuration#identifiers
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
        raise click.UsageError(
            f"{option} {name!r}: must be a letter or underscore, then letters, digits, _ and -"
        )


def cut(text: str, columns: int) -> str:
    """``text``, with its end cut off if it is wider than ``columns``."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= columns:
        return text
    return f"{set_cell_size(text, columns - 1).rstrip()}…"
