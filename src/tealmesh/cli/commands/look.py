"""Commands that only read: status, history, events, envoys, doctor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.following import watching
from tealmesh.cli.groups import commands
from tealmesh.cli.groups.choosing import with_group
from tealmesh.cli.options import data_dir_option, print_json, with_client, with_json
from tealmesh.cli.services import find_service
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire


@click.command()
@click.option(
    "-w",
    "--watch",
    is_flag=True,
    help="A live tree, until Ctrl-C; without a terminal, a line for each change.",
)
@click.option(
    "--window",
    type=click.IntRange(1, 300),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="Count the traffic of the last SECONDS.",
)
@click.option(
    "--mesh",
    metavar="NAME",
    shell_complete=completing.meshes,
    help="Only what belongs to this mesh.",
)
@with_group
@with_json
@with_client
def status(
    watch: bool, window: int, mesh: str | None, group: str | None, as_json: bool, client: Client
) -> None:
    """Everything there is, whether Terraform, `teal apply` or somebody else made it.

    Services with their sides, weights and observed shares, virtual services, gateways, other ECS
    services and tasks; deployments, and which of the four steps of a release by hand is done.
    """
    if group is not None and (as_json or not watch):
        commands.status(group, watch, as_json, client)
        return
    if as_json:
        watching.show_json(lambda: client.get_status(window, mesh), watch)
        return
    from tealmesh.cli.screens.render import console

    out = console()
    if watch:
        from tealmesh.cli.live.sight import look
        from tealmesh.cli.live.watch import watch as watch_tree

        watch_tree(lambda: look(client, window, mesh, group, time.time()), out, window)
        return
    from tealmesh.cli.screens.status import status_view

    out.print(status_view(client.get_status(window, mesh), window, out.width))


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.argument("deployment", required=False, shell_complete=completing.deployments)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1),
    metavar="N",
    default=10,
    show_default=True,
    help="Deployments per service.",
)
@with_group
@click.option("--details", is_flag=True, help="What was measured at each step.")
@click.option("--journal", is_flag=True, help="Every transition too.")
@with_json
@with_client
def history(
    service: str | None,
    deployment: str | None,
    number: int,
    group: str | None,
    details: bool,
    journal: bool,
    as_json: bool,
    client: Client,
) -> None:
    """Deployments, newest first, one line each.

    With the id of a DEPLOYMENT, or the beginning of it, what was measured at each of its steps.
    """
    if group is not None:
        if service is not None and deployment is not None:
            raise click.UsageError(f"{service} and --group {group}: give only one of them")
        commands.history(group, service, number, as_json, client)
        return
    names = [service] if service else _deployed(client)
    deployments = [d for name in names for d in client.list_deployments(name)]
    if deployment is not None:
        deployments = [d for d in deployments if d["deploymentId"].startswith(deployment)]
        if not deployments:
            raise TealError(
                f"{service} has no deployment {deployment}: see `teal history {service}`"
            )
    else:
        deployments = [
            d for name in names for d in [x for x in deployments if x["service"] == name][:number]
        ]
    whole = details or journal or deployment is not None
    journals = [_journal(client, d) if journal or as_json else [] for d in deployments]
    if as_json:
        print_json(
            [{**d, "journal": entries} for d, entries in zip(deployments, journals, strict=True)]
        )
        return
    _show_history(deployments, journals if whole else None)


def _show_history(
    deployments: list[wire.Deployment], journals: list[list[wire.JournalEntry]] | None
) -> None:
    """``journals``: None for one line a deployment."""
    from tealmesh.cli.screens.render import console, history_lines, history_view

    out = console()
    if not deployments:
        out.print("no deployments yet: start one with `teal deploy SERVICE --image IMAGE`")
    elif journals is None:
        out.print(history_lines(deployments, out.width))
        newest = deployments[0]
        hint = f"teal history {newest['service']} {newest['deploymentId'][:8]}"
        click.echo(f"`{hint}` shows what was measured", err=True)
    else:
        for one, entries in zip(deployments, journals, strict=True):
            out.print(history_view(one, entries, out.width))


def _deployed(client: Client) -> list[str]:
    """The services that have been deployed."""
    return [s["name"] for s in client.get_status()["services"] if "deployment" in s]


def _journal(client: Client, deployment: wire.Deployment) -> list[wire.JournalEntry]:
    return client.list_journal(deployment["service"], deployment["deploymentId"])


@click.command()
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Number of events (default: 20; with --since, all).",
)
@click.option("--search", "text", metavar="TEXT", help="Only those with this text in them.")
@click.option("--by", "actor", metavar="NAME", help="Only what this user, role or worker did.")
@click.option(
    "--since",
    "earliest",
    metavar="TIME",
    help='Only those since "30m", "2h" or "7d" ago, or since "2026-11-27 09:00".',
)
@click.option("--all", "everything", is_flag=True, help="Include what the engine records of tasks.")
@with_json
@with_client
def events(
    number: int | None,
    text: str | None,
    actor: str | None,
    earliest: str | None,
    everything: bool,
    as_json: bool,
    client: Client,
) -> None:
    """Changes, the latest last: when, by whom, and what.

    TEXT may be a part of the sentence, such as the name of a service or a task, of the operation
    or of who did it.
    """
    from tealmesh.cli.screens import events as told

    now = time.time()
    first = None if earliest is None else told.since(earliest, now)
    most = 20 if number is None and first is None else number
    newest_last = told.search(client, most, everything, text, actor, first)[::-1]
    if as_json:
        print_json(newest_last)
        return
    for line in told.lines(newest_last, now):
        click.echo(line)
    if not newest_last:
        click.echo("no such events", err=True)


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.option(
    "--mesh", metavar="NAME", shell_complete=completing.meshes, help="Only the Envoys of this mesh."
)
@with_json
@with_client
def envoys(service: str | None, mesh: str | None, as_json: bool, client: Client) -> None:
    """Every Envoy and the revision that it has acknowledged.

    With SERVICE, only the Envoys of its mesh.
    """
    if service:
        mesh = find_service(client, service)["mesh"]
    listed = client.list_envoys(mesh)
    if as_json:
        print_json(listed)
        return
    if not listed:
        click.echo("no Envoys yet: start tasks with Terraform or `teal apply`")
        return
    from tealmesh.cli.screens.render import console, envoys_view

    out = console()
    out.print(envoys_view(listed, out.width))


@click.command()
@data_dir_option("Data directory to check (default: that of the running control plane).")
@with_json
@with_client
def doctor(data_dir: Path | None, as_json: bool, client: Client) -> None:
    """Check this machine and the control plane. The exit code is 1 if something is wrong."""
    from rich.text import Text

    from tealmesh.cli.checks import check_all
    from tealmesh.cli.screens.render import console
    from tealmesh.cli.screens.waiting import waiting

    styles = {"ok": "green", "note": "yellow", "wrong": "red"}
    out = console()
    wrong = False
    checks = []
    with waiting("looking at this machine") as told:
        for check in check_all(data_dir, client):
            wrong = wrong or check.verdict == "wrong"
            if as_json:
                checks.append(vars(check))
                continue
            line = Text(f"{check.verdict:<6}", style=styles[check.verdict])
            line.append(f"{check.name}: ", style="bold")
            line.append(check.detail)
            told.begin("looking at this machine")
            out.print(line)
    if as_json:
        print_json(checks)
    if wrong:
        raise SystemExit(1)


COMMANDS = (status, history, events, envoys, doctor)
