"""`teal mesh`: what a mesh has, and how requests go through it."""

from __future__ import annotations

import click

from tealmesh.cli import completing
from tealmesh.cli.client import Client
from tealmesh.cli.options import print_json, with_client, with_json
from tealmesh.model.errors import TealError


@click.group(short_help="A mesh: what it has, and how requests go.")
def mesh() -> None:
    """What a mesh has, and how requests go through it, whoever made it."""


@mesh.command(short_help="What a mesh has, and how its Envoys are.")
@click.argument("name", default="", shell_complete=completing.meshes)
@with_json
@with_client
def show(name: str, as_json: bool, client: Client) -> None:
    """List what the mesh NAME has (default: the only one), and how its Envoys are."""
    answer = client.get_mesh_graph(name or _only(client))
    if as_json:
        print_json(answer["graph"])
        return
    from tealmesh.cli.screens.mesh import summary

    for line in summary(answer):
        click.echo(line)


@mesh.command(short_help="How requests go, with their rates.")
@click.argument("name", default="", shell_complete=completing.meshes)
@click.option(
    "--dot", "as_dot", is_flag=True, help="For Graphviz: teal mesh graph --dot | dot -Tsvg"
)
@with_json
@with_client
def graph(name: str, as_dot: bool, as_json: bool, client: Client) -> None:
    """Show how requests get through the mesh NAME (default: the only one), with the weights of
    routes, and the rates of the last ten seconds.
    """
    if as_dot and as_json:
        raise click.UsageError("--dot and --json: give only one of them")
    answer = client.get_mesh_graph(name or _only(client))
    if as_json:
        print_json(answer)
        return
    from tealmesh.cli.screens.mesh import dot, tree

    for line in dot(answer) if as_dot else tree(answer):
        click.echo(line)


def _only(client: Client) -> str:
    """The name of the only mesh. Raises TealError if there are others, or none."""
    names = [one["name"] for one in client.get_status().get("meshes", [])]
    if len(names) == 1:
        return names[0]
    if not names:
        raise TealError("there is no mesh yet: create one with Terraform or `teal apply`")
    raise TealError(f"which mesh? There are {', '.join(names)}")


COMMANDS = (mesh,)
