"""`teal envoy bootstrap`: the configuration that connects an Envoy to a control plane."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from tealmesh.cli.commands.identity import identity
from tealmesh.cli.options import read_text
from tealmesh.cli.private import write_private


@click.group(short_help="Envoys that you run yourself.")
def envoy() -> None:
    """Envoys that you run yourself, beside those of the tasks."""


@envoy.command(short_help="Print the bootstrap of an Envoy.")
@click.option(
    "--xds",
    envvar="APPMESH_XDS_ENDPOINT",
    default="127.0.0.1:18000",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the control plane listens for Envoys (or APPMESH_XDS_ENDPOINT).",
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with your token: xds-token in the data directory. The Envoy gets one of its own.",
)
@click.option(
    "--identity-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of `teal envoy identity`, by which the Envoy proves its role instead.",
)
@click.option(
    "--address",
    default="",
    metavar="IP",
    help="Address that this Envoy binds if no traffic is redirected to it.",
)
@click.option(
    "--app-address",
    default="127.0.0.1",
    show_default=True,
    metavar="IP",
    help="Address on which the application listens.",
)
@click.option(
    "--admin-address",
    default="127.0.0.1",
    show_default=True,
    metavar="IP",
    help="Address of Envoy's admin interface.",
)
@click.option(
    "--envoy-version",
    default="",
    metavar="VERSION",
    help="Version of the Envoy (1.29); before 1.36 its token has to be in the bootstrap itself.",
)
@click.option("--task", default="", metavar="ID", help="Name of this Envoy in `teal envoys`.")
@click.option("--sotw", is_flag=True, help="Request the state of the world instead of increments.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, readable only by you, and the Envoy's token beside it.",
)
def bootstrap(
    xds: str,
    token_file: Path | None,
    identity_file: Path | None,
    address: str,
    app_address: str,
    admin_address: str,
    envoy_version: str,
    task: str,
    sotw: bool,
    output: Path | None,
) -> None:
    """Print the bootstrap of an Envoy, as JSON.

    It is configured by the environment variables of the App Mesh Envoy image.
    APPMESH_RESOURCE_ARN names its virtual node or gateway, as an ARN or as
    mesh/MESH/virtualNode/NAME. Its token is in a file of its own, beside the output
    (web.token.json for web.json), and nowhere else; it proves that node and no other. An Envoy
    before 1.36 (--envoy-version) cannot read it there: keep its admin interface to yourself.

    \b
        export APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/web
        teal envoy bootstrap --token-file TOKEN -o web.json && envoy -c web.json
    """
    from tealmesh.envoy.bootstrap.bootstrap import bootstrap as envoy_bootstrap
    from tealmesh.envoy.bootstrap.bootstrap import resource_of
    from tealmesh.envoy.bootstrap.identity import token_secret
    from tealmesh.envoy.bootstrap.version import given, injects

    host, _, port = xds.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise click.UsageError(f"--xds {xds!r}: must be HOST:PORT")
    if token_file is not None and output is None:
        raise click.UsageError(
            "--token-file needs --output: the Envoy's token goes into a file beside it"
        )
    version = given(envoy_version)
    if envoy_version and version is None:
        raise click.UsageError(f"--envoy-version {envoy_version!r}: must be a version like 1.29")
    token = _token(token_file, resource_of(os.environ), task) if token_file else ""
    by_file = not envoy_version or injects(version)
    if token_file is not None and identity_file is not None:
        raise click.UsageError("--token-file and --identity-file: one of the two")
    beside = output.with_name(f"{output.stem}.token.json") if token and by_file and output else None
    shown = beside or identity_file
    config = envoy_bootstrap(
        os.environ,
        xds_address=(host.strip("[]"), int(port)),
        token_file=str(shown.resolve()) if shown else "",
        token="" if by_file else token,
        task=task,
        address=address,
        app_address=app_address,
        admin_address=admin_address,
        delta=not sotw,
        read=lambda path: Path(path).read_text(encoding="utf-8"),
    )
    text = json.dumps(config, indent=2)
    if output is None:
        click.echo(text)
        return
    if beside is not None:
        write_private(beside, json.dumps(token_secret(token)))
    write_private(output, text)


def _token(file: Path, resource: str, task: str) -> str:
    """The token of an Envoy, which proves it to be of this node, and called ``task``."""
    from tealmesh.model.identity.envoys import Identity, Owner, token
    from tealmesh.model.identity.keys import owned_key

    own = read_text(file, "--token-file").strip()
    if not own:
        raise click.UsageError(f"{file}: holds no token")
    return token(Identity(Owner.USER, task, resource), owned_key(own))


envoy.add_command(identity)

COMMANDS = (envoy,)
