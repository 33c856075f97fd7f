"""Removes services and gateways: asks first, and waits until nothing is left of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from tealmesh.cli.screens import changes
from tealmesh.cli.screens.waiting import waiting
from tealmesh.cli.services import deploying
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

POLL_SECONDS = 0.3


def show_removal(client: Client, name: str, *, err: bool = False) -> wire.RemoveOutput:
    """Print what a removal would delete, and what calls it; ``err`` as for `changes.show`."""
    planned = client.remove(name, plan=True)
    changes.show(planned["changes"], err=err)
    for caller in planned["callers"]:
        click.echo(f"  {caller}: those requests will fail", err=err)
    return planned


def ask(question: str, yes: bool, command: str) -> bool:
    """Whether the user agrees. ``yes``: without asking. Raises click.UsageError where nobody can
    be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody is there to be asked: {command} --yes does it unasked")
    return click.confirm(question, default=False, err=True)


def remove(
    client: Client, names: Sequence[str], say: Callable[[str], None], *, err: bool = False
) -> None:
    """Remove the services and gateways of these names, each whole, and wait until it is done.

    ``say`` gets a line about what is waited for. Ctrl-C leaves the rest to be repeated.
    """
    for name in names:
        said = ""
        with waiting(f"removing {name}") as told:
            while not (answer := client.remove(name))["done"]:
                left = f"{name}: waiting for {', '.join(answer['waitingFor'])}"
                told.now(left)
                if left != said and not told.drawn:
                    say(left)
                said = left
                time.sleep(POLL_SECONDS)
        click.echo(f"{answer['kind']} {name} is removed", err=err)


def refuse_unfinished(client: Client, name: str) -> None:
    """Raise TealError while a deployment of the service runs: nothing is asked in vain."""
    if name in deploying(client):
        raise TealError(
            f"a deployment of {name} is running: wait until it has finished, or end it "
            f"(`teal abort {name}`)"
        )
