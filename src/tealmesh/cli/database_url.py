"""Where a command is told its database. No message shows what may have a password."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import click
from click.core import ParameterSource

from tealmesh.model.errors import TealError

VARIABLE = "TEAL_DATABASE"
KINDS = ("postgresql", "postgres", "postgresql+psycopg", "sqlite")


def place(context: click.Context, name: str, option: str, url: str, file: Path | None) -> str:
    """The URL or path of the database, from the parameter ``name``, which is called ``option``, or
    from a file. Raises UsageError for none or two, and for a password among the arguments.
    """
    if url and file is not None:
        raise click.UsageError(f"{option} and --database-file: give only one of them")
    if file is not None:
        url = read_secret(file, "--database-file")
    elif not url:
        raise click.UsageError(
            f"{option} is missing: postgresql://USER@HOST/NAME, or the path of a SQLite file for "
            "one control plane alone"
        )
    parts = urlsplit(url)
    if "://" in url and parts.scheme not in KINDS:
        raise click.UsageError(
            f"{option}: the URL begins with {parts.scheme}://, and must with postgresql://"
        )
    typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    secret = parts.password or any("password" in key for key, _ in parse_qsl(parts.query))
    if secret and typed:
        raise click.UsageError(
            f"{option} has a password, which everybody on this machine sees among the arguments: "
            f"give the URL by {VARIABLE} or --database-file"
        )
    return url


def read_secret(file: Path, option: str) -> str:
    """The line in a file that others cannot read. Raises TealError if they can, UsageError if there
    is no such line.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        # A mounted secret of Kubernetes belongs to root and is read by the pod's group.
        if mode & 0o027:
            raise TealError(
                f"{option} {file} is open to others (mode {mode:03o}): run `chmod 600 {file}`"
            )
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise click.UsageError(f"{option} {file}: {reason}") from error
    if not text or "\n" in text:
        raise click.UsageError(f"{option} {file}: must have one line, the URL")
    return text
