"""The entry point of `teal`. An error that a user can cause is one plain line on standard error.

Exit codes: 0 done; 1 refused, failed or rolled back; 2 wrong usage; 3 a deployment is held and
waits for a decision; 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from tealmesh import __version__
from tealmesh.cli import output
from tealmesh.cli.listing import SECTIONS, listed
from tealmesh.cli.mistyped import Commands
from tealmesh.model.errors import DeploymentHeld, TealError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELD = 3


class Teal(Commands):
    """The commands of all modules. A module is imported when one of its commands is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for name, _ in listed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            for name, command in listed():
                if name == cmd_name:
                    self._load(command.module)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        longest = max(len(name) for name, _ in listed())
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                # All in one column, whatever is the longest name of a section.
                formatter.write_dl(
                    [(name.ljust(longest), one.summary) for name, one in commands.items()]
                )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        # click would import every command that the word may become.
        return [
            CompletionItem(name, help=command.summary)
            for name, command in sorted(listed())
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)

    def whole(self) -> Teal:
        """With all modules imported, for who walks through ``commands``."""
        for module in dict.fromkeys(command.module for _, command in listed()):
            self._load(module)
        return self

    def _load(self, module: str) -> None:
        summaries = {name: command.summary for name, command in listed()}
        for command in import_module(f"tealmesh.cli.commands.{module}").COMMANDS:
            command.short_help = summaries.get(command.name)
            self.add_command(command)


@click.group(
    cls=Teal,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Commands talk to the control plane at --endpoint or TEAL_ENDPOINT "
    "(default: http://127.0.0.1:4566).",
)
@click.version_option(__version__, "-V", "--version", prog_name="teal")
def teal() -> None:
    """Blue/green and canary deployments over Envoy, on this machine; AWS to come."""


def main() -> None:
    """Run `teal` and exit with its code."""
    output.make_safe()
    try:
        teal(standalone_mode=False)
        output.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`teal logs | head`).
        output.abandon()
        sys.exit(1)
    except TealError as error:
        click.echo(f"teal: {error}", err=True)
        sys.exit(HELD if isinstance(error, DeploymentHeld) else 1)
    except OSError as error:
        # A missing file, missing permissions, a full disk.
        output.abandon()
        where = error.filename or "this machine"
        click.echo(f"teal: {where}: {error.strerror or error}", err=True)
        sys.exit(1)
