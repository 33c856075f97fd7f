"""Following a deployment that runs in the control plane."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tealmesh.cli import render
from tealmesh.cli.client import Client
from tealmesh.model.errors import NoControlPlane, TealError

FINAL = ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED")
WINDOW = 5
"""Seconds over which the shown traffic is counted."""
PATIENCE = 120.0
"""Seconds without a control plane after which following ends."""

Show = Callable[[RenderableType], None]


def follow(client: Client, deployment: dict[str, Any]) -> dict[str, Any] | None:
    """Show a deployment until it is over; its last state, or None when the user stopped following.

    A control plane that is away is waited for: the deployment goes on with its next start.
    Raises TealError when it stays away.
    """
    out = render.console()
    final: dict[str, Any] | None = None
    try:
        with _live(out) as show:
            for final in _states(client, deployment, out):
                show(_progress(final, _sides(client, final), out.width))
    except KeyboardInterrupt:
        service = deployment["service"]
        click.echo(
            f"\nstopped following; the deployment goes on: `teal status -w`, `teal rollback "
            f"{service}`",
            err=True,
        )
        return None
    if final is not None and final.get("evidence"):
        out.print(render.evidence_view(final))
    return final


def _states(client: Client, deployment: dict[str, Any], out: Console) -> Iterator[dict[str, Any]]:
    """The deployment after each look, until it is over; prints its journal on the way."""
    which = {"service": deployment["service"], "deploymentId": deployment["deploymentId"]}
    seen = 0
    while True:
        answer = _patiently(client, "ListJournal", wait=1, after=seen, waitSeconds=1, **which)
        for entry in answer["entries"]:
            seen = max(seen, entry["sequence"])
            out.print(render.journal_line(entry))
        now = _patiently(client, "GetDeployment", **which)["deployment"]
        yield now
        # The journal's last entries are committed with the final state: look once more for them.
        if now["status"] in FINAL and not answer["entries"]:
            return


def _patiently(client: Client, operation: str, wait: float = 0.0, **request: Any) -> dict[str, Any]:
    """The operation's answer, however long the control plane is away, within `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    told = False
    while True:
        try:
            return client.call(operation, wait, **request)
        except NoControlPlane as error:
            if time.monotonic() > deadline:
                raise TealError(f"{error}; the deployment goes on when it runs again") from error
            if not told:
                told = True
                click.echo("the control plane is away: waiting for `teal up`", err=True)
            time.sleep(0.25)


def _sides(client: Client, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """The sides of the service as callers see them; none while the control plane is away."""
    with contextlib.suppress(NoControlPlane):
        for service in client.call("GetStatus", windowSeconds=WINDOW)["services"]:
            if service["name"] == deployment["service"]:
                return list(service["sides"])
    return []


@contextlib.contextmanager
def _live(out: Console) -> Iterator[Show]:
    """A part of the terminal that is drawn anew; nothing where there is no terminal."""
    if not out.is_terminal:
        yield lambda _: None
        return
    with Live(console=out, refresh_per_second=8, transient=True) as live:
        yield live.update


def _progress(
    deployment: dict[str, Any], sides: list[dict[str, Any]], width: int
) -> RenderableType:
    steps = deployment.get("steps") or [100]
    step = min(deployment.get("step") or 0, len(steps) - 1)
    line = Text()
    for index, percentage in enumerate(steps):
        past = index < step or deployment["status"] == "SUCCESSFUL"
        style = "green" if past else "bold cyan" if index == step else "dim"
        line.append(f" {percentage} % ", style=style)
    narrow = width < render.NARROW
    grid = Table.grid(padding=(0, 1 if narrow else 2))
    for side in sides:
        share = side.get("share")
        grid.add_row(
            Text(side["side"], style=side["side"] if side["side"] in ("blue", "green") else ""),
            Text(render.image_name(side.get("image"), narrow)),
            ProgressBar(total=1.0, completed=share or 0.0, width=5 if narrow else 30),
            Text(f"{'' if narrow else 'share '}{render.percent(share)} of weight {side['weight']}"),
            Text(f"{side['healthy']}/{side['desired']} healthy"),
            Text(f"{side.get('errors', 0)} errors", style="red" if side.get("errors") else "dim"),
            Text(f"p99 {render.milliseconds(side.get('p99'))}"),
        )
    return Group(Text(), line, grid, render.deployment_line(deployment))
