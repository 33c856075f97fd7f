"""`teal image`: makes images in the Docker or Podman of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tealmesh.cli.mistyped import Commands
from tealmesh.model.errors import TealError

BASE = "docker.io/library/python:3.13-slim"
_AGENT = "tealmesh-envoy"

_base = click.option(
    "--base", metavar="IMAGE", help=f"Image to build on, with Python and pip (default: {BASE})."
)
_tag = click.option("--tag", metavar="NAME", help="The name of the image.")
_push = click.option(
    "--push",
    metavar="REPOSITORY",
    help="Push it to this repository afterwards; you must be logged in there.",
)
_source = click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A checkout of Tealmesh to build from (default: the one that `teal` is installed from).",
)


@click.group(cls=Commands, short_help="Make images for Docker or Podman.")
def image() -> None:
    """Make images for tasks in containers, and for production."""


@image.command()
@_base
@_tag
@_push
@_source
def envoy(base: str | None, tag: str | None, push: str | None, source: Path | None) -> None:
    """Make an image of Envoy.

    Without options it is made from the Envoy binary that Tealmesh uses, without a registry, for
    this machine: tasks use it in place of a sidecar image that Docker does not have.

    With --base, --tag or --push it is that of images/envoy, which brings the agent, for tasks on
    ECS. Keep tealmesh-envoy in its name, by which `teal up` knows it.

    \b
        teal image envoy --base python:3.13-slim --push REGISTRY/tealmesh-envoy:1
    """
    if base or tag or push or source:
        name = _built("envoy", base or BASE, tag or push or f"localhost/{_AGENT}:local", source)
        if _AGENT not in name:
            click.echo(f"note: `teal up` knows Envoy by {_AGENT} in an image's name", err=True)
        _pushed(name, push)
        return
    _from_binary()


@image.command(name="control-plane")
@_base
@_tag
@_push
@_source
def control_plane(base: str | None, tag: str | None, push: str | None, source: Path | None) -> None:
    """Make the image of the control plane, `teal serve`.

    \b
        teal image control-plane --push REGISTRY/tealmesh:1
    """
    name = tag or push or "localhost/tealmesh-control-plane:local"
    _pushed(_built("control-plane", base or BASE, name, source), push)


def _from_binary() -> None:
    import asyncio

    from tealmesh.cli.screens.waiting import waiting
    from tealmesh.engine.runtimes.build import docker_found
    from tealmesh.engine.runtimes.docker.images import ENVOY_IMAGE, make_envoy
    from tealmesh.engine.runtimes.sidecar import find_envoy

    async def make() -> str:
        api, name = await docker_found(os.environ)
        try:
            await make_envoy(api, Path(find_envoy()))
        finally:
            await api.close()
        return name

    with waiting(f"making {ENVOY_IMAGE}"):
        name = asyncio.run(make())
    click.echo(f"made {ENVOY_IMAGE} in {name}")


def _built(which: str, base: str, name: str, source: Path | None) -> str:
    """Build one of `images/` from a checkout; its name."""
    root = checkout(source)
    engine = engine_of(os.environ)
    file = root / "images" / which / "Containerfile"
    command = [*engine, "build", "--file", str(file), "--build-arg", f"BASE={base}"]
    if Path(engine[0]).name == "podman":
        # The other format has no health checks.
        command += ["--format", "docker"]
    _run([*command, "--tag", name, str(root)])
    click.echo(f"made {name}")
    return name


def _pushed(name: str, repository: str | None) -> None:
    if repository is None:
        return
    engine = engine_of(os.environ)
    if repository != name:
        _run([*engine, "tag", name, repository])
    _run([*engine, "push", repository])
    click.echo(f"pushed {repository}")


def engine_of(environment: Mapping[str, str]) -> list[str]:
    """The command of the container engine. Raises TealError."""
    if docker := shutil.which("docker", path=environment.get("PATH")):
        return [docker]
    podman = shutil.which("podman", path=environment.get("PATH"))
    if podman is None:
        raise TealError("neither `docker` nor `podman` is on PATH: one of them builds images")
    url = environment.get("DOCKER_HOST") or environment.get("CONTAINER_HOST")
    return [podman, "--url", url] if url else [podman]


def checkout(source: Path | None) -> Path:
    """Where the files of `images/` are. Raises TealError."""
    root = source or Path(__file__).parents[4]
    if not (root / "images" / "envoy" / "Containerfile").is_file():
        raise TealError(
            f"{root} is not a checkout of Tealmesh, which images are built from: give --source DIR"
        )
    return root.resolve()


def _run(command: Sequence[str]) -> None:
    """Run the engine, with its output. Raises TealError."""
    done = subprocess.run(command, check=False)
    if done.returncode:
        shown = " ".join([Path(command[0]).name, *command[1:3]])
        raise TealError(f"`{shown} …` has failed with exit code {done.returncode}: see above")


COMMANDS = (image,)
