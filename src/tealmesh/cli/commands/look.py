"""Commands that only look: status, history, events, logs, envoys, doctor."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tealmesh.cli.client import Client
from tealmesh.cli.commands.deploy import find_service
from tealmesh.cli.options import with_client, with_json
from tealmesh.model.arn import last_part

if TYPE_CHECKING:
    from rich.console import Console

WATCH = 1.0
"""Seconds between two looks of `teal status -w`."""
FOLLOW = 0.5


@click.command(short_help="Services, sides, weights, measured shares.")
@click.option("-w", "--watch", is_flag=True, help="Show it anew every second, until Ctrl-C.")
@click.option(
    "--window",
    type=click.IntRange(1, 300),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="Over which traffic is counted.",
)
@with_json
@with_client
def status(watch: bool, window: int, as_json: bool, client: Client) -> None:
    """Services with their sides, weights, measured shares; gateways and deployments."""
    if as_json:
        while True:
            _print_json(client.call("GetStatus", windowSeconds=window), compact=watch)
            if not watch:
                return
            time.sleep(WATCH)
    from tealmesh.cli.render import console, status_view

    out = console()
    if not watch:
        answer = client.call("GetStatus", windowSeconds=window)
        out.print(status_view(answer, window, out.width))
        return
    try:
        _watch_status(client, window, out)
    except KeyboardInterrupt:
        return


def _watch_status(client: Client, window: int, out: Console) -> None:
    from rich.live import Live

    from tealmesh.cli.render import status_view

    if not out.is_terminal:
        while True:
            answer = client.call("GetStatus", windowSeconds=window)
            out.print(status_view(answer, window, out.width))
            out.print()
            time.sleep(WATCH)
    with Live(console=out, auto_refresh=False, screen=True) as live:
        while True:
            answer = client.call("GetStatus", windowSeconds=window)
            live.update(status_view(answer, window, out.width), refresh=True)
            time.sleep(WATCH)


@click.command()
@click.argument("service", required=False)
@click.option("-n", "--number", type=click.IntRange(1), default=5, help="How many (default 5).")
@click.option("--journal", is_flag=True, help="With every transition.")
@with_json
@with_client
def history(service: str | None, number: int, journal: bool, as_json: bool, client: Client) -> None:
    """Deployments, newest first, with what was measured at each step."""
    names = [service] if service else [s["name"] for s in client.call("GetStatus")["services"]]
    found = []
    for name in names:
        for deployment in client.call("ListDeployments", service=name)["deployments"][:number]:
            entries = _journal(client, deployment) if journal or as_json else []
            found.append((deployment, entries))
    if as_json:
        _print_json([{**deployment, "journal": entries} for deployment, entries in found])
        return
    from tealmesh.cli.render import console, history_view

    out = console()
    for deployment, entries in found:
        out.print(history_view(deployment, entries))
    if not found:
        out.print("no deployment yet: `teal deploy SERVICE --image IMAGE`")


def _journal(client: Client, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    which = {"service": deployment["service"], "deploymentId": deployment["deploymentId"]}
    return list(client.call("ListJournal", **which)["entries"])


@click.command()
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=20, help="How many (20).")
@click.option("--all", "everything", is_flag=True, help="Also what the engine wrote of its tasks.")
@with_json
@with_client
def events(number: int, everything: bool, as_json: bool, client: Client) -> None:
    """What has changed, the latest last: when, who, what."""
    found = client.call("ListEvents", limit=number, all=everything)["events"][::-1]
    if as_json:
        _print_json(found)
        return
    for one in found:
        at = time.strftime("%H:%M:%S", time.localtime(float(one["at"])))
        click.echo(f"{at} {one['actor']} {one['operation']}: {one['message']}")


@click.command()
@click.argument("service")
@click.option("--side", help="Only this side.")
@click.option(
    "-n", "--lines", type=click.IntRange(1, 10000), default=100, help="Per container (default 100)."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines, until Ctrl-C.")
@with_client
def logs(service: str, side: str | None, lines: int, follow: bool, client: Client) -> None:
    """The last lines that SERVICE's containers have written."""
    seen: dict[tuple[str, str], list[str]] = {}
    try:
        while True:
            answer = client.call("GetLogs", service=service, side=side, lines=lines)
            for line in _new_lines(answer["lines"], seen):
                click.echo(line)
            if not follow:
                return
            time.sleep(FOLLOW)
    except KeyboardInterrupt:
        return


def _new_lines(lines: list[dict[str, Any]], seen: dict[tuple[str, str], list[str]]) -> list[str]:
    """The lines that were not in the look before, each with its task and container.

    Each look has the last lines of a container: what is new comes after the longest end of the
    look before that is a beginning of this one.
    """
    looks: dict[tuple[str, str], list[tuple[float, str]]] = {}
    texts: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        source = (line["task"], line["container"])
        task = last_part(line["task"])[:8]
        name = " ".join(part for part in (line.get("side", ""), task, line["container"]) if part)
        at = float(line.get("at", 0.0))
        looks.setdefault(source, []).append((at, f"{at} {line['line']}"))
        texts.setdefault(source, []).append(f"[{name}] {line['line']}")
    found: list[tuple[float, str]] = []
    for source, look in looks.items():
        start = _overlap(seen.get(source, []), [text for _, text in look])
        found += [(at, texts[source][n]) for n, (at, _) in enumerate(look) if n >= start]
        seen[source] = [text for _, text in look]
    # One container after the other where no times are known.
    return [text for _, text in sorted(found, key=lambda line: line[0])]


def _overlap(before: list[str], now: list[str]) -> int:
    """The length of the longest end of ``before`` that ``now`` begins with."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length:] == now[:length]:
            return length
    return 0


@click.command(short_help="Every Envoy and the revision it runs.")
@click.argument("service", required=False)
@with_json
@with_client
def envoys(service: str | None, as_json: bool, client: Client) -> None:
    """Every Envoy with the revision that it has acknowledged (of SERVICE's mesh)."""
    if service:
        meshes = {find_service(client, service)["mesh"]}
    else:
        answer = client.call("GetStatus")
        parts = [*answer["services"], *answer["gateways"]]
        meshes = {part["mesh"] for part in parts if part.get("mesh")}
    found = [e for mesh in sorted(meshes) for e in client.call("ListEnvoys", mesh=mesh)["envoys"]]
    if as_json:
        _print_json(found)
        return
    if not found:
        click.echo("no Envoy yet: `teal apply` starts some")
        return
    from rich.text import Text

    from tealmesh.cli.render import console, table

    rows = table("RESOURCE", "ENVOY", "CONNECTED", ">REVISION", "REJECTED")
    for envoy in found:
        connected = envoy["connected"]
        rows.add_row(
            envoy["resource"],
            last_part(envoy["id"]),
            Text("yes" if connected else "no", style="green" if connected else "yellow"),
            str(envoy.get("revision", "-")),
            Text(envoy.get("message", ""), style="red"),
        )
    console().print(rows)


@click.command(short_help="Check this machine and the control plane.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="As for `teal up` (default: that of the control plane that runs).",
)
@with_client
def doctor(data_dir: Path | None, client: Client) -> None:
    """Check this machine and the control plane; exit code 1 when something is wrong."""
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


def _print_json(value: Any, *, compact: bool = False) -> None:
    click.echo(json.dumps(value, indent=None if compact else 2))


COMMANDS = (status, history, events, logs, envoys, doctor)
