"""Turns answers of the API into tables and lines that rich can print."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tealmesh.cli.names import envoy_name
from tealmesh.cli.screens.fit import fitted, folded, short_image, versions
from tealmesh.cli.screens.standing import afterwards, by_gates, minutes, outcome, waiting, where
from tealmesh.model.arn import ID_CHARACTERS
from tealmesh.model.rollout.states import ABORTED

if TYPE_CHECKING:
    from tealmesh.model import wire

STATUS_STYLES = {
    "SUCCESSFUL": "green",
    "IN_PROGRESS": "cyan",
    "ROLLBACK_IN_PROGRESS": "yellow",
    "ROLLBACK_SUCCESSFUL": "yellow",
    "ROLLBACK_FAILED": "red",
    "STOPPED": "red",
    ABORTED: "",
}
"""Of what `outcome` says. What a person aborted has not failed."""
VERDICT_STYLES = {"PASS": "green", "FAIL": "red", "NEED_DATA": "yellow", "UNKNOWN": "yellow"}
RESULTS = {
    "SUCCESSFUL": "ok",
    "IN_PROGRESS": "running",
    "ROLLBACK_IN_PROGRESS": "going back",
    "ROLLBACK_SUCCESSFUL": "rolled back",
    "ROLLBACK_FAILED": "FAILED",
    "STOPPED": "stopped",
    ABORTED: "aborted",
}
"""What `outcome` says in short, where the terminal is narrow."""
NARROW_COLUMNS = 100
"""Tables are set closer on terminals narrower than this."""
PLAIN_COLUMNS = 4000
"""The width where there is no terminal: rich would cut lines to 80."""


def console(*, stderr: bool = False) -> Console:
    """A console with the terminal's colours and width; plain and wide without a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_COLUMNS
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def table(*columns: str, gap: int = 2) -> Table:
    """A table without lines. A column whose name begins with ``>`` is aligned to the right."""
    rows = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for column in columns:
        right = column.startswith(">")
        rows.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=True)
    return rows


def clock(at: float) -> str:
    """The local time of day at ``at`` seconds since the epoch."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def moment(at: float) -> str:
    """The local date and time at ``at`` seconds since the epoch."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{share * 100:.{digits}f} %"


def milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def side_style(side: str) -> str:
    """The colour of a side: blue and green are shown in theirs."""
    return side if side in ("blue", "green") else ""


def deployment_line(
    deployment: wire.Deployment, details: Sequence[RenderableType] = ()
) -> RenderableType:
    """A deployment: its state, and below it where it is and what it waits for, or why it failed.
    ``details`` of one that runs go between, and what they say of gates is not said twice.
    """
    head = Text(f"{deployment['service']}: ")
    status = outcome(deployment)
    head.append(status, style=STATUS_STYLES.get(status, ""))
    images = [deployment.get("oldImage") or "?", deployment.get("newImage") or "?"]
    head.append(f"  {' → '.join(images)} on {deployment.get('newSide', '?')}")
    below: list[RenderableType] = []
    if "IN_PROGRESS" in status:
        words = [w for w in waiting(deployment) if not (details and by_gates(w, deployment))]
        below = [Text(where(deployment), style="bold"), *details, *map(Text, words)]
    if deployment.get("reason"):
        below.append(Text(deployment["reason"], style="red"))
    if left := afterwards(deployment):
        below.append(Text(left))
    return Group(head, *(Padding(line, (0, 0, 0, 2), expand=False) for line in below))


def lock_words(locked: wire.ServiceLock) -> str:
    """``locked by ada since 2026-11-26 23:00:00 until …: the sale``."""
    until = f" until {moment(locked['until'])}" if "until" in locked else ""
    why = f": {locked['reason']}" if locked.get("reason") else ""
    return f"locked by {locked['by']} since {moment(locked['since'])}{until}{why}"


