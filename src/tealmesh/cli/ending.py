"""How a command that changes a service ends: it follows the deployment, and says what serves."""

from __future__ import annotations

from collections.abc import Collection

import click

from tealmesh.cli.client import Client
from tealmesh.model import wire
from tealmesh.model.errors import DeploymentHeld, TealError

follow_option = click.option(
    "--follow/--no-follow",
    default=True,
    help="Show the deployment until it has finished (default).",
)


def follow_or_report(
    client: Client,
    deployment: wire.Deployment,
    follow: bool,
    wanted: Collection[str] = ("SUCCESSFUL",),
) -> None:
    """Follow a deployment that has started, or report its status and return.

    Raises TealError if it ends in another status than those ``wanted``, and DeploymentHeld if it
    waits for a person's decision.
    """
    name = f"{deployment['service']}: deployment {deployment['deploymentId']}"
    if not follow:
        click.echo(f"{name}: {deployment['status']}; watch it with `teal status -w`")
        return
    from tealmesh.cli.follow import follow as follow_deployment
    from tealmesh.cli.render import console, deployment_line

    final = follow_deployment(client, deployment)
    if final is None:
        return
    if final.get("state") == "HELD":
        raise DeploymentHeld(f"{name} is held and waits for {final.get('waitingFor', 'you')}")
    if final["status"] not in wanted:
        words = [final["status"], final.get("reason", ""), final.get("serves", "")]
        raise TealError(f"{name}: {': '.join(word for word in words if word)}")
    console().print(deployment_line(final))
    if final.get("serves"):
        click.echo(f"{final['service']}: {final['serves']}")
