"""Follows a group deployment that runs in the control plane, until it has finished."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING

import click
from rich.console import Console

from tealmesh.cli.following.ending import Ending, reached
from tealmesh.cli.following.follow import FINAL_STATUSES, Show, live_area, patiently
from tealmesh.cli.groups.screens import entry_line, group_view
from tealmesh.cli.options import print_json
from tealmesh.cli.screens import render, standing
from tealmesh.cli.screens.heartbeat import SECONDS
from tealmesh.model.errors import DeploymentHeld, TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

POLL_SECONDS = 0.25


def follow_or_report(
    client: Client,
    g: wire.GroupDeployment,
    ending: Ending,
    wanted: Collection[str] = ("SUCCESSFUL",),
) -> None:
    """Follow a group deployment that has started, or report its status and return.

    Raises TealError if it ends in another status than those ``wanted``, and DeploymentHeld if it
    waits for a person's decision.
    """
    name = f"group {g['group']}: deployment {g['groupDeploymentId']}"
    if not ending.follow:
        if ending.as_json:
            print_json(g)
        else:
            watch = f"teal explain --group {g['group']}"
            click.echo(f"{name}: {g['status']}; `{watch}` says where it is")
        return
    out = render.console(stderr=ending.as_json)
    try:
        with live_area(out) as show:
            final, early = _followed(client, g, out, ending.stage, show)
    except KeyboardInterrupt:
        click.echo(
            "\nstopped following; the deployment continues: `teal explain --group "
            f"{g['group']}` says where it is, `teal abort --group {g['group']}` takes it back",
            err=True,
        )
        return
    if ending.as_json:
        print_json(final)
    if final.get("held"):
        raise DeploymentHeld(f"{name} is held and waits for {final.get('waitingFor', 'you')}")
    if "pausedBy" in final:
        raise DeploymentHeld(
            f"{name} is paused by {final['pausedBy']}: `teal resume --group {final['group']}` goes "
            f"on, `teal abort --group {final['group']}` goes back"
        )
    if early:
        if not ending.as_json:
            click.echo(f"{name} has reached {ending.stage} with all services, and goes on")
        return
    if final["status"] not in wanted:
        raise TealError(
            f"{name}: {standing.outcome(final)}: {final.get('reason') or final['sentence']}"
        )
    if not ending.as_json:
        out.print(group_view(final))


def _followed(
    client: Client, g: wire.GroupDeployment, out: Console, stage: str, show: Show
) -> tuple[wire.GroupDeployment, bool]:
    """The group deployment once it has finished, waits for a person, or has reached a stage, which
    the second value says.
    """
    name, identity = g["group"], g["groupDeploymentId"]
    told, journals = _Told(), _Journals(client)
    last = time.monotonic()
    while True:
        g = patiently(partial(client.get_group_deployment, name, identity))
        entries = journals.read(g)
        for line in told.new(g, entries):
            out.print(line)
            last = time.monotonic()
        show(group_view(g))
        if not out.is_terminal and time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            waiting = f"; waiting for {g['waitingFor']}" if "waitingFor" in g else ""
            out.print(f"{render.clock(time.time())} {g['sentence']}{waiting}", markup=False)
        if g["status"] in FINAL_STATUSES or g.get("held") or "pausedBy" in g:
            return g, False
        if stage and all(reached(stage, journals.of(m["service"])) for m in g["members"]):
            return g, True
        time.sleep(POLL_SECONDS)


class _Journals:
    """The journals of the members, as far as they were read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._entries: dict[str, list[wire.JournalEntry]] = {}

    def of(self, service: str) -> list[wire.JournalEntry]:
        return self._entries.get(service, [])

    def read(self, g: wire.GroupDeployment) -> list[tuple[str, wire.JournalEntry]]:
        """The entries that are new, by service, in the order of time."""
        found = []
        for service, d in ((m["service"], m.get("deployment")) for m in g["members"]):
            if d is None:
                continue
            known = self._entries.setdefault(service, [])
            last, identity = (known[-1]["sequence"] if known else 0), d["deploymentId"]
            new = patiently(partial(self._client.list_journal, service, identity, last))
            known += new
            found += [(service, entry) for entry in new]
        return sorted(found, key=lambda one: one[1]["at"])


class _Told:
    """What of the group's own journal has been shown."""

    def __init__(self) -> None:
        self._last = 0

    def new(
        self, g: wire.GroupDeployment, entries: list[tuple[str, wire.JournalEntry]]
    ) -> Iterator[object]:
        """The lines that are new, in the order of time."""
        ours = [("", entry) for entry in g["journal"] if entry["sequence"] > self._last]
        self._last = max((entry["sequence"] for _, entry in ours), default=self._last)
        lines = [
            (e["at"], entry_line(s, e["at"], e["transition"], e.get("message", "")))
            for s, e in entries
        ]
        lines += [(e["at"], entry_line(s, e["at"], e["transition"], e["message"])) for s, e in ours]
        yield from (line for _, line in sorted(lines, key=lambda one: one[0]))
