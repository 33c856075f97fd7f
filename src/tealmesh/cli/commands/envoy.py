"""`teal envoy bootstrap`: the configuration that connects an Envoy to a control plane."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli import elb_proxy
from tealmesh.cli.commands.identity import identity
from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import (
    data_dir_option,
    default_data_dir,
    existing,
    print_json,
    read_text,
    with_json,
)
from tealmesh.model.errors import TealError
from tealmesh.model.private import write_private

if TYPE_CHECKING:
    from tealmesh.envoy.bootstrap.transport import Transport

_LONGEST_SOCKET = 107
"""Bytes."""


@click.group(cls=Commands)
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
    "--admin-socket",
    type=click.Path(dir_okay=False, path_type=Path, resolve_path=True),
    metavar="FILE",
    help="Unix socket of mode 0600 for all of the admin interface: --admin-address then answers "
    "GET of /ready, /server_info, /stats and /stats/prometheus alone.",
)
@click.option(
    "--envoy-version",
    default="",
    metavar="VERSION",
    help="Version of the Envoy (1.29); before 1.36 its token has to be in the bootstrap itself.",
)
@click.option("--task", default="", metavar="ID", help="Name of this Envoy in `teal envoys`.")
@click.option(
    "--ca",
    type=click.Path(dir_okay=False, path_type=Path, resolve_path=True),
    metavar="FILE",
    help="Connect by TLS: PEM file with the authority of the control plane's certificate.",
)
@click.option(
    "--server-name",
    metavar="NAME",
    help="With --ca: what that certificate must be for (default: the host of --xds).",
)
@click.option(
    "--certificate",
    type=click.Path(dir_okay=False, path_type=Path, resolve_path=True),
    metavar="FILE",
    help="With --ca: PEM file with the certificate that this Envoy shows.",
)
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path, resolve_path=True),
    metavar="FILE",
    help="With --certificate: PEM file with its key.",
)
@click.option("--sotw", is_flag=True, help="Request the state of the world instead of increments.")
@click.option(
    "--for",
    "runner",
    type=click.Choice(["elb-proxy"]),
    help="Who runs it: elb-proxy writes a file and an archive for ELB for Envoy into --output, a "
    "directory (docs/elb-for-envoy.md).",
)
@click.option(
    "--virtual-gateway",
    metavar="MESH/GATEWAY",
    help="With --for elb-proxy: the gateway that it is.",
)
@click.option(
    "--archive-root",
    metavar="PATH",
    help="With --for elb-proxy: where AWS puts the files of an archive, as its guide says.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file, readable only by you, and the Envoy's token beside it.",
)
def bootstrap(
    xds: str,
    token_file: Path | None,
    identity_file: Path | None,
    address: str,
    app_address: str,
    admin_address: str,
    admin_socket: Path | None,
    envoy_version: str,
    task: str,
    ca: Path | None,
    server_name: str | None,
    certificate: Path | None,
    key: Path | None,
    sotw: bool,
    runner: str | None,
    virtual_gateway: str | None,
    archive_root: str | None,
    output: Path | None,
) -> None:
    """Print the bootstrap of an Envoy, as JSON.

    It is configured by the environment variables of the App Mesh Envoy image.
    APPMESH_RESOURCE_ARN names its virtual node or gateway, as an ARN or as
    mesh/MESH/virtualNode/NAME. Its token is in a file of its own, beside the output
    (web.token.json for web.json), and nowhere else; it proves that node and no other. An Envoy
    before 1.36 (--envoy-version) cannot read it there: keep its admin interface to yourself, by
    --admin-socket.

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
    if runner is not None:
        if virtual_gateway is None:
            raise click.UsageError("--for elb-proxy needs --virtual-gateway MESH/GATEWAY")
        at, files = (host.strip("[]"), int(port)), (ca, certificate, key)
        whose = (server_name or host).strip("[]")
        elb_proxy.write(virtual_gateway, at, whose, files, archive_root, output, delta=not sotw)
        return
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
    secured = _transport(output, ca, server_name or host, certificate, key)
    config = envoy_bootstrap(
        os.environ,
        xds_address=(host.strip("[]"), int(port)),
        token_file=str(shown.resolve()) if shown else "",
        token="" if by_file else token,
        task=task,
        address=address,
        app_address=app_address,
        admin_address=admin_address,
        admin_socket=_socket(admin_socket),
        delta=not sotw,
        transport=secured,
        read=lambda path: Path(path).read_text(encoding="utf-8"),
    )
    text = json.dumps(config, indent=2)
    if output is None:
        click.echo(text)
        return
    if beside is not None:
        write_private(beside, json.dumps(token_secret(token)))
    for path, named in (secured.files() if secured else {}).items():
        write_private(Path(path), json.dumps(named))
    write_private(output, f"{text}\n")


def _socket(path: Path | None) -> str:
    """The path of a Unix socket. https://man7.org/linux/man-pages/man7/unix.7.html"""
    if path is not None and len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise click.UsageError(
            f"--admin-socket {path}: a socket's path may have {_LONGEST_SOCKET} bytes"
        )
    return str(path) if path is not None else ""


