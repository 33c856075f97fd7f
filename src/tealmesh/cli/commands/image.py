"""`teal image`: makes images in the Docker or Podman of this machine."""

from __future__ import annotations

import os

import click


@click.group()
def image() -> None:
    """Make images for tasks in containers, without a registry."""


@image.command()
def envoy() -> None:
    """Make an Envoy image from the Envoy binary that Tealmesh uses.

    Tasks use it in place of a sidecar image that Docker does not have.
    """
    import asyncio
    from pathlib import Path

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


COMMANDS = (image,)
