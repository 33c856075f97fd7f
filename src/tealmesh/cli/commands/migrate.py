"""The way here from App Mesh, and the way out: import, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.options import each_once, print_json, with_client, with_json
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.migration.found import Found

_TO = ("terraform", "json")


def _parameters(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    return each_once("--parameter", map(_named_value, values))


def _named_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--parameter {text!r}: must be NAME=VALUE")
    return name, value


@click.command("import")
@click.argument("paths", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--from", "source", metavar="URL", help="An API of App Mesh to read, instead of files."
)
@click.option("--mesh", default="", metavar="NAME", help="Only this mesh.")
@click.option("--region", default="", metavar="REGION", help="Only what was in this region of AWS.")
@click.option("--account", default="", metavar="ID", help="Only what was in this account of AWS.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="A parameter of a CloudFormation template, or another value that it does not say, by the "
    "name that a remark asks for; may be given several times.",
)
@click.option("--plan", is_flag=True, help="Show what was found, and change nothing.")
@click.option(
    "--to",
    type=click.Choice(_TO),
    help="Print it as Terraform's configuration or as JSON, and change nothing.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@with_json
@with_client
def import_(
    paths: tuple[Path, ...],
    source: str | None,
    mesh: str,
    region: str,
    account: str,
    parameters: dict[str, str],
    plan: bool,
    to: str | None,
    yes: bool,
    as_json: bool,
    client: Client,
) -> None:
    """Create a mesh here from what describes it elsewhere, and say what cannot be kept.

    FILE is Terraform's state or `terraform show -json`, a CloudFormation template (of the CDK:
    cdk.out), resources of the App Mesh controller for Kubernetes (`kubectl get -o yaml`), what
    `aws appmesh describe-...` printed, items of AWS Config, or the config_dump of an Envoy that
    App Mesh configured. Of a directory all such files are read; - is standard input.

    What is here already and the same is left; nothing is created if something of the same name
    differs, or if App Mesh would refuse something: then --plan exits with 1.
    """
    from tealmesh.cli.system import bringing
    from tealmesh.migration.found import Wanted

    if bool(paths) == bool(source):
        raise click.UsageError("which FILE? Or --from URL of an API of App Mesh, not both")
    if source and parameters:
        raise click.UsageError("--parameter is for templates of CloudFormation, not for --from")
    found = bringing.read(paths, source, parameters, Wanted(mesh, region, account))
    if to:
        _print(found, to)
        return
    bringing.show(found, err=as_json)
    if plan:
        if as_json:
            print_json(bringing.body(found))
        if any(remark.refuses for remark in found.remarks):
            raise SystemExit(1)
        return
    made = bringing.create(client, found, yes, err=as_json)
    if as_json:
        print_json({**bringing.body(found), "created": made})


@click.command()
@click.argument("mesh", default="", shell_complete=completing.meshes)
@click.option(
    "--to", type=click.Choice(_TO), default="terraform", show_default=True, help="The form."
)
@click.option(
    "--adopt",
    is_flag=True,
    help="With the import blocks by which Terraform 1.5 takes over what exists.",
)
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write files there: main.tf, or one for each `aws appmesh create-...` and a script.",
)
@with_client
def export(mesh: str, to: str, adopt: bool, directory: Path | None, client: Client) -> None:
    """Print the configuration of MESH (default: all meshes), to create it elsewhere."""
    from tealmesh.cli.system import bringing

    found = bringing.of_control_plane(client, mesh)
    if not found.resources:
        if not mesh:
            raise TealError("no mesh was found")
        known = ", ".join(sorted(one["name"] for one in client.get_status().get("meshes", [])))
        raise TealError(f"no mesh {mesh!r} (known: {known or 'none'})")
    if directory is None:
        _print(found, to, adopt=adopt)
        return
    for name in bringing.write(found, to, directory, adopt=adopt):
        click.echo(directory / name)


def _print(found: Found, to: str, *, adopt: bool = False) -> None:
    """The mesh on standard output, and the remarks on the other one."""
    from tealmesh.cli.system import bringing

    click.echo(bringing.text(found, to, adopt=adopt), nl=False)
    for remark in found.remarks:
        click.echo(f"{remark.where}: {remark.text}", err=True)


COMMANDS = (import_, export)
