"""Shows what is created, changed and deleted, one line each, as Terraform does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tealmesh.model import wire

_SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "delete": ("-", "red")}
_WORDS = (
    ("create", "to create", "created"),
    ("change", "to change", "changed"),
    ("delete", "to delete", "deleted"),
)


def show(changes: Iterable[wire.Change], *, err: bool = False) -> None:
    """Print each change, and below it what is different; coloured on a terminal. ``err``: on
    standard error, where standard output has JSON.
    """
    for change in changes:
        sign, colour = _SIGNS.get(change["action"], ("?", "white"))
        details = change.get("details", [])
        alone = f" ({details[0]})" if len(details) == 1 and change["action"] == "create" else ""
        click.echo(f"{click.style(sign, fg=colour)} {change['what']}{alone}", err=err)
        for detail in () if alone else details:
            click.echo(f"    {detail}", err=err)


def counted(changes: Sequence[wire.Change], *, planned: bool) -> str:
    """``2 created, 1 changed``; of a plan ``2 to create, 1 to change``; empty for no changes."""
    parts = []
    for action, future, past in _WORDS:
        count = sum(change["action"] == action for change in changes)
        if count:
            parts.append(f"{count} {future if planned else past}")
    return ", ".join(parts)
