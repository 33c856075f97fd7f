"""`teal keys`: the secrets that a control plane signs with, and how others take their place."""

from __future__ import annotations

from pathlib import Path

import click

from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import data_dir_option, default_data_dir, print_json, with_json
from tealmesh.model.errors import TealError

_DATA_DIR = data_dir_option("Data directory of the control plane (default: the platform's).")
_FILES = click.argument("files", nargs=-1, metavar="[FILE]...")


@click.group(cls=Commands)
def keys() -> None:
    """The secrets in the data directory that tokens are signed with, by their ids.

    master-key signs the tokens of Envoys, of tasks that ask for their role's credentials, and of
    the page, and seals what the other AWS services keep; task-keys those
    credentials; link-key the links in notices; xds-token the tokens of Envoys that you run
    yourself.
    """


@keys.command("show", short_help="Show the ids, without the secrets.")
@_DATA_DIR
@with_json
def show(data_dir: Path | None, as_json: bool) -> None:
    """Show which keys sign, and which former ones still verify."""
    _tell(data_dir, (), as_json)


@keys.command("bundle", short_help="Print all of it as one secret, for `teal serve`.")
@click.option(
    "--with",
    "beside",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A further file for the directory of --keys, by its name: a certificate, its key, an"
    " authority.",
)
@_DATA_DIR
def bundled(data_dir: Path | None, beside: tuple[Path, ...]) -> None:
    """Print the secrets of a directory as one JSON object, for replicas of `teal serve` that share
    no file system: in the variable TEAL_SECRETS, they write it into the directory of --keys.

    What the directory lacks is made. It is all secret: pass it on without showing it.

    \b
        teal keys bundle --with tls.crt --with tls.key | \\
          aws secretsmanager create-secret --name teal \\
            --secret-string file:///dev/stdin
    """
    from tealmesh.model.identity import directory

    where = (data_dir or default_data_dir()).absolute()
    directory.make(where, "--data-dir")
    click.echo(directory.bundle(where, beside))


@keys.command(short_help="Sign with new secrets from now on.")
@_FILES
@_DATA_DIR
@with_json
def rotate(files: tuple[str, ...], data_dir: Path | None, as_json: bool) -> None:
    """Create new secrets for FILE (default: for all files). The former ones verify until `teal keys
    retire`.

    A control plane that runs uses them within a second and gives its Envoys new tokens; no request
    is lost.
    """
    from tealmesh.model.identity import rings

    paths = _paths(data_dir, files)
    # All or none: what has a former key refuses.
    for path in paths:
        if rings.load(path).former:
            rings.rotated(path)
    for path in paths:
        rings.rotated(path)
    _tell(data_dir, files, as_json)


@keys.command(short_help="End what the former secrets signed.")
@_FILES
@_DATA_DIR
@with_json
def retire(files: tuple[str, ...], data_dir: Path | None, as_json: bool) -> None:
    """End the former secrets of FILE (default: of all files): they no longer verify anything.

    Do so when nothing needs them: credentials of roles last an hour and links a day. Tasks that
    were started before the rotation get no new credentials of their role, and Envoys before 1.36
    no configuration, after it: deploy them anew first, or if the secret is known to others, do not
    wait for that. Envoys that you run need a bootstrap anew (`teal envoy bootstrap`). The former
    master-key opens nothing that is kept, either.
    """
    from tealmesh.aws.moto.resealing import reseal
    from tealmesh.cli.screens.waiting import waiting
    from tealmesh.model.identity import rings

    paths = _paths(data_dir, files)
    with waiting("sealing anew what the other AWS services keep"):
        for path in paths:
            if path.name == rings.MASTER_KEY and rings.load(path).former:
                reseal(path.with_name("moto.jsonl"))
    for path in paths:
        rings.retired(path)
    _tell(data_dir, files, as_json)


def _paths(data_dir: Path | None, files: tuple[str, ...]) -> list[Path]:
    """Those that are named, or all that there are. Raises TealError."""
    from tealmesh.model.identity.rings import NAMES

    directory = (data_dir or default_data_dir()).absolute()
    for name in files:
        if name not in NAMES:
            raise click.UsageError(f"{name!r}: must be one of {', '.join(NAMES)}")
    found = [directory / name for name in files or NAMES if (directory / name).exists()]
    if not found:
        raise TealError(f"{directory} has no keys: run `teal up` first, or give --data-dir")
    return found


def _tell(data_dir: Path | None, files: tuple[str, ...], as_json: bool) -> None:
    from tealmesh.model.identity import rings

    found = {path.name: rings.load(path).ids for path in _paths(data_dir, files)}
    if as_json:
        print_json([_shown(name, ids) for name, ids in found.items()])
        return
    for name, ids in found.items():
        former = f"; {ids[1]} verifies what it signed before" if ids[1:] else ""
        click.echo(f"{name}: {ids[0]} signs{former}")


def _shown(name: str, ids: tuple[str, ...]) -> dict[str, str]:
    return {"name": name, "id": ids[0], "formerId": "".join(ids[1:])}


COMMANDS = (keys,)
