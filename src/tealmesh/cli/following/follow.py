"""Follows a deployment that runs in the control plane, until it has finished."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tealmesh.cli.screens import render
from tealmesh.cli.screens.fit import fitted, short_image
from tealmesh.cli.screens.heartbeat import Heartbeat, addresses
from tealmesh.cli.screens.progress import progress_lines
from tealmesh.cli.screens.waiting import silence
from tealmesh.model import wire
from tealmesh.model.errors import NoControlPlane, TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client

FINAL_STATUSES = ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED")
WINDOW_SECONDS = 5
"""The window of the traffic that is shown."""
PATIENCE_SECONDS = 120.0
"""Following ends when no control plane has answered for this long."""
_RETRY_SECONDS = 0.25

A = TypeVar("A")
Show = Callable[[RenderableType], None]
Enough = Callable[[Sequence[wire.JournalEntry]], bool]
"""Whether a deployment with this journal need not be followed any further."""


def follow(
    client: Client, deployment: wire.Deployment, out: Console, enough: Enough | None = None
) -> tuple[wire.Deployment, bool] | None:
    """Show a deployment on ``out`` until it has finished, is held or paused, and return its last
    state and whether that was early: ``enough`` ends it by the journal so far. None after Ctrl-C.

    While no control plane answers, wait for one: the next to start continues the deployment.
    Raises TealError if none starts within `PATIENCE_SECONDS`.
    """
    latest: wire.Deployment | None = None
    journal: list[wire.JournalEntry] = []
    beat = Heartbeat(out)
    try:
        with live_area(out) as show:
            for latest in _states(client, deployment, out, beat, journal):
                show(_progress(latest, _sides(client, latest), out.width))
                beat.look(latest, partial(_addresses, client, latest["service"]))
                if enough is not None and not _ended(latest) and enough(journal):
                    return latest, True
    except KeyboardInterrupt:
        click.echo(
            "\nstopped following; the deployment continues: watch it with `teal status -w`, "
            f"abort it with `teal abort {deployment['service']}`",
            err=True,
        )
        return None
    if latest is not None and latest.get("evidence"):
        # A log is read later: it has every verdict. `teal history` has them for a terminal.
        out.print(render.evidence_view(latest, out.width, details=not out.is_terminal))
    return None if latest is None else (latest, False)


def _ended(deployment: wire.Deployment) -> bool:
    """Whether it has finished, or does nothing more before a person says so."""
    waits = deployment.get("state") == "HELD" or "pausedBy" in deployment
    return deployment["status"] in FINAL_STATUSES or waits


def _states(
    client: Client,
    deployment: wire.Deployment,
    out: Console,
    beat: Heartbeat,
    journal: list[wire.JournalEntry],
) -> Iterator[wire.Deployment]:
    """Poll the deployment until it has finished, and print its journal on the way; it is added to
    ``journal``.
    """
    service, identity = deployment["service"], deployment["deploymentId"]
    last = 0
    while True:
        entries = patiently(partial(client.list_journal, service, identity, last, 1))
        for entry in entries:
            last = max(last, entry["sequence"])
            out.print(render.journal_line(entry, out.width))
            journal.append(entry)
            beat.printed()
        current = patiently(partial(client.get_deployment, service, identity))
        yield current
        # The last journal entries are committed together with the final state: fetch those too.
        if _ended(current) and not entries:
            return


def patiently(call: Callable[[], A]) -> A:
    """The answer of ``call``, repeated while no control plane answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    announced = False
    while True:
        try:
            return call()
        except NoControlPlane as error:
            if time.monotonic() > deadline:
                raise TealError(
                    f"{error}; the deployment continues when it is running again"
                ) from error
            if not announced:
                announced = True
                click.echo("the control plane does not answer: waiting for `teal up`", err=True)
            time.sleep(_RETRY_SECONDS)


def _addresses(client: Client, service: str) -> list[str]:
    """Where gateways take requests for a service; empty while no control plane answers."""
    with contextlib.suppress(NoControlPlane):
        return addresses(client.get_status(), service)
    return []


def _sides(client: Client, deployment: wire.Deployment) -> list[wire.SideStatus]:
    """The sides of the service with their traffic; empty while no control plane answers."""
    with contextlib.suppress(NoControlPlane):
        for service in client.get_status(WINDOW_SECONDS)["services"]:
            if service["name"] == deployment["service"]:
                return service["sides"]
    return []


@contextlib.contextmanager
def live_area(out: Console) -> Iterator[Show]:
    """An area of the terminal that can be redrawn. Without a terminal nothing is drawn."""
    with silence():
        if not out.is_terminal:
            yield lambda _: None
            return
        with Live(console=out, refresh_per_second=4, transient=True) as live:
            yield live.update


def _progress(
    deployment: wire.Deployment, sides: list[wire.SideStatus], width: int
) -> RenderableType:
    """The steps, what each side gets and how it does, and what is waited for."""
    line = Text()
    steps = deployment.get("steps") or [100]
    at = min(deployment.get("step", 0), len(steps) - 1)
    for index, percentage in enumerate(steps):
        past = index < at or deployment["status"] == "SUCCESSFUL"
        mark, style = ("✔", "green") if past else ("●", "bold cyan") if index == at else ("", "dim")
        line.append(f"{percentage} % {mark}".rstrip() + "   ", style=style)
    return Group(
        Text(),
        line,
        _side_lines(sides, width),
        render.deployment_line(deployment, progress_lines(deployment, sides, width)),
    )


def _side_lines(sides: list[wire.SideStatus], width: int) -> Table:
    def form(level: int) -> Table:
        grid = Table.grid(padding=(0, 2 if level < 1 else 1))
        for side in sides:
            errors = side.get("errors", 0)
            cells: list[RenderableType] = [
                Text(side["side"], style=render.side_style(side["side"])),
                Text(short_image(side.get("image"), min(level, 2))),
                Text(f"set {side['weight']}"),
                Text(f"got {render.percent(side.get('share'))}"),
                Text(f"{side['healthy']}/{side['desired']} healthy"),
                Text(
                    f"{errors} {'error' if errors == 1 else 'errors'}", "red" if errors else "dim"
                ),
                Text(f"p99 {render.milliseconds(side.get('p99'))}"),
            ]
            grid.add_row(*cells[: 7 if level < 3 else 5])
        for column in grid.columns:
            column.no_wrap = True
        return grid

    return fitted(width, [partial(form, level) for level in range(4)])
