"""Writes every command with its arguments and options into docs/commands.md, from what `--help`
says: `python docs/commands.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tealmesh.cli.listing import SECTIONS
from tealmesh.cli.main import teal

PAGE = Path(__file__).parent / "commands.md"
BEGIN, END = "<!-- begin: made by docs/commands.py -->", "<!-- end -->"
OF_MOST = ("--help", "--json", "--endpoint", "--follow", "--wait-until")
"""Told once, and not of each command that has them."""


def reference() -> str:
    """Every command, section by section as `teal --help` has them."""
    root = click.Context(teal, info_name="teal", terminal_width=1000)
    parts = []
    for title, names in SECTIONS.items():
        parts.append(f"### {title}\n")
        for name in names:
            command = teal.get_command(root, name)
            assert command is not None
            parts += _told(command, click.Context(command, root, info_name=name))
    return "\n".join(parts)


def _told(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _told(inner, click.Context(inner, context, info_name=name))
        return
    usage = " ".join(context.get_usage().split()).removeprefix("Usage: ")
    yield f"**`{usage.replace(' [OPTIONS]', '')}`** {_first(command.help or '')}\n"
    records = (one.get_help_record(context) or ("", "") for one in _own(command))
    rows = [f"- `{names}`: {' '.join(words.split())}" for names, words in records]
    if rows:
        yield "\n".join(rows) + "\n"


def _own(command: click.Command) -> Iterator[click.Parameter]:
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not set(parameter.opts) & set(OF_MOST):
            yield parameter


def _first(text: str) -> str:
    """The first paragraph, in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def page(text: str) -> str:
    """``text`` of the page with today's commands."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"wrote {PAGE.name}")