def _transport(
    output: Path | None,
    ca: Path | None,
    server_name: str,
    certificate: Path | None,
    key: Path | None,
) -> Transport | None:
    """How the Envoy reaches the control plane; None without TLS."""
    from tealmesh.envoy.bootstrap.transport import transport

    if ca is None:
        if certificate or key:
            raise click.UsageError("--certificate and --key need --ca: they are for TLS")
        return None
    if output is None:
        raise click.UsageError(
            "--ca needs --output: Envoy watches the files that are named in one beside it"
        )
    beside = output.with_suffix("").resolve()
    own, its_key = (str(path) if path else "" for path in (certificate, key))
    for path, option in ((ca, "--ca"), (certificate, "--certificate"), (key, "--key")):
        if path is not None:
            read_text(path, option)
    return transport(str(beside), str(ca), server_name, own, its_key)


def _token(file: Path, resource: str, task: str) -> str:
    """The token of an Envoy, which proves it to be of this node, and called ``task``."""
    from tealmesh.model.identity.envoys import Identity, Owner, token
    from tealmesh.model.identity.keys import owned_key

    # A second line is the former one, until `teal keys retire`.
    own = read_text(file, "--token-file").split()
    if not own:
        raise click.UsageError(f"{file}: holds no token")
    return token(Identity(Owner.USER, task, resource), owned_key(own[0]))


envoy.add_command(identity)


@envoy.command(short_help="Say which nodes a client certificate or a role is good for.")
@click.argument("who", required=False, metavar="[URI|ROLE]")
@click.argument("resources", nargs=-1, metavar="[NODE]...")
@click.option("--id", "unique_id", default="", metavar="AROA…", help="Only the role with this id.")
@click.option("--remove", is_flag=True, help="Revoke what was allowed.")
@click.option("--list", "listing", is_flag=True, help="Show what is allowed.")
@data_dir_option("Data directory of the control plane (default: the platform's).")
@with_json
def allow(
    who: str | None,
    resources: tuple[str, ...],
    unique_id: str,
    remove: bool,
    listing: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Let Envoys whose certificate has URI connect as NODE, mesh/MESH/virtualNode/NAME.

    For `teal up --client-ca`. A certificate of spiffe://DOMAIN/mesh/MESH/virtualNode/NAME needs no
    such word: its URI says it. What changes counts for streams that begin from then on.

    With the ARN of an IAM role: let Envoys with that role be NODE, where * means any mesh or name.
    As soon as one role is named, policies of roles are no longer asked, and a role that is not
    named may be nothing. What changes counts within a minute for Envoys that are connected.
    """
    from tealmesh.model.identity.bindings import Bindings, RoleLine, load_bindings, save_bindings

    directory = existing((data_dir or default_data_dir()).absolute())
    known = load_bindings(directory)
    certificates, roles = dict(known.certificates), dict(known.roles or {})
    if listing or who is None:
        entries = [*certificates.items(), *((r, line.resources) for r, line in roles.items())]
        if as_json:
            print_json([_shown(name, allowed) for name, allowed in entries])
            return
        for name, allowed in entries:
            click.echo(_in_words(name, allowed))
        return
    _check_allowed(who, resources, unique_id, remove)
    if remove:
        taken = (certificates if "://" in who else roles).pop(who, None)
        if taken is None:
            raise TealError(f"{who} is not allowed anything by `teal envoy allow`")
        resources = ()
    elif "://" in who:
        certificates[who] = resources
    else:
        roles[who] = RoleLine(resources, unique_id)
    save_bindings(directory, Bindings(certificates, roles or None))
    if as_json:
        print_json(_shown(who, resources))
    else:
        click.echo(_in_words(who, resources))


def _check_allowed(who: str, resources: Sequence[str], unique_id: str, remove: bool) -> None:
    """Raise UsageError for what cannot be allowed."""
    from tealmesh.model.identity.bindings import RESOURCES, is_resource, is_role, is_unique_id

    by_role = is_role(who)
    if not by_role and "://" not in who:
        raise click.UsageError(
            f"{who!r}: must be a URI, such as spiffe://example.org/ns/shop/sa/web, or the ARN of a "
            "role, arn:aws:iam::ACCOUNT:role/NAME"
        )
    if unique_id and not (by_role and is_unique_id(unique_id)):
        raise click.UsageError(f"--id {unique_id!r}: must be the id of a role, AROA…")
    wrong = [one for one in resources or ("NODE",) if not is_resource(one)]
    if wrong and not remove:
        raise click.UsageError(f"{wrong[0]!r}: must be {RESOURCES}")


def _shown(who: str, resources: Sequence[str]) -> dict[str, str | list[str]]:
    kind = "certificate" if "://" in who else "role"
    return {kind: who, "resources": list(resources)}


def _in_words(who: str, resources: Sequence[str]) -> str:
    nothing = "no more than its id says" if "://" in who else "nothing"
    return f"{who}: {', '.join(resources) or nothing}"


COMMANDS = (envoy,)
