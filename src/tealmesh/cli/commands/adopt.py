"""Commands for services that others made: adopt, terraform vars, terraform moved."""

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
    """Show how a SERVICE that Terraform or others made would be deployed, and say what cannot be
    determined about it, which is stored.

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
    """What deployments changed, and how a module takes over what there is, for Terraform."""


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


@terraform.command("moved", short_help="Print the blocks by which a module takes over a service.")
@click.argument("service", shell_complete=completing.names)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The configuration whose state has the service's resources; by default this directory.",
)
@click.option(
    "--state",
    "state_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="That state as a file (`terraform state pull` or `terraform show -json`), in place of "
    "--directory.",
)
@click.option("--module", default="", metavar="NAME", help="The name of the module.")
@click.option(
    "--source",
    default="./modules/bluegreen-service",
    show_default=True,
    help="Where the module is: bluegreen-service, or bluegreen-service-rollouts.",
)
@click.option(
    "--mesh-provider",
    default="aws",
    show_default=True,
    metavar="aws[.ALIAS]",
    help="Your configuration of the provider that calls App Mesh's API.",
)
@with_json
@with_client
def moved(
    service: str,
    directory: Path,
    state_file: Path | None,
    module: str,
    source: str,
    mesh_provider: str,
    as_json: bool,
    client: Client,
) -> None:
    """Print the configuration by which a module of ours takes over a SERVICE that your own
    resources describe: the module, and `moved`, `import` and `removed` blocks for your root.

    It is refused, with names, if something of the service would be replaced or taken away. Nothing
    is changed here: write it beside your configuration, delete the blocks that it names, and look
    at `terraform plan`.
    """
    from tealmesh.cli.names import refuse_no_name
    from tealmesh.cli.terraform.moving import asking, blocks

    if module:
        refuse_no_name("--module", module)
    kind, dot, alias = mesh_provider.partition(".")
    if kind != "aws":
        raise click.UsageError(
            f"--mesh-provider {mesh_provider!r}: must be aws, or aws.ALIAS of an alias of yours"
        )
    if dot:
        refuse_no_name("the alias in --mesh-provider", alias)
    mapping = asking.asked(client, service, directory, state_file, module, source)
    if as_json:
        print_json(blocks.body(mapping))
        return
    click.echo(blocks.text(mapping, asking.version(), mesh_provider), nl=False)


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
