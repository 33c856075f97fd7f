"""Turns answers of the API into tables and lines that rich can print."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tealmesh.cli.names import envoy_name
from tealmesh.model import wire
from tealmesh.model.arn import last_part

STATUS_STYLES = {
    "SUCCESSFUL": "green",
    "IN_PROGRESS": "cyan",
    "ROLLBACK_IN_PROGRESS": "yellow",
    "ROLLBACK_SUCCESSFUL": "yellow",
    "ROLLBACK_FAILED": "red",
    "STOPPED": "red",
}
VERDICT_STYLES = {"PASS": "green", "FAIL": "red", "NEED_DATA": "yellow", "UNKNOWN": "yellow"}
NARROW_COLUMNS = 100
"""Tables are set closer on terminals narrower than this."""
IMAGE_COLUMNS = 16
"""An image name is cut to this on a narrow terminal."""
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
        rows.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=right)
    return rows


def clock(at: float) -> str:
    """The local time of day at ``at`` seconds since the epoch."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def moment(at: float) -> str:
    """The local date and time at ``at`` seconds since the epoch."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def image_name(image: str | None, narrow: bool) -> str:
    """The image; on a narrow terminal its end, because the tag tells versions apart."""
    if not image or not narrow:
        return image or "-"
    name = last_part(image)
    return name if len(name) <= IMAGE_COLUMNS else f"…{name[1 - IMAGE_COLUMNS :]}"


def percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{share * 100:.{digits}f} %"


def milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def side_style(side: str) -> str:
    """The colour of a side: blue and green are shown in theirs."""
    return side if side in ("blue", "green") else ""


def deployment_line(deployment: wire.Deployment) -> Text:
    """One line about a deployment: its state, and what it is waiting for or why it failed."""
    line = Text(f"{deployment['service']}: ")
    status = deployment["status"]
    line.append(status, style=STATUS_STYLES.get(status, ""))
    images = [deployment.get("oldImage") or "?", deployment.get("newImage") or "?"]
    line.append(f"  {' → '.join(images)} on {deployment.get('newSide', '?')}")
    if "IN_PROGRESS" in status:
        line.append(f"  {deployment.get('state') or deployment['phase']}", style="bold")
        if deployment.get("waitingFor"):
            line.append(f"  waiting for {deployment['waitingFor']}", style="dim")
    if deployment.get("reason"):
        line.append(f"  {deployment['reason']}", style="red")
    return line


def evidence_view(deployment: wire.Deployment) -> RenderableType:
    """The measurements of each step, with the verdicts of its gates."""
    rows = table(
        "STEP", "WEIGHTS", ">EXPECTED", ">SHARE", ">REQUESTS", ">FAILURES", ">P50", ">P99",
        ">PROPAGATION", ">TIME",
    )  # fmt: skip
    for step in deployment.get("evidence", []):
        rows.add_row(*_evidence_row(step, deployment))
    parts: list[RenderableType] = [rows]
    for step in deployment.get("evidence", []):
        for verdict in step.get("verdicts", []):
            line = Text(f"step {step['step'] + 1} {verdict['gate']}: ")
            line.append(verdict["verdict"], style=VERDICT_STYLES.get(verdict["verdict"], ""))
            line.append(f" {verdict['detail']}", style="dim")
            parts.append(line)
    return Group(*parts)


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


def history_view(
    deployment: wire.Deployment, journal: Iterable[wire.JournalEntry]
) -> RenderableType:
    """`teal history`: a deployment with its evidence and, if given, its journal."""
    head = Text(f"{deployment['deploymentId']}  ", style="bold")
    head.append(moment(deployment["createdAt"]))
    if deployment.get("finishedAt"):
        head.append(f"  {deployment['finishedAt'] - deployment['createdAt']:.1f} s")
    parts: list[RenderableType] = [head, deployment_line(deployment)]
    if deployment.get("evidence"):
        parts.append(evidence_view(deployment))
    parts += [journal_line(entry) for entry in journal]
    return Group(*parts, Text())


def journal_line(entry: wire.JournalEntry) -> Text:
    """One line about a transition."""
    line = Text(f"{clock(entry['at'])}  ", style="dim")
    line.append(f"{entry['transition']:<18}", style=STATUS_STYLES.get(entry["status"], ""))
    line.append(f" {entry.get('message', '')}".rstrip())
    return line


def _callers(envoy: wire.EnvoyStatus) -> Text:
    """How many of its callers send requests to it."""
    if "callers" not in envoy or "usableBy" not in envoy:
        return Text("-")
    style = "" if envoy["usableBy"] == envoy["callers"] else "red"
    return Text(f"{envoy['usableBy']} of {envoy['callers']}", style=style)


def envoys_view(envoys: Iterable[wire.EnvoyStatus]) -> RenderableType:
    """`teal envoys`: under the name of each mesh, its Envoys."""
    rows = table("ENVOY", "KIND", "CONNECTED", ">REVISION", ">USABLE BY", "REJECTED")
    by_mesh: dict[str, list[wire.EnvoyStatus]] = {}
    for envoy in envoys:
        mesh = envoy["resource"].removeprefix("mesh/").partition("/")[0]
        by_mesh.setdefault(mesh, []).append(envoy)
    for mesh, members in sorted(by_mesh.items()):
        rows.add_row(Text(f"mesh {mesh}", style="bold") if mesh else Text("of no mesh"))
        for envoy in members:
            connected = envoy["connected"]
            kind = envoy["resource"].split("/")[2] if envoy["resource"].count("/") == 3 else ""
            rows.add_row(
                Text(f"  {envoy_name(envoy)}"),
                Text({"virtualNode": "node", "virtualGateway": "gateway"}.get(kind, kind)),
                Text("yes" if connected else "no", style="green" if connected else "yellow"),
                str(envoy.get("revision", "-")),
                _callers(envoy),
                Text(envoy.get("message", ""), style="red"),
            )
    return rows