def evidence_view(deployment: wire.Deployment, width: int, *, details: bool) -> RenderableType:
    """The measurements of each step, and below them why a gate did not pass; with ``details`` the
    verdict of every gate.
    """
    rows: list[list[Text]] = []
    for step in deployment.get("evidence", []):
        for verdict in step.get("verdicts", []):
            if verdict["verdict"] == "PASS" and not details:
                continue
            said = Text(verdict["verdict"], style=VERDICT_STYLES.get(verdict["verdict"], ""))
            gate = Text(f"step {step['step'] + 1} {verdict['gate']}:")
            rows.append([gate, said, Text(verdict["detail"], style="dim")])
    return Group(_evidence_table(deployment, width), *folded(rows, width, gap=1))


def _evidence_table(deployment: wire.Deployment, width: int) -> Table:
    """Narrower forms leave out what the wider ones say besides the share and the failures."""
    wide = ("STEP", "WEIGHTS", ">EXPECTED", ">SHARE", ">REQUESTS", ">FAILURES", ">P50", ">P99",
            ">PROPAGATION", ">TIME")  # fmt: skip
    forms = (
        (wide, range(10), 2),
        (("STEP", "WEIGHTS", ">SET", ">SHARE", ">REQ", ">FAILED", ">P99", ">TIME"),
         (0, 1, 2, 3, 4, 5, 7, 9), 1),
        (("STEP", ">SET", ">SHARE", ">REQ", ">FAILED", ">P99", ">TIME"), (0, 2, 3, 4, 5, 7, 9), 1),
        (("STEP", ">SET", ">SHARE", ">REQ", ">FAILED"), (0, 2, 3, 4, 5), 1),
    )  # fmt: skip
    all_cells = [_evidence_row(step, deployment) for step in deployment.get("evidence", [])]

    def form(columns: Sequence[str], shown: Sequence[int], gap: int) -> Table:
        rows = table(*columns, gap=gap)
        for cells in all_cells:
            rows.add_row(*(cells[index] for index in shown))
        return rows

    return fitted(width, [partial(form, *arguments) for arguments in forms])


def _evidence_row(step: wire.StepEvidence, deployment: wire.Deployment) -> list[Text]:
    weights = ", ".join(f"{side} {weight}" for side, weight in sorted(step["weights"].items()))
    propagation = step.get("propagationSeconds")
    took = ""
    if step.get("startedAt") and step.get("finishedAt"):
        took = f"{step['finishedAt'] - step['startedAt']:.1f} s"
    failures = step["failures"]
    count = len(deployment.get("steps") or []) or "?"
    return [
        Text(f"{step['step'] + 1}/{count}"),
        Text(weights),
        Text(percent(step.get("expectedShare"))),
        Text(percent(step.get("share"), 2)),
        Text(str(step["requests"])),
        Text(str(failures), style="red" if failures else ""),
        Text(milliseconds(step.get("p50"))),
        Text(milliseconds(step.get("p99"))),
        Text(milliseconds(None if propagation is None else propagation * 1000)),
        Text(took),
    ]


def history_lines(deployments: Sequence[wire.Deployment], width: int) -> Table:
    """`teal history`: one line for each deployment, with the beginning of its id, by which its
    details are asked for.
    """
    services = len({d["service"] for d in deployments}) > 1

    def form(level: int) -> Table:
        columns = [">NO", "WHEN", "VERSIONS", "SIDE", "RESULT", ">TOOK", "ID"]
        rows = table(*(["SERVICE"] if services else []), *columns, gap=2 if level < 1 else 1)
        for one in deployments:
            rows.add_row(*([one["service"]] if services else []), *_history_row(one, level))
        return rows

    return fitted(width, [partial(form, level) for level in range(4)])


def _history_row(deployment: wire.Deployment, level: int) -> list[str | Text]:
    images = (
        short_image(deployment.get("oldImage"), level),
        short_image(deployment.get("newImage"), level),
    )
    at = deployment["createdAt"]
    finished = deployment.get("finishedAt")
    took = "-" if finished is None else duration(finished - at)
    status = outcome(deployment)
    shown = RESULTS.get(status, status) if level > 2 else status
    return [
        str(deployment.get("number") or "-"),
        moment(at) if level < 2 else time.strftime("%m-%d %H:%M", time.localtime(at)),
        versions(*images) if level < 2 else " → ".join(images),
        deployment.get("newSide", "-"),
        Text(shown, style=STATUS_STYLES.get(status, "")),
        took,
        deployment["deploymentId"][:ID_CHARACTERS],
    ]


