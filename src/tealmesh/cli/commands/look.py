"""Commands that only read: status, history, events, logs, envoys, doctor."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli.client import Client
from tealmesh.cli.names import task_name
from tealmesh.cli.options import complete_names, print_json, with_client, with_json
from tealmesh.cli.services import find_service
from tealmesh.model import wire
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WATCH_SECONDS = 1.0
"""Between two updates of `teal status -w`."""
FOLLOW_SECONDS = 0.5
"""Between two requests of `teal logs -f`."""

_COLOURS = ("cyan", "magenta", "yellow", "bright_blue", "bright_green")

Source = tuple[str, str]
"""Where a log line is from: task ARN and container."""


@click.command(short_help="Services, gateways, tasks: everything, and its traffic.")
@click.option("-w", "--watch", is_flag=True, help="Update every second, until Ctrl-C.")
@click.option(
    "--window",
    type=click.IntRange(1, 300),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="Count the traffic of the last SECONDS.",
)
@click.option("--mesh", metavar="NAME", help="Only what belongs to this mesh.")
@with_json
@with_client
def status(watch: bool, window: int, mesh: str | None, as_json: bool, client: Client) -> None:
    """Everything that there is, whether Terraform, `teal apply` or somebody else made it.

    Services with their sides, weights and observed shares, virtual services, gateways, other ECS
    services and tasks; deployments, and which of the four steps of a release by hand is done.
    """
    if as_json:
        while True:
            print_json(client.get_status(window, mesh), compact=watch)
            if not watch:
                return
            time.sleep(WATCH_SECONDS)
    from tealmesh.cli.render import console
    from tealmesh.cli.status_view import status_view

    out = console()

    def look() -> RenderableType:
        return status_view(client.get_status(window, mesh), window, out.width)

    if not watch:
        out.print(look())
        return
    try:
        _watch_status(look, out)
    except KeyboardInterrupt:
        return


def _watch_status(look: Callable[[], RenderableType], out: Console) -> None:
    from rich.live import Live

    if not out.is_terminal:
        while True:
            out.print(look())
            out.print()
            time.sleep(WATCH_SECONDS)
    with Live(console=out, auto_refresh=False, screen=True) as live:
        while True:
            live.update(look(), refresh=True)
            time.sleep(WATCH_SECONDS)


@click.command(short_help="Deployments, one line each, or one of them with its details.")
@click.argument("service", required=False, shell_complete=complete_names)
@click.argument("deployment", required=False)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Deployments per service.",
)
@click.option("--details", is_flag=True, help="What was measured at each step.")
@click.option("--journal", is_flag=True, help="Every transition too.")
@with_json
@with_client
def history(
    service: str | None,
    deployment: str | None,
    number: int,
    details: bool,
    journal: bool,
    as_json: bool,
    client: Client,
) -> None:
    """Deployments, newest first, one line each.

    With the id of a DEPLOYMENT, or the beginning of it, what was measured at each of its steps.
    """
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
    from tealmesh.cli.render import console, history_lines, history_view

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
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="Number of events.",
)
@click.option("--all", "everything", is_flag=True, help="Include what the engine records of tasks.")
@with_json
@with_client
def events(number: int, everything: bool, as_json: bool, client: Client) -> None:
    """Changes, the latest last: when, by whom, and what."""
    newest_last = client.list_events(number, everything)[::-1]
    if as_json:
        print_json(newest_last)
        return
    for event in newest_last:
        at = time.strftime("%H:%M:%S", time.localtime(event["at"]))
        # A control plane that is older than this command has no sentence.
        told = event.get("sentence") or f"{event['actor']} {event['operation']}: {event['message']}"
        click.echo(f"{at} {told}")


@click.command(short_help="The latest log lines of an application.")
@click.argument("name", shell_complete=complete_names)
@click.option("--side", help="Show only this side of a service.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1, 10000),
    default=100,
    show_default=True,
    help="Lines per container.",
)
@click.option("--envoy", is_flag=True, help="Include Envoys and other sidecars.")
@click.option("--stopped", is_flag=True, help="Include tasks that have stopped.")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines, until Ctrl-C.")
@with_client
def logs(
    name: str,
    side: str | None,
    lines: int,
    envoy: bool,
    stopped: bool,
    follow: bool,
    client: Client,
) -> None:
    """The latest log lines of NAME's applications, in its running tasks.

    NAME is a service, a virtual service, node or gateway ([MESH/]NAME), an ECS service
    ([CLUSTER/]NAME), or a task, of whose id six characters are enough. If no task runs, the one
    that stopped last is shown.
    """
    printed: dict[Source, list[str]] = {}
    first = True
    try:
        while True:
            found = client.get_logs(name, side, lines, not stopped, not envoy)
            if first:
                _explain(name, found, stopped)
            for line in _new_lines(found, printed):
                click.echo(_coloured(line))
            first = False
            if not follow:
                return
            time.sleep(FOLLOW_SECONDS)
    except KeyboardInterrupt:
        return


def _explain(name: str, found: list[wire.LogLine], stopped: bool) -> None:
    """Say on stderr what the log alone does not tell."""
    if not found:
        click.echo(f"{name} has written nothing; `teal doctor` says what is wrong", err=True)
    elif not stopped and all(line.get("stopped") for line in found):
        click.echo(f"no task of {name} runs: this is the log of the last one", err=True)


def _new_lines(lines: list[wire.LogLine], printed: dict[Source, list[str]]) -> list[str]:
    """The lines that have not been printed, in order of time, as `teal logs` prints them.

    Each answer has the last lines of every container. What is new in it comes after the longest
    end of the previous answer that it begins with. ``printed`` has the previous answer by source
    and is replaced by this one.
    """
    answers: dict[Source, list[tuple[float, str]]] = {}
    texts: dict[Source, list[str]] = {}
    for line in lines:
        source = (line["task"], line["container"])
        task = task_name(line["task"])
        name = " ".join(part for part in (line.get("side", ""), task, line["container"]) if part)
        at = line.get("at", 0.0)
        answers.setdefault(source, []).append((at, f"{at} {line['line']}"))
        texts.setdefault(source, []).append(f"[{name}] {line['line']}")
    new: list[tuple[float, str]] = []
    for source, answer in answers.items():
        start = _overlap(printed.get(source, []), [text for _, text in answer])
        new += [(at, texts[source][n]) for n, (at, _) in enumerate(answer) if n >= start]
        printed[source] = [text for _, text in answer]
    # Sorting is stable: without times, containers follow one another.
    return [text for _, text in sorted(new, key=lambda entry: entry[0])]


def _coloured(line: str) -> str:
    """A line with its source in the colour of its side, or in one of its own. click leaves colours
    out where there is no terminal.
    """
    source, bracket, text = line.partition("] ")
    side = source[1:].partition(" ")[0]
    colour = side if side in ("blue", "green") else _COLOURS[sum(source.encode()) % len(_COLOURS)]
    return click.style(source + "]", fg=colour) + " " + text if bracket else line


def _overlap(before: list[str], now: list[str]) -> int:
    """The length of the longest end of ``before`` that ``now`` begins with."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length:] == now[:length]:
            return length
    return 0


@click.command(short_help="Every Envoy and the revision that it runs.")
@click.argument("service", required=False, shell_complete=complete_names)
@click.option("--mesh", metavar="NAME", help="Only the Envoys of this mesh.")
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
    from tealmesh.cli.render import console, envoys_view

    out = console()
    out.print(envoys_view(listed, out.width))


@click.command(short_help="Check this machine and the control plane.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data directory to check (default: that of the running control plane).",
)
@with_client
def doctor(data_dir: Path | None, client: Client) -> None:
    """Check this machine and the control plane. The exit code is 1 if something is wrong."""
    from rich.text import Text

    from tealmesh.cli.checks import check_all
    from tealmesh.cli.render import console

    styles = {"ok": "green", "note": "yellow", "wrong": "red"}
    out = console()
    wrong = False
    for check in check_all(data_dir, client):
        wrong = wrong or check.verdict == "wrong"
        line = Text(f"{check.verdict:<6}", style=styles[check.verdict])
        line.append(f"{check.name}: ", style="bold")
        line.append(check.detail)
        out.print(line)
    if wrong:
        raise SystemExit(1)


COMMANDS = (status, history, events, logs, envoys, doctor)
