"""Follows a deployment that runs in the control plane, until it has finished."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tealmesh.cli import render
from tealmesh.cli.client import Client
from tealmesh.model import wire
from tealmesh.model.errors import NoControlPlane, TealError

FINAL_STATUSES = ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED")
WINDOW_SECONDS = 5
"""The window of the traffic that is shown."""
PATIENCE_SECONDS = 120.0
"""Following ends when no control plane has answered for this long."""
_RETRY_SECONDS = 0.25

A = TypeVar("A")
Show = Callable[[RenderableType], None]


def follow(client: Client, deployment: wire.Deployment) -> wire.Deployment | None:
    """Show a deployment until it has finished or is held, and return its last state; None after
    Ctrl-C.

    While no control plane answers, wait for one: the next to start continues the deployment.
    Raises TealError if none starts within `PATIENCE_SECONDS`.
    """
    out = render.console()
    latest: wire.Deployment | None = None
    try:
        with _live(out) as show:
            for latest in _states(client, deployment, out):
                show(_progress(latest, _sides(client, latest), out.width))
    except KeyboardInterrupt:
        click.echo(
            "\nstopped following; the deployment continues: watch it with `teal status -w`, "
            f"abort it with `teal abort {deployment['service']}`",
            err=True,
        )
        return None
    if latest is not None and latest.get("evidence"):
        out.print(render.evidence_view(latest))
    return latest


def _states(client: Client, deployment: wire.Deployment, out: Console) -> Iterator[wire.Deployment]:
    """Poll the deployment until it has finished, and print its journal on the way."""
    service, identity = deployment["service"], deployment["deploymentId"]
    last = 0
    while True:
        entries = _patiently(partial(client.list_journal, service, identity, last, 1))
        for entry in entries:
            last = max(last, entry["sequence"])
            out.print(render.journal_line(entry))
        current = _patiently(partial(client.get_deployment, service, identity))
        yield current
        # The last journal entries are committed together with the final state: fetch those too.
        ended = current["status"] in FINAL_STATUSES or current.get("state") == "HELD"
        if ended and not entries:
            return


def _patiently(call: Callable[[], A]) -> A:
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


def _sides(client: Client, deployment: wire.Deployment) -> list[wire.SideStatus]:
    """The sides of the service with their traffic; empty while no control plane answers."""
    with contextlib.suppress(NoControlPlane):
        for service in client.get_status(WINDOW_SECONDS)["services"]:
            if service["name"] == deployment["service"]:
                return service["sides"]
    return []


@contextlib.contextmanager
def _live(out: Console) -> Iterator[Show]:
    """An area of the terminal that can be redrawn. Without a terminal nothing is drawn."""
    if not out.is_terminal:
        yield lambda _: None
        return
    with Live(console=out, refresh_per_second=8, transient=True) as live:
        yield live.update


def _progress(
    deployment: wire.Deployment, sides: list[wire.SideStatus], width: int
) -> RenderableType:
    steps = deployment.get("steps") or [100]
    step = min(deployment.get("step", 0), len(steps) - 1)
    line = Text()
    for index, percentage in enumerate(steps):
        past = index < step or deployment["status"] == "SUCCESSFUL"
        style = "green" if past else "bold cyan" if index == step else "dim"
        line.append(f" {percentage} % ", style=style)
    narrow = width < render.NARROW_COLUMNS
    grid = Table.grid(padding=(0, 1 if narrow else 2))
    for side in sides:
        share = side.get("share")
        errors = side.get("errors", 0)
        grid.add_row(
            Text(side["side"], style=render.side_style(side["side"])),
            Text(render.image_name(side.get("image"), narrow)),
            ProgressBar(total=1.0, completed=share or 0.0, width=5 if narrow else 30),
            Text(f"{'' if narrow else 'share '}{render.percent(share)} of weight {side['weight']}"),
            Text(f"{side['healthy']}/{side['desired']} healthy"),
            Text(f"{errors} {'error' if errors == 1 else 'errors'}", "red" if errors else "dim"),
            Text(f"p99 {render.milliseconds(side.get('p99'))}"),
        )
    return Group(Text(), line, grid, render.deployment_line(deployment))
