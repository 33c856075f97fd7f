"""Commands for services that others made: adopt, terraform vars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import (
    config_option,
    print_json,
    read_text,
    with_client,
    with_json,
)
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

_CONFIG_EXAMPLE = 'weight = "{side}_weight"'


@click.command()
@click.argument("service", shell_complete=completing.names)
@click.option(
    "--side",
    "ecs_services",
    multiple=True,
    metavar="SIDE=[CLUSTER/]ECS_SERVICE",
    help="The ECS service that runs a side's tasks.",
)
@click.option(
    "--node",
    "nodes",
    multiple=True,
    metavar="SIDE=VIRTUAL_NODE",
    help="A side's virtual node; give both sides.",
)
@click.option("--container", metavar="NAME", help="The container that runs the application.")
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar="NAME",
    help="A route whose weights are shifted; by default all that lead to its sides alone.",
)
@click.option(
    "--clean-up",
    type=click.Choice(["stop", "delete"]),
    help="What a deployment leaves of the old side: its ECS service without tasks, or nothing. "
    "By default as it found the side that it started.",
)
@with_json
@with_client
def adopt(
    service: str,
    ecs_services: tuple[str, ...],
    nodes: tuple[str, ...],
    container: str | None,
    routes: tuple[str, ...],
    clean_up: str | None,
    as_json: bool,
    client: Client,
) -> None:
    """Show how a SERVICE that Terraform or others made would be deployed, and tell what cannot be
    found out about it. It is kept.

    SERVICE is a virtual service, by its whole name or its first label.
    """
    sides: dict[str, wire.ToldSide] = {}
    for text in ecs_services:
        side, name = _pair(text, "--side", "SIDE=[CLUSTER/]ECS_SERVICE")
        sides.setdefault(side, {})["ecsService"] = name
    for text in nodes:
        side, name = _pair(text, "--node", "SIDE=VIRTUAL_NODE")
        sides.setdefault(side, {})["virtualNode"] = name
    if len(sides) > 2:
        raise click.UsageError(f"{', '.join(sides)}: a service has two sides")
    described = client.adopt(service, sides, container, routes, clean_up)
    if as_json:
        print_json(described)
        return
    for line in _description(described):
        click.echo(line)


@click.group(cls=Commands)
def terraform() -> None:
    """What deployments changed, for Terraform."""


@terraform.command("vars", short_help="Print the variables and commands after a deployment.")
@click.argument("service", shell_complete=completing.names)
@config_option("The teal.toml whose [terraform] has the names.")
@click.option(
    "--only",
    type=click.Choice(["vars", "commands"]),
    help="Print the lines of the .tfvars file, or the commands, alone.",
)
@with_json
@with_client
def variables(
    service: str, config_file: Path, only: str | None, as_json: bool, client: Client
) -> None:
    """Print what the deployments of SERVICE changed: lines for the .tfvars file, then the commands
    after which `terraform plan` creates, replaces and destroys nothing.

    [terraform] in teal.toml has the names of the variables and the addresses of the resources.
    """
    from tealmesh.cli.screens import terraform as words
    from tealmesh.model.config.nouns import TerraformNames
    from tealmesh.model.config.parse import parse_additions

    names = parse_additions(read_text(config_file), str(config_file)).terraform
    if names == TerraformNames():
        raise TealError(
            f"{config_file} has no [terraform]: give the names of your variables there, such as "
            f"{_CONFIG_EXAMPLE}"
        )
    described = client.get_service(service)
    latest = next(iter(client.list_deployments(described["name"])), None)
    if latest and latest["status"] in ("IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
        raise TealError(f"a deployment of {service} is running: wait until it has finished")
    if as_json:
        parts: dict[str, list[str]] = {}
        if only != "commands":
            parts["variables"] = words.variables(names, described)
        if only != "vars":
            parts["commands"] = words.commands(names, described)
        print_json(parts)
        return
    if only != "commands":
        for line in words.variables(names, described):
            click.echo(line)
    if only is None:
        click.echo("")
    if only != "vars":
        for line in words.commands(names, described):
            click.echo(line)


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    side, _, name = text.partition("=")
    if not side or not name:
        raise click.UsageError(f"{option} {text}: must be {form}")
    return side, name


def _description(service: wire.ServiceDescription) -> list[str]:
    container = service.get("container", "not clear")
    lines = [f"{service['name']}: {service['hostname']} in mesh {service['mesh']}"]
    lines.append(f"  application: container {container}")
    if len(service.get("routes", [])) > 1:
        lines.append(
            f"  routes, whose weights are shifted together: {', '.join(service['routes'])}"
        )
    for side in service["sides"]:
        ecs_service = "/".join((side.get("cluster", ""), side.get("ecsService", "not clear")))
        state = "" if side["exists"] else ", made by the next deployment"
        lines.append(
            f"  {side['side']}: virtual node {side['virtualNode']}, ECS service {ecs_service}, "
            f"weight {side['weight']}{state}"
        )
    if "problem" in service:
        lines.append(f"  cannot be deployed: {service['problem']}")
    return lines


COMMANDS = (adopt, terraform)
