"""Commands for a deployment that is not wanted any more: rollback, abort, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.following.ending import Ending, ends, follow_or_report
from tealmesh.cli.groups import commands
from tealmesh.cli.groups.choosing import or_group
from tealmesh.cli.options import print_json, with_client
from tealmesh.cli.terraform.options import with_terraform
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.cli.terraform.driving import Asked
    from tealmesh.model import wire


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.argument(
    "revision", required=False, type=click.IntRange(1), shell_complete=completing.revisions
)
@click.option(
    "--gradual",
    is_flag=True,
    help="Shift the weight back by the steps and gates of SERVICE, as a deployment does.",
)
@ends
@or_group(commands.rollback)
@with_terraform
@with_client
def rollback(
    service: str,
    revision: int | None,
    gradual: bool,
    by: Asked | None,
    ending: Ending,
    client: Client,
) -> None:
    """Go back to the version of SERVICE before the one that serves now.

    During a deployment, returns all weight to the old side. After one, starts tasks of the version
    before and gives them all weight as soon as they are healthy; traffic is not needed.

    With REVISION, the number of a deployment in `teal history`, goes back to what that released.

    Run twice, it follows what it has begun. A service that is back already stays as it is.
    """
    if by is not None:
        _rolled_back(client, service, by, ending, gradual=gradual, revision=revision)
        return
    answer = client.rollback(service, gradual, revision)
    if "message" in answer:
        if ending.as_json:
            print_json(answer)
        else:
            click.echo(answer["message"])
        return
    deployment = answer["deployment"]
    aborted = deployment.get("kind") != "ROLLBACK"
    wanted = ("ROLLBACK_SUCCESSFUL",) if aborted else ("SUCCESSFUL",)
    follow_or_report(client, deployment, ending, wanted)


def _rolled_back(
    client: Client,
    service: str,
    by: Asked,
    ending: Ending,
    *,
    gradual: bool,
    revision: int | None,
) -> None:
    """Go back by applies of Terraform; a deployment that runs is aborted, and goes back by whoever
    runs Terraform for it.
    """
    from tealmesh.cli.terraform.driving import deployed, resumed

    def begin(run: wire.TerraformRun) -> wire.Deployment:
        answer = client.rollback(service, gradual, revision, run)
        if "message" in answer:
            raise TealError(answer["message"])
        return answer["deployment"]

    if by.resume:
        resumed(client, service, by, ending)
    else:
        deployed(client, service, by, ending, begin, ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL"))


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.option(
    "--give-up",
    is_flag=True,
    help="Leave everything as it is: no weight changes, and no side is stopped.",
)
@ends
@or_group(commands.abort)
@with_client
def abort(service: str, give_up: bool, ending: Ending, client: Client) -> None:
    """End the running deployment of SERVICE and return all weight to the old side."""
    deployment = client.abort(service, give_up)
    wanted = ("STOPPED",) if give_up else ("ROLLBACK_SUCCESSFUL",)
    if deployment.get("kind") == "ROLLBACK":
        wanted = ("STOPPED",)
    follow_or_report(client, deployment, ending, wanted)


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.option(
    "--take-over",
    is_flag=True,
    help="Continue from what is live, whoever changed it.",
)
@ends
@or_group(commands.resume)
@with_client
def resume(service: str, take_over: bool, ending: Ending, client: Client) -> None:
    """Continue the deployment of SERVICE that is paused, or that is held because somebody else has
    changed weights, tasks or the route that it works on.

    Held, it continues without --take-over only if all is again as the deployment left it.
    """
    deployment = client.resume(service, take_over)
    wanted = ("SUCCESSFUL",)
    if deployment["status"].startswith("ROLLBACK"):
        wanted = ("ROLLBACK_SUCCESSFUL",)
    follow_or_report(client, deployment, ending, wanted)


COMMANDS = (rollback, abort, resume)
