"""What `teal import` and `teal export` do."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli.options import read_bytes
from tealmesh.cli.system import removing
from tealmesh.migration import endpoint
from tealmesh.migration.found import Found, Resource, Wanted, settled
from tealmesh.migration.readers import Text, files, hint_about
from tealmesh.migration.readers import read as read_texts
from tealmesh.migration.writers import aws_cli, terraform
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client


MOST_BYTES = 1 << 28
"""Of a file that is read: the state of a large system has some tens of megabytes."""


def read(
    paths: Sequence[Path], source: str | None, parameters: Mapping[str, str], wanted: Wanted
) -> Found:
    """What files or an endpoint have. Raises TealError if there is nothing."""
    if source:
        found = endpoint.read(endpoint.connected(source), source, wanted.mesh)
    else:
        found = read_texts(list(_texts(paths)), parameters)
    result = settled(found, wanted)
    if not result.resources:
        words = (("mesh", wanted.mesh), ("region", wanted.region), ("account", wanted.account))
        of = "".join(f" of {word} {value}" for word, value in words if value)
        told = [(one.where, one.text) for one in result.remarks]
        told += [
            (str(path), hint) for path in paths if path.is_dir() and (hint := hint_about(path))
        ]
        said = "".join(f"\n  {where}: {text}" for where, text in told)
        raise TealError(f"no resource of App Mesh{of} was found{said}")
    return result


def _texts(paths: Sequence[Path]) -> Iterator[Text]:
    for path in paths:
        if str(path) == "-":
            yield Text("standard input", sys.stdin.buffer.read())
        elif path.is_dir():
            inner = list(files(path))
            if not inner:
                hint = hint_about(path) or "there is no file in it that may describe a mesh"
                raise TealError(f"{path}: {hint}")
            for file in inner:
                yield Text(str(file), read_bytes(file, "FILE", MOST_BYTES), alone=False)
        else:
            yield Text(str(path), read_bytes(path, "FILE", MOST_BYTES))


def of_control_plane(client: Client, mesh: str) -> Found:
    """What a control plane has."""
    url = client.endpoint
    found = endpoint.read(endpoint.connected(url), url, mesh)
    return settled(found)


def show(found: Found, *, err: bool) -> None:
    """Print what was found, and what cannot be kept."""
    meshes = sorted({resource.name.mesh for resource in found.resources})
    for mesh in meshes:
        click.echo(f"mesh {mesh}", err=err)
        for resource in found.resources:
            name = resource.name
            if name.mesh == mesh and name.name != mesh:
                click.echo(f"  {str(name).partition(': ')[2]:<44} {resource.origin}", err=err)
    counts = Counter(resource.name.kind.value for resource in found.resources)
    shown = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    click.echo(f"found: {shown}", err=err)
    for title, refuses in (("missing, or not kept:", False), ("would be refused:", True)):
        remarks = [remark for remark in found.remarks if remark.refuses is refuses]
        if remarks:
            click.echo(title, err=err)
        for remark in remarks:
            click.echo(f"  {remark.where}: {remark.text}", err=err)


def body(found: Found) -> dict[str, object]:
    """What was found, for programs."""
    return {
        "resources": [
            {"kind": one.name.kind.value, "origin": one.origin, **one.request}
            for one in found.resources
        ],
        "remarks": [asdict(one) for one in found.remarks],
    }


def create(client: Client, found: Found, yes: bool, *, err: bool) -> list[str]:
    """Create what is not there; returns the names. Raises TealError, and creates nothing, if
    something differs or nobody agrees.
    """
    refused = [f"\n  {one.where}: {one.text}" for one in found.remarks if one.refuses]
    if refused:
        raise TealError(f"nothing was created, since this would be refused:{''.join(refused)}")
    url = client.endpoint
    appmesh = endpoint.connected(url)
    there = endpoint.compared(appmesh, url, found.resources)
    if there.other:
        names = ", ".join(str(one.name) for one in there.other)
        raise TealError(
            f"{names}: there already, with another specification: nothing was created. Compare "
            "with `teal export`, and change or delete it first"
        )
    if there.same:
        click.echo(f"there already, and the same: {len(there.same)}", err=err)
    if not there.new:
        click.echo("nothing to create: everything is there", err=err)
        return []
    question = f"Create {len(there.new)} resources at {url}?"
    if not removing.ask(question, yes, "teal import"):
        raise TealError("nothing was created")
    return _created(appmesh, url, there.new, err=err)


def _created(appmesh: object, url: str, resources: Sequence[Resource], *, err: bool) -> list[str]:
    made: list[str] = []
    for resource in resources:
        try:
            endpoint.create(appmesh, url, resource)
        except TealError as error:
            raise TealError(
                f"{error}\n{len(made)} of {len(resources)} were created; the same command goes on "
                "from there"
            ) from error
        made.append(str(resource.name))
    click.echo(f"created: {len(made)} resources", err=err)
    return made


def text(found: Found, to: str, *, adopt: bool = False) -> str:
    """A mesh in one text."""
    if to == "terraform":
        return terraform.configuration(found.resources, adopt=adopt)
    return f"{json.dumps([one.request for one in found.resources], indent=2)}\n"


def write(found: Found, to: str, directory: Path, *, adopt: bool) -> list[str]:
    """Write a mesh into files of a directory; returns their names. Raises TealError if one is
    there already.
    """
    if to == "terraform":
        contents = {"main.tf": text(found, to, adopt=adopt)}
    else:
        contents = dict(aws_cli.files(found.resources))
        contents["create.sh"] = aws_cli.script(list(contents))
    for name in contents:
        if (directory / name).exists():
            raise TealError(f"{directory / name} is there already: choose another --directory")
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_text(content, encoding="utf-8")
    return list(contents)
