"""`teal mesh`: what a mesh has, and how requests go through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import print_json, with_client, with_json
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client


@click.group(cls=Commands)
def mesh() -> None:
    """What a mesh has, and how requests go through it, whoever made it."""


@mesh.command(short_help="What a mesh has, or one of its resources.")
@click.argument("name", default="", metavar="[MESH|RESOURCE]", shell_complete=completing.resources)
@click.option("--mesh", "of", metavar="NAME", shell_complete=completing.meshes, help="Its mesh.")
@click.option(
    "--envoy", is_flag=True, help="Of a RESOURCE: everything that Envoys have of it, as JSON."
)
@with_json
@with_client
def show(name: str, of: str, envoy: bool, as_json: bool, client: Client) -> None:
    """List what MESH has (default: the only one), and how its Envoys are.

    A RESOURCE is shown as it was sent, with what Envoys were made to have of it, and who has
    acknowledged that. It is web-blue, virtualNode/web-blue, route/ROUTER/NAME or
    gatewayRoute/GATEWAY/NAME, or all of that as in an ARN, which may be whole:
    mesh/shop/virtualRouter/web/route/all.
    """
    known = [one["name"] for one in client.get_status().get("meshes", [])]
    if name and name not in known:
        _show_resource(client, name, of, known, envoy, as_json)
        return
    if envoy:
        raise click.UsageError("--envoy: which RESOURCE?")
    answer = client.get_mesh_graph(name or of or _only(client))
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


def _show_resource(
    client: Client, text: str, of: str | None, meshes: Sequence[str], envoy: bool, as_json: bool
) -> None:
    """Raises TealError if it does not say which one, or if there is none."""
    from tealmesh.cli.screens import resource as resources

    wanted = resources.named(text)
    if wanted is None:
        raise TealError(
            f"{text}: must be the name of a mesh or of a resource in it, such as "
            "virtualNode/web-blue or route/ROUTER/NAME"
        )
    where = [wanted.mesh or of] if wanted.mesh or of else meshes
    graphs = (client.get_mesh_graph(mesh)["graph"] for mesh in where if mesh)
    found = [one for graph in graphs for one in resources.found(graph, wanted)]
    if not found:
        raise TealError(f"no mesh and no resource is called {text}: see `teal mesh show`")
    if len(found) > 1:
        listed = ", ".join(f"mesh/{one.mesh}/{one.identity}" for one in found)
        raise TealError(f"which {text}? There are {listed}")
    one = found[0]
    answer = client.get_resource(one.mesh, one.kind, one.name, one.parent)
    if as_json:
        print_json(answer)
        return
    for line in resources.shown(answer, whole=envoy):
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
