"""`teal image`: images made on this machine, for its container engine."""

from __future__ import annotations

import os

import click


@click.group(short_help="Make container images on this machine.")
def image() -> None:
    """Images for tasks in containers, made without a registry."""


@image.command()
def envoy() -> None:
    """Make an image for Envoy of the Envoy binary that Tealmesh has.

    Tasks take it in place of a sidecar image that the container engine does not have.
    """
    import asyncio
    from pathlib import Path

    from tealmesh.engine.runtimes.build import docker_found
    from tealmesh.engine.runtimes.docker.images import ENVOY_IMAGE, make_envoy
    from tealmesh.engine.runtimes.sidecar import find_envoy

    async def work() -> str:
        api, name = await docker_found(os.environ)
        try:
            await make_envoy(api, Path(find_envoy()))
        finally:
            await api.close()
        return name

    name = asyncio.run(work())
    click.echo(f"made {ENVOY_IMAGE} in {name}")


COMMANDS = (image,)
