"""`teal init`: a teal.toml to begin with."""

from __future__ import annotations

import shlex
import shutil
import socket
import sys
from pathlib import Path

import click

from tealmesh.model.errors import TealError

FIRST_PORT = 9080
_PORTS = 20


@click.command()
@click.argument(
    "directory", type=click.Path(file_okay=False, path_type=Path), default=Path(), required=False
)
@click.option(
    "--command",
    metavar="COMMAND",
    help="The command that starts your application, such as 'node server.js'; without it, a sample "
    "application is written too.",
)
@click.option(
    "--health-path",
    metavar="PATH",
    help="A path that answers 200 when your application can serve (default: /).",
)
@click.option("--name", metavar="NAME", help="The name of the mesh (default: the directory's).")
def init(directory: Path, command: str | None, health_path: str | None, name: str | None) -> None:
    """Write a commented teal.toml for one service behind a gateway, in DIRECTORY (here, if none is
    given).

    `teal up -d && teal apply` runs it. Nothing that exists is overwritten, and nothing is asked.
    """
    from tealmesh.cli.system import scaffold
    from tealmesh.model.config.parse import parse

    file = directory / "teal.toml"
    if file.exists():
        raise TealError(f"{file} is there already: remove it, or choose another directory")
    program = None if command is not None else _sample(directory)
    images = _images(command, program)
    name = name or scaffold.mesh_name(directory.absolute().name)
    path = health_path or ("/health" if program else "/")
    port = _free_port()
    text = scaffold.teal_toml(name, images, path, port)
    parse(text, str(file))
    directory.mkdir(parents=True, exist_ok=True)
    if program is not None:
        _write(program, _sample_source().read_text(encoding="utf-8"))
    _write(file, text)
    _say_next(directory, sample=program is not None, port=port)


def _images(command: str | None, program: Path | None) -> str:
    from tealmesh.cli.system import scaffold

    if program is not None:
        python = "python3" if shutil.which("python3") else sys.executable
        return scaffold.sample_images(python, program.name)
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise click.UsageError(f"--command {command}: {error}") from error
    if not words:
        raise click.UsageError(f"--command {command!r}: must be a command and its arguments")
    return scaffold.own_images(words)


def _sample(directory: Path) -> Path:
    """Where the sample application goes. Raises TealError if that exists already."""
    file = directory / "app.py"
    if file.exists():
        raise TealError(
            f"{file} is there already: say how to start your application with --command, such as "
            "`teal init --command 'python3 app.py'`, or choose another directory"
        )
    return file


def _sample_source() -> Path:
    from tealmesh.cli.demo.system import sample_directory

    return sample_directory() / "app.py"


def _free_port() -> int:
    """The first port from `FIRST_PORT` on that nothing listens on."""
    for port in range(FIRST_PORT, FIRST_PORT + _PORTS):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return FIRST_PORT


def _write(file: Path, text: str) -> None:
    """Write a file that does not exist yet."""
    with file.open("x", encoding="utf-8") as new:
        new.write(text)
    click.echo(f"wrote {file}")


def _say_next(directory: Path, *, sample: bool, port: int) -> None:
    change = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    bad = "\n  teal deploy web --image :3         # fails: rolls back by itself" if sample else ""
    click.echo(
        f"""
next:
  {change}teal up -d && teal apply
  curl http://127.0.0.1:{port}/
  teal load http://127.0.0.1:{port}/     # traffic, in another terminal
  teal deploy web --image :2         # the next version, step by step{bad}
  teal down                          # stop everything"""
    )


COMMANDS = (init,)
