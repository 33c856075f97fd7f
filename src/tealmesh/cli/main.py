"""The `teal` command. Every error that a user can cause is one plain line on standard error.

Exit codes: 0 done; 1 refused, failed or rolled back; 2 wrong usage; 130 interrupted.

Only click is imported at the top of the modules of commands: `teal --help` asks each for its help
and must stay quick.
"""

from __future__ import annotations

import os
import sys

import click

from tealmesh import __version__
from tealmesh.cli.commands import demo, deploy, envoy, image, look, run
from tealmesh.model.errors import TealError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="TEAL_ENDPOINT or --endpoint of a command says which control plane is meant "
    "(default: http://127.0.0.1:4566).",
)
@click.version_option(__version__, prog_name="teal")
def teal() -> None:
    """Blue/green and canary deployments over Envoy, on this machine or on AWS."""


for _module in (run, deploy, look, envoy, image, demo):
    for _command in _module.COMMANDS:
        teal.add_command(_command)


def main() -> None:
    """The console script."""
    try:
        teal(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output is gone (`teal logs | head`): nothing is left to say, and the
        # flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except TealError as error:
        click.echo(f"teal: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # What the machine refuses: a file, its rights, the room on a disk.
        click.echo(f"teal: {error.filename or 'this machine'}: {error.strerror}", err=True)
        sys.exit(1)
