"""The entry point of `teal`. An error that a user can cause is one plain line on standard error.

Exit codes: 0 done; 1 refused, failed or rolled back; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import click

from tealmesh import __version__
from tealmesh.cli.commands import adopt, demo, deploy, envoy, image, look, run
from tealmesh.model.errors import TealError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Commands talk to the control plane at --endpoint or TEAL_ENDPOINT "
    "(default: http://127.0.0.1:4566).",
)
@click.version_option(__version__, prog_name="teal")
def teal() -> None:
    """Blue/green and canary deployments over Envoy, on this machine; AWS to come."""


for module in (run, deploy, adopt, look, envoy, image, demo):
    for command in module.COMMANDS:
        teal.add_command(command)


def main() -> None:
    """Run `teal` and exit with its code."""
    try:
        teal(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`teal logs | head`): the flush at exit must not fail
        # too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except TealError as error:
        click.echo(f"teal: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # A missing file, missing permissions, a full disk.
        click.echo(f"teal: {error.filename or 'this machine'}: {error.strerror}", err=True)
        sys.exit(1)
