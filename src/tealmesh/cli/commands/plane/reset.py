"""`teal reset`: everything of a data directory is stopped and deleted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli.options import data_dir_option, directory_of, with_client
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client


@click.command()
@data_dir_option(
    "The directory (default: that of the control plane that answers, or else of `teal up`)."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@with_client
def reset(data_dir: Path | None, yes: bool, client: Client) -> None:
    """Stop every task and the control plane, and delete its state: services, deployments and their
    history, the resources of all AWS services, and logs.

    Asks for the name of the directory. Files in it that are not Tealmesh's stay. If it is
    interrupted, repeat it.
    """
    from tealmesh.cli import background
    from tealmesh.cli.screens.waiting import waiting
    from tealmesh.cli.system import wiping

    directory = directory_of(client, data_dir)
    wiping.check(directory)
    if not yes:
        _ask(directory)
    background.stop(directory)
    with waiting(f"deleting {directory}"):
        kept = wiping.wipe(directory)
    click.echo(f"{directory} is wiped: `teal up` begins anew")
    if kept:
        click.echo(f"left in it, as Tealmesh did not make it: {', '.join(kept)}")


def _ask(directory: Path) -> None:
    """Raises TealError unless the user types the directory's name."""
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked: teal reset --yes does it unasked")
    click.echo(f"Everything in {directory} will be stopped and deleted.", err=True)
    typed = click.prompt(
        f"Type {directory.name} to go on", default="", show_default=False, err=True
    )
    if typed != directory.name:
        raise TealError("nothing was stopped or deleted")


COMMANDS = (reset,)
