"""The entry point of `teal`. An error that a user can cause is one plain line on standard error.

Exit codes: 0 done; 1 refused, failed or rolled back; 2 wrong usage; 3 a deployment is held and
waits for a decision; 130 interrupted.
"""

from __future__ import annotations

import sys

import click

from tealmesh import __version__
from tealmesh.cli import output
from tealmesh.cli.commands import (
    about,
    adopt,
    apply,
    back,
    demo,
    deploy,
    envoy,
    explain,
    image,
    init,
    lint,
    load,
    logs,
    look,
    mesh,
    steer,
    traces,
)
from tealmesh.cli.commands.plane import credentials, keys, page, reset, run
from tealmesh.cli.mistyped import Commands
from tealmesh.model.errors import DeploymentHeld, TealError

HELD = 3


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Commands talk to the control plane at --endpoint or TEAL_ENDPOINT "
    "(default: http://127.0.0.1:4566).",
)
@click.version_option(__version__, "-V", "--version", prog_name="teal")
def teal() -> None:
    """Blue/green and canary deployments over Envoy, on this machine; AWS to come."""


MODULES = (
    init,
    run,
    apply,
    deploy,
    back,
    steer,
    explain,
    lint,
    adopt,
    look,
    logs,
    mesh,
    traces,
    page,
    load,
    envoy,
    image,
    demo,
    reset,
    credentials,
    keys,
    about,
)
for module in MODULES:
    for command in module.COMMANDS:
        teal.add_command(command)


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