def duration(seconds: float) -> str:
    """``40.5 s``, ``12:30`` in minutes, or ``3:12:30``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else minutes(seconds)


def history_view(
    deployment: wire.Deployment, journal: Iterable[wire.JournalEntry], width: int
) -> RenderableType:
    """`teal history --details`: a deployment with its evidence and, if given, its journal."""
    head = Text(f"{deployment['deploymentId']}  ", style="bold")
    head.append(moment(deployment["createdAt"]))
    if deployment.get("finishedAt"):
        head.append(f"  {duration(deployment['finishedAt'] - deployment['createdAt'])}")
    parts: list[RenderableType] = [head, deployment_line(deployment)]
    if deployment.get("evidence"):
        parts.append(evidence_view(deployment, width, details=True))
    parts += [journal_line(entry, width) for entry in journal]
    return Group(*parts, Text())


def journal_line(entry: wire.JournalEntry, width: int) -> Text:
    """A line about a transition, whose message goes on below itself where it is too long."""
    at = Text(f"{clock(entry['at'])} ", style="dim")
    name = Text(f"{entry['transition']:<18}", style=STATUS_STYLES.get(entry["status"], ""))
    return Text("\n").join(folded([[at, name, Text(entry.get("message", ""))]], width, gap=1))


def _callers(envoy: wire.EnvoyStatus) -> Text:
    """How many of its callers send requests to it."""
    if "callers" not in envoy or "usableBy" not in envoy:
        return Text("-")
    style = "" if envoy["usableBy"] == envoy["callers"] else "red"
    return Text(f"{envoy['usableBy']} of {envoy['callers']}", style=style)


def envoys_view(envoys: Iterable[wire.EnvoyStatus], width: int) -> RenderableType:
    """`teal envoys`: under the name of each mesh, its Envoys; below them what was rejected."""
    by_mesh: dict[str, list[wire.EnvoyStatus]] = {}
    for envoy in envoys:
        mesh = envoy["resource"].removeprefix("mesh/").partition("/")[0]
        by_mesh.setdefault(mesh, []).append(envoy)

    def form(*, kind: bool) -> Table:
        head = ("ENVOY", *(["KIND"] if kind else []), "VERSION", "CONNECTED")
        rows = table(*head, ">REVISION", ">USABLE BY")
        for mesh, members in sorted(by_mesh.items()):
            rows.add_row(Text(f"mesh {mesh}", style="bold") if mesh else Text("of no mesh"))
            for envoy in sorted(members, key=lambda one: (one["resource"], one["id"])):
                connected = envoy["connected"]
                rows.add_row(
                    Text(f"  {envoy_name(envoy)}"),
                    *([_kind(envoy)] if kind else []),
                    envoy.get("version", "-"),
                    Text("yes" if connected else "no", style="green" if connected else "yellow"),
                    str(envoy.get("revision", "-")),
                    _callers(envoy),
                )
        return rows

    told = [line for members in by_mesh.values() for envoy in members for line in _told(envoy)]
    return Group(fitted(width, [partial(form, kind=kind) for kind in (True, False)]), *told)


def _kind(envoy: wire.EnvoyStatus) -> str:
    kind = envoy["resource"].split("/")[2] if envoy["resource"].count("/") == 3 else ""
    return {"virtualNode": "node", "virtualGateway": "gateway"}.get(kind, kind)


def _told(envoy: wire.EnvoyStatus) -> Iterator[Text]:
    """What an Envoy refused, that it was refused itself, and whatever else there is to know."""
    name = envoy_name(envoy)
    if "message" in envoy:
        yield Text(f"{name} rejected its configuration: {envoy['message']}", style="red")
    if note := envoy.get("note"):
        refused = note.startswith("refused: ")
        yield Text(
            f"{name} is {note}" if refused else f"{name}: {note}", style="red" if refused else ""
        )
