"""The entry point of `teal`. An error that a user can cause is one plain line on standard error.

Exit codes: 0 done; 1 refused, failed or rolled back; 2 wrong usage; 3 a deployment is held and
waits for a decision; 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from tealmesh import __version__
from tealmesh.cli import output
from tealmesh.cli.mistyped import Commands
from tealmesh.model.errors import DeploymentHeld, TealError

HELD = 3


_COMMANDS = {
    "init": ("init",),
    "plane.run": ("up", "down"),
    "plane.serve": ("serve",),
    "apply": ("apply", "delete"),
    "deploy": ("deploy", "approve", "weights"),
    "back": ("rollback", "abort", "resume"),
    "steer": ("promote", "pause", "retry", "lock", "unlock"),
    "explain": ("explain", "evidence", "backtest"),
    "lint": ("lint",),
    "adopt": ("adopt", "terraform"),
    "look": ("status", "history", "events", "envoys", "doctor"),
    "logs": ("logs",),
    "mesh": ("mesh",),
    "migrate": ("import", "export"),
    "traces": ("traces",),
    "plane.page": ("open", "token"),
    "load": ("load",),
    "envoy": ("envoy",),
    "image": ("image",),
    "demo": ("demo", "rehearse"),
    "plane.database": ("database",),
    "plane.reset": ("reset",),
    "plane.credentials": ("credentials",),
    "plane.keys": ("keys",),
    "about": ("version", "help", "env", "completion", "schema"),
}
"""The commands of each module of `cli.commands`: a shell that completes words waits for the import
of one of them, and not of all.
"""
SECTIONS = {
    "Begin": ("init", "up", "apply", "load", "down", "demo", "doctor"),
    "Deploy": ("deploy", "rollback", "abort", "pause", "resume", "promote", "approve", "retry",
               "weights", "lock", "unlock", "rehearse"),
    "Look": ("status", "explain", "history", "evidence", "backtest", "open", "logs", "events",
             "envoys", "mesh", "traces", "lint"),
    "What Terraform and others made": ("adopt", "terraform", "env", "import", "export"),
    "Take away": ("delete", "reset"),
    "In production": ("serve", "database"),
    "Envoys, images and who may call": ("envoy", "image", "credentials", "token", "keys"),
    "About teal": ("help", "version", "completion", "schema"),
}  # fmt: skip
"""As `teal --help` lists them: what is needed first comes first."""


class Teal(Commands):
    """The commands of all modules. A module is imported when one of its commands is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for names in _COMMANDS.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            for module, names in _COMMANDS.items():
                if cmd_name in names:
                    self._load(module)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        longest = max(len(name) for names in _COMMANDS.values() for name in names)
        for title, names in SECTIONS.items():
            with formatter.section(title):
                commands = ((name, self.get_command(ctx, name)) for name in names)
                room = formatter.width - longest - 6
                formatter.write_dl(
                    [
                        # All in one column, whatever is the longest name of a section.
                        (name.ljust(longest), command.get_short_help_str(room))
                        for name, command in commands
                        if command is not None
                    ]
                )

    def whole(self) -> Teal:
        """With all modules imported, for who walks through ``commands``."""
        for module in _COMMANDS:
            self._load(module)
        return self

    def _load(self, module: str) -> None:
        for command in import_module(f"tealmesh.cli.commands.{module}").COMMANDS:
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
