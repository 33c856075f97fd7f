"""The command for the database itself: migrate, check, backup and restore."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tealmesh.cli.database_url import VARIABLE, place
from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import print_json, with_json
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.store.database.dump import Copied
    from tealmesh.store.database.opening import Database

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=Commands)
def database() -> None:
    """Prepare, check, back up or restore the database of a control plane.

    URL is postgresql://USER@HOST/NAME, or the path of a SQLite file, such as state.db in the data
    directory of `teal up`. A password belongs in TEAL_DATABASE, --database-file, PGPASSWORD or
    ~/.pgpass.
    """


def _with_database(command: F) -> F:
    """Add URL and --database-file, which pass a ``used`` database to the command."""
    url = click.argument("url", required=False, default="", envvar=VARIABLE)
    file = click.option(
        "--database-file",
        type=_FILE,
        metavar="FILE",
        help="A file with the URL, in place of the argument.",
    )
    return url(file(command))


@contextlib.contextmanager
def _opened(
    context: click.Context, url: str, file: Path | None, *, new: bool = False
) -> Iterator[Database]:
    import sqlalchemy as sa

    from tealmesh.store.database.opening import Database, file_of, reason_of

    where = place(context, "url", "URL", url, file)
    path = file_of(where)
    if path is not None:
        if not new and not path.is_file():
            raise TealError(f"{path}: there is no such file")
        _refuse_others(path, new)
    used = Database.at(where)
    with contextlib.closing(used):
        try:
            yield used
        except sa.exc.SQLAlchemyError as error:
            raise TealError(f"the database {used.name}: {reason_of(error)}") from error


def _refuse_others(file: Path, new: bool) -> None:
    """SQLite takes a file of a few bytes for an empty database, and writes its own into it."""
    from tealmesh.store.database.opening import SQLITE

    try:
        with file.open("rb") as opened:
            beginning = opened.read(len(SQLITE))
    except FileNotFoundError:
        return
    if beginning != SQLITE and (beginning or not new):
        raise TealError(f"{file}: is not a SQLite database")


@database.command(short_help="Make or change its tables for this version.")
@_with_database
@with_json
@click.pass_context
def migrate(context: click.Context, url: str, database_file: Path | None, as_json: bool) -> None:
    """Create the tables that a database lacks, or convert them to the format of this version.

    Needs the right to do so: run it as the owner of the tables, before replicas of a new version
    start. Those that run go on meanwhile.
    """
    from tealmesh.store.database.formats import FORMAT, prepare

    with _opened(context, url, database_file, new=True) as used:
        done = prepare(used, random_id)
        if as_json:
            print_json({"format": FORMAT, "done": done})
            return
        for line in done:
            click.echo(line)
        click.echo(f"{used.name} has format {FORMAT}" + ("" if done else ": nothing to do"))


@database.command(short_help="Say what it has, and what is wrong with it.")
@_with_database
@with_json
@click.pass_context
def check(context: click.Context, url: str, database_file: Path | None, as_json: bool) -> None:
    """Read everything and say what is there. The exit code is 1 if something is wrong. Changes
    nothing.
    """
    from tealmesh.store.database.checking import check as look

    with _opened(context, url, database_file) as used:
        found = look(used)
        if as_json:
            print_json(asdict(found))
        else:
            click.echo(f"{used.name}: {found.server}, format {found.format}")
            click.echo(f"revision {found.revision}, {found.audit} events kept")
            for collection, count in found.documents.items():
                click.echo(f"{count:>8}  {collection}")
            for problem in found.problems:
                click.echo(f"wrong: {problem}")
            click.echo("something is wrong" if found.problems else "ok")
    if found.problems:
        sys.exit(1)


@database.command(short_help="Write all of it to a file.")
@_with_database
@click.option(
    "--to", required=True, type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE",
    help="The backup, or - for standard output. Of SQLite, a name that ends with .db is a copy"
    " of the file; everything else is JSON lines, which either database takes.",
)  # fmt: skip
@with_json
@click.pass_context
def backup(
    context: click.Context, url: str, database_file: Path | None, to: str, as_json: bool
) -> None:
    """Write all of a database, as it is at one revision, to a new file that only you can read.

    A control plane may use it meanwhile. The backup has everything that the control plane knows,
    secrets of tasks included; keys are not in the database: they are files of the data directory.
    """
    from tealmesh.store.database import dump

    with _opened(context, url, database_file) as used:
        if to == "-":
            dump.write_lines(used, sys.stdout)
            return
        if to.endswith(".db") and used.shared:
            raise click.UsageError(f"--to {to}: a .db is a copy of SQLite's file")
        with dump.private(Path(to)) as part:
            if to.endswith(".db"):
                copied = dump.copy_sqlite(used, part)
            else:
                with part.open("w", encoding="utf-8") as file:
                    copied = dump.write_lines(used, file)
        _tell(as_json, copied, f"wrote {{}} at revision {copied.revision} to {to}")


@database.command(short_help="Put a backup back.")
@_with_database
@click.option(
    "--from", "source", required=True, metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="A backup of either kind, from either database, or - for standard input.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Delete what the database has first.")
@with_json
@click.pass_context
def restore(
    context: click.Context,
    url: str,
    database_file: Path | None,
    source: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Put a backup into an empty database: all of it, or nothing.

    The way from SQLite to PostgreSQL is a backup of one, restored in the other. Stop control planes
    before, unless the database has only lost what the backup has too.
    """
    from tealmesh.store.database import dump

    with _opened(context, url, database_file, new=True) as used:
        with (
            contextlib.nullcontext(dump.read_lines(sys.stdin, "the input"))
            if source == "-"
            else dump.opened(Path(source), random_id)
        ) as records:
            copied = dump.restore(
                used, records, replace=replace, clock=system_clock, new_id=random_id
            )
        _tell(as_json, copied, f"restored {{}} into {used.name}")


def _tell(as_json: bool, copied: Copied, text: str) -> None:
    documents, events = copied.counts["document"], copied.counts["audit"]
    if as_json:
        print_json({"revision": copied.revision, "documents": documents, "events": events})
    else:
        click.echo(text.format(f"{documents} documents and {events} events"))


COMMANDS = (database,)
