"""`teal credentials`: the keys of a control plane, and who has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli.options import (
    data_dir_option,
    directory_of,
    existing,
    print_json,
    with_client,
    with_json,
)
from tealmesh.model.errors import TealError
from tealmesh.model.identity.issued import (
    ALL,
    FILE,
    OWNER,
    KnownCaller,
    PersonAccess,
    load,
    save,
    with_keys,
)

if TYPE_CHECKING:
    from tealmesh.cli.client import Client


@click.command()
@click.argument("name", default=OWNER)
@click.option("--new", is_flag=True, help="Give NAME access: issue a key pair.")
@click.option(
    "--unix-user",
    is_flag=True,
    help="With --new: NAME is a user of this machine and needs no keys.",
)
@click.option(
    "--access",
    type=click.Choice(["viewer", "deployer", "admin"]),
    default="viewer",
    show_default=True,
    help="With --new: what NAME may do. A deployer sees everything and deploys what is named.",
)
@click.option(
    "--mesh",
    "meshes",
    multiple=True,
    metavar="MESH",
    help="A deployer's own; with neither --mesh nor --service, all.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="SERVICE",
    help="A deployer's own; with neither --mesh nor --service, all.",
)
@click.option(
    "--role",
    metavar="ARN",
    help="With --new: NAME is an IAM role or user, which proves itself by --exchange.",
)
@click.option(
    "--exchange",
    is_flag=True,
    help="Print keys for an hour, for the AWS credentials of this environment.",
)
@click.option(
    "--sts",
    default="",
    metavar="URL",
    help="With --exchange: the STS that the control plane asks (default: AWS's of the region).",
)
@click.option("--remove", is_flag=True, help="End NAME's access, from the next call on.")
@click.option("--list", "listing", is_flag=True, help="List who has access, without keys.")
@data_dir_option("Data directory (default: that of the running control plane).")
@with_json
@with_client
def credentials(
    name: str,
    new: bool,
    unix_user: bool,
    access: PersonAccess,
    meshes: tuple[str, ...],
    services: tuple[str, ...],
    role: str | None,
    exchange: bool,
    sts: str,
    remove: bool,
    listing: bool,
    data_dir: Path | None,
    as_json: bool,
    client: Client,
) -> None:
    """Print the keys of NAME, by default the owner's, as the AWS CLI and SDKs read them.

    Programs of the user who runs the control plane, and of root, need no keys. For others, in
    ~/.aws/config: credential_process = teal credentials NAME --data-dir DIR
    """
    if new + remove + listing + exchange > 1:
        raise click.UsageError("--new, --remove, --list and --exchange: give only one of them")
    if exchange:
        click.echo(json.dumps(_exchanged(client, sts), indent=2))
        return
    directory = existing(directory_of(client, data_dir))
    callers = load(directory)
    known = next((one for one in callers if one.name == name), None)
    if listing and as_json:
        print_json([_shown(one) for one in callers])
    elif listing:
        for one in callers:
            click.echo(_in_words(one))
    elif new:
        if known is not None:
            raise TealError(f"{name!r} has access already ({_in_words(known)}): use --remove first")
        _check_name(name)
        every = () if meshes or services else (ALL,)
        made = with_keys(name, access, meshes or every, services or every)
        if role:
            made = replace(made, key_id="", secret="", role=_arn(role))
        elif unix_user:
            made = replace(made, key_id="", secret="", unix_user=_existing(name))
        save(directory, [*callers, made])
        keyless = unix_user or bool(role)
        _tell(made, keyless and as_json, _in_words(made) if keyless else _process(made))
    elif remove:
        if name == OWNER:
            raise TealError(
                f"the owner's keys stay: delete {directory / FILE} to issue new keys for everybody"
            )
        if known is None:
            raise _nobody(name, directory, callers)
        save(directory, [one for one in callers if one.name != name])
        _tell(known, as_json, f"{name} is let in no more")
    elif known is None or not known.key_id:
        raise _nobody(name, directory, callers)
    else:
        click.echo(_process(known))


def _exchanged(client: Client, sts: str) -> dict[str, str | int]:
    """Keys for the identity that the AWS credentials of the environment prove."""
    from tealmesh.model.identity.presigning import aws_credentials, aws_region, presigned_token

    server_id = client.health().server_id
    return client.login(presigned_token(aws_credentials(), aws_region(), server_id, sts))


def _check_name(name: str) -> None:
    """As of an IAM user, whom the audit log names beside."""
    import re

    if not re.fullmatch(r"[A-Za-z0-9_+=,.@-]{1,64}", name):
        raise click.UsageError(f"NAME {name!r}: must be 1 to 64 letters, digits and _+=,.@-")


def _arn(role: str) -> str:
    import re

    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+", role):
        raise click.UsageError(
            f"--role {role!r}: must be the ARN of an IAM role or user, such as "
            "arn:aws:iam::123456789012:role/ci"
        )
    return role


def _existing(user: str) -> str:
    import pwd

    try:
        return pwd.getpwnam(user).pw_name
    except KeyError as error:
        raise TealError(f"--unix-user: this machine has no user {user!r}") from error


def _process(caller: KnownCaller) -> str:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html"""
    keys = {"Version": 1, "AccessKeyId": caller.key_id, "SecretAccessKey": caller.secret}
    return json.dumps(keys, indent=2)


def _tell(caller: KnownCaller, as_json: bool, text: str) -> None:
    if as_json:
        print_json(_shown(caller))
    else:
        click.echo(text)


def _shown(caller: KnownCaller) -> dict[str, str | list[str]]:
    """Without the secret."""
    return {
        "name": caller.name,
        "access": caller.access,
        "meshes": list(caller.meshes),
        "services": list(caller.services),
        "accessKeyId": caller.key_id,
        "unixUser": caller.unix_user,
        "role": caller.role,
    }


def _in_words(caller: KnownCaller) -> str:
    by = "Unix user" if caller.unix_user else caller.role or f"key {caller.key_id}"
    of = ""
    if caller.access == "deployer":
        meshes, services = (
            "all" if ALL in names else ", ".join(names) or "none"
            for names in (caller.meshes, caller.services)
        )
        of = f" of meshes {meshes}; services {services}"
    return f"{caller.name}: {caller.access}{of} ({by})"


def _nobody(name: str, directory: Path, callers: list[KnownCaller]) -> TealError:
    known = ", ".join(one.name for one in callers if one.key_id) or "none yet: run `teal up` first"
    return TealError(f"{directory / FILE} has no keys of {name!r} (it has {known})")


COMMANDS = (credentials,)
