"""Commands that steer deployments, and keep others from beginning: promote, pause, retry, lock,
unlock.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.following.ending import Ending, ends, follow_or_report
from tealmesh.cli.groups import commands
from tealmesh.cli.groups.choosing import or_group
from tealmesh.cli.options import print_json, with_client, with_json

if TYPE_CHECKING:
    from tealmesh.cli.client import Client


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.option("--full", is_flag=True, help="Skip all steps and the bake time.")
@ends
@or_group(commands.promote)
@with_client
def promote(service: str, full: bool, ending: Ending, client: Client) -> None:
    """Skip the rest of the step that the deployment of SERVICE is in, or --full: all steps.

    Waits are skipped, and what has no verdict yet; a gate that fails still rolls back. A paused
    deployment goes on. The journal names who promoted it.
    """
    follow_or_report(client, client.promote(service, full), ending)


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@or_group(commands.pause)
@with_json
@with_client
def pause(service: str, as_json: bool, client: Client) -> None:
    """Keep the running deployment of SERVICE at its present weight: it keeps measuring, and its
    time limits stand still. A version that fails is still rolled back, and a side that dies loses
    its weight.

    `teal resume` ends the pause.
    """
    paused = client.pause(service)
    if as_json:
        print_json(paused)
        return
    new, old = paused.get("newSide", "the new side"), paused.get("oldSide", "the old one")
    click.echo(
        f"{paused['service']}: paused in {paused.get('state', paused['phase'])}; the weights of "
        f"{old} and {new} stay: `teal resume {paused['service']}` goes on, "
        f"`teal abort {paused['service']}` goes back"
    )


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@ends
@or_group(commands.retry)
@with_client
def retry(service: str, ending: Ending, client: Client) -> None:
    """Start again the last deployment of SERVICE that was rolled back or stopped, with the same
    image, strategy and steps.
    """
    answer = client.retry(service, uuid.uuid4().hex)
    for note in answer.get("notes", []):
        click.echo(f"note: {note}", err=True)
    follow_or_report(client, answer["deployment"], ending)


@click.command()
@click.argument("service", shell_complete=completing.names)
@click.option("--reason", metavar="TEXT", help="The reason, which whoever is refused is shown.")
@click.option(
    "--for", "lasts", metavar="TIME", help="How long, such as 2h (default: until `teal unlock`)."
)
@with_json
@with_client
def lock(
    service: str, reason: str | None, lasts: str | None, as_json: bool, client: Client
) -> None:
    """Refuse new deployments of SERVICE until `teal unlock`; a running one continues, and `teal
    rollback` is still possible.
    """
    locked = client.lock(service, reason, _seconds(lasts))
    if as_json:
        print_json(locked)
        return
    from tealmesh.cli.screens.render import lock_words

    click.echo(f"{service}: {lock_words(locked)}; `teal unlock {service}` ends that")


@click.command()
@click.argument("service", shell_complete=completing.names)
@with_json
@with_client
def unlock(service: str, as_json: bool, client: Client) -> None:
    """Allow deployments of SERVICE again."""
    ended = client.unlock(service)
    if as_json:
        print_json(ended)
        return
    from tealmesh.cli.screens.render import lock_words

    click.echo(f"{service}: unlocked; it was {lock_words(ended)}")


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from tealmesh.model.config.table import duration

    seconds = duration(text)
    if not seconds:
        raise click.UsageError(f'--for {text}: must be a time such as "30m" or "2h"')
    return seconds


COMMANDS = (promote, pause, retry, lock, unlock)
