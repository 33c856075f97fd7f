"""The models of our APIs for the AWS CLI and SDKs: models install."""

from __future__ import annotations

from pathlib import Path

import click

from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import print_json, with_json


@click.group(cls=Commands)
def models() -> None:
    """What the AWS CLI and boto3 know of the APIs."""


@models.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to write them (default: ~/.aws/models, where the AWS CLI and boto3 look by"
    " themselves). Any other directory must be in AWS_DATA_PATH.",
)
@with_json
def install(directory: Path | None, as_json: bool) -> None:
    """Keep the model of App Mesh, and that of Tealmesh's own API, for the AWS CLI and boto3.

    AWS removes the clients of services that have ended. The model of App Mesh is taken from the
    botocore that `teal` runs with, as long as that has it; what is written goes on working with
    later versions of the AWS CLI and of boto3.
    """
    from tealmesh.cli.system.models import DEFAULT, installed

    where = directory or Path(DEFAULT).expanduser()
    written, source = installed(where)
    if as_json:
        print_json({"directory": str(where), "from": source, "models": written})
        return
    for line in written:
        click.echo(f"{line}, from {source}" if line.startswith("appmesh") else line)
    if directory is not None:
        click.echo(f"export AWS_DATA_PATH={where.absolute()}")


COMMANDS = (models,)
