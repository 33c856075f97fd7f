"""The command group of `teal`: a mistyped command is answered with the one that was meant."""

from __future__ import annotations

from typing import NoReturn

import click

MEANT = {
    "ps": "status",
    "ls": "status",
    "list": "status",
    "top": "status -w",
    "watch": "status -w",
    "start": "up",
    "stop": "down",
    "shutdown": "down",
    "continue": "resume",
    "unpause": "resume",
    "why": "explain",
    "undo": "rollback",
    "log": "logs",
    "remove": "delete",
    "rm": "delete",
    "destroy": "delete",
    "prune": "apply --prune",
    "plan": "apply --plan",
    "diff": "apply --plan",
    "wipe": "reset",
    "new": "init",
    "check": "doctor",
    "bench": "load",
    "run": "deploy",
    "release": "deploy",
    "update": "deploy",
    "completions": "completion",
}
"""Commands that other tools have, and ours for the same."""


class Commands(click.Group):
    """A group whose error for an unknown command names the nearest one that there is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            raise click.UsageError(
                f"{error.format_message()} Those of a command come after it: "
                f"`{ctx.command_path} COMMAND {error.option_name}`",
                ctx,
            ) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            self.fail_unknown(ctx, args[0])
        return super().resolve_command(ctx, args)

    def fail_unknown(self, ctx: click.Context, name: str) -> NoReturn:
        """Raise click.UsageError for a command that there is not."""
        there = self.list_commands(ctx)
        meant = suggestion(name, there)
        hint = f" Did you mean `{ctx.command_path} {meant}`?" if meant else ""
        known = "`teal help` lists all commands." if ctx.parent is None else _listed(ctx, there)
        raise click.UsageError(f"No such command {name!r}.{hint} {known}", ctx)


def _listed(ctx: click.Context, commands: list[str]) -> str:
    return f"`{ctx.command_path}` has {', '.join(commands)}."


def suggestion(name: str, commands: list[str]) -> str:
    """The command that ``name`` was probably meant to be; empty if there is none near it."""
    import difflib  # It is slow to import, and needed only here.

    words = name.lower()
    if words in MEANT and MEANT[words].split()[0] in commands:
        return MEANT[words]
    near = difflib.get_close_matches(words, commands, n=1)
    return near[0] if near else ""
