"""Shows the demo: live in a terminal, as lines without one, and the report at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tealmesh.cli.demo.ledger import MAX_DEVIATIONS, Counts, Ledger, Step
from tealmesh.cli.screens import render, standing

if TYPE_CHECKING:
    from tealmesh.model import wire

RECENT_SECONDS = 1.0
"""The window of the live shares and latencies."""
LAG_SECONDS = 0.3
"""How long tallies take to arrive."""
PLAIN_INTERVAL_SECONDS = 5.0
"""Between two lines about the load if there is no terminal."""


@dataclass
class Scene:
    """What the live view shows. The demo's main thread writes it, and rich's thread draws it."""

    ledger: Ledger
    headline: str = ""
    deployment: wire.Deployment | None = None
    sides: Sequence[wire.SideStatus] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version that each image answers."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.time() - LAG_SECONDS
        recent = self.ledger.recent(now, RECENT_SECONDS)
        parts: list[RenderableType] = [Text(self.headline, style="bold")]
        if self.deployment is not None:
            parts += [_steps_line(self.deployment), render.deployment_line(self.deployment)]
        if self.sides:
            parts += [Text(), _sides_grid(self.sides, self.versions, recent, console.width)]
        parts += [Text(), _totals(self.ledger, recent)]
        yield Panel(Group(*parts), title="tealmesh demo", title_align="left", border_style="cyan")


class Stage:
    """Prints lines and, in a terminal, draws the scene below them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.out: Console = render.console()
        self._last_plain = 0.0

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        if not self.out.is_terminal:
            yield
            return
        with Live(self.scene, console=self.out, refresh_per_second=8, transient=True):
            yield

    def say(self, text: str) -> None:
        """Print a line, and make it the headline of the scene."""
        self.scene.headline = text
        self.out.print(Text(text, style="bold"))

    def journal(self, entry: wire.JournalEntry) -> None:
        self.out.print(render.journal_line(entry, self.out.width))

    def tick(self) -> None:
        """Without a terminal: print a line about the load every few seconds."""
        now = time.monotonic()
        if self.out.is_terminal or now - self._last_plain < PLAIN_INTERVAL_SECONDS:
            return
        self._last_plain = now
        recent = self.scene.ledger.recent(time.time() - LAG_SECONDS, RECENT_SECONDS)
        self.out.print(_totals(self.scene.ledger, recent))


def _steps_line(deployment: wire.Deployment) -> Text:
    line = Text("steps ")
    current = deployment.get("step", 0)
    shifting = deployment.get("phase") in ("PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP")
    for index, percentage in enumerate(deployment.get("steps") or []):
        reached = shifting and index <= current
        done = shifting and index < current
        style = "green" if done else "bold cyan" if reached else "dim"
        line.append(f" {percentage} % ", style=style)
    return line


def _sides_grid(
    sides: Sequence[wire.SideStatus], versions: Mapping[str, str], recent: Counts, width: int
) -> RenderableType:
    total = sum(side["weight"] for side in sides)
    narrow = width < render.NARROW_COLUMNS
    grid = Table.grid(padding=(0, 1 if narrow else 2))
    for side in sides:
        version = versions.get(side.get("image", ""), "")
        share = recent.share(version) if version else None
        weight = side["weight"] / total if total else 0.0
        colour = side["side"] if side["side"] in ("blue", "green") else "white"
        grid.add_row(
            Text(side["side"], style=colour),
            Text(f"version {version}" if version else "-"),
            Text(f"weight {render.percent(weight, 0)}"),
            ProgressBar(
                total=1.0,
                completed=share or 0.0,
                width=12 if narrow else 30,
                complete_style=colour,
                finished_style=colour,
            ),
            Text(f"observed {render.percent(share)}"),
            Text(f"{side['healthy']}/{side['desired']} healthy"),
        )
    return grid


def _totals(ledger: Ledger, recent: Counts) -> Text:
    line = Text(f"{ledger.total:,} requests  ")
    line.append(f"{ledger.failed} failed", style="bold red" if ledger.failed else "green")
    if ledger.held:
        line.append(f"  {ledger.held:,} held back", style="yellow")
    line.append(f"  {recent.requests / RECENT_SECONDS:,.0f}/s")
    line.append(f"  p50 {render.milliseconds(recent.latency(0.5))}")
    line.append(f"  p99 {render.milliseconds(recent.latency(0.99))}")
    shares = [f"v{v} {render.percent(recent.share(v))}" for v in sorted(recent.versions)]
    line.append("  " + ", ".join(shares), style="dim")
    return line


def report(
    steps: Sequence[Step],
    everything: Counts,
    deployments: Sequence[wire.Deployment],
    up_seconds: float,
    width: int,
) -> RenderableType:
    """The final report. ``width``: in columns."""
    narrow = width < render.NARROW_COLUMNS
    rows = render.table(
        "DEPLOYMENT", ">STEP", ">WEIGHT", ">REQUESTS", ">FAILED", ">SHARE", ">AS WEIGHTED", ">TIME",
        ">PROPAGATION", gap=1 if narrow else 2,
    )  # fmt: skip
    for step in steps:
        rows.add_row(*_step_row(step, narrow=narrow))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("requests", f"{everything.requests:,}")
    failed = everything.failed
    facts.add_row("failed", Text(f"{failed:,}", style="bold red" if failed else "bold green"))
    if everything.held:
        facts.add_row("held back", f"{everything.held:,}: the machine was too busy to answer them")
    latencies = [f"p{q} {render.milliseconds(everything.latency(q / 100))}" for q in (50, 99)]
    facts.add_row("latency", "  ".join(latencies))
    for deployment in deployments:
        facts.add_row("deployment", _deployment_fact(deployment))
    propagations = [step.propagation for step in steps if step.propagation is not None]
    if propagations:
        facts.add_row(
            "slowest propagation",
            f"{render.milliseconds(max(propagations) * 1000)} from setting the weights until every "
            "Envoy had acknowledged them",
        )
    facts.add_row("control plane", f"ready after {up_seconds:.2f} s")
    note = Text(
        "share: of the requests between convergence and the next change; as weighted: no further "
        f"from the weight than chance explains ({MAX_DEVIATIONS:.0f} standard deviations)",
        style="dim",
    )
    return Group(Text(), rows, note, Text(), facts)


def _step_row(step: Step, *, narrow: bool) -> list[Text]:
    failed = step.counts.failed
    weighted = "-" if step.deviations is None else "yes" if step.agrees else "NO"
    return [
        Text(step.deployment.partition(" to ")[0] if narrow else step.deployment),
        Text(str(step.number)),
        Text(render.percent(step.expected, 0)),
        Text(f"{step.counts.requests:,}"),
        Text(str(failed), style="bold red" if failed else "green"),
        Text(render.percent(step.share, 2)),
        Text(weighted, style="green" if step.agrees else "bold red"),
        Text(f"{step.seconds:.1f} s"),
        Text("-" if step.propagation is None else render.milliseconds(step.propagation * 1000)),
    ]


def _deployment_fact(deployment: wire.Deployment) -> Text:
    text = Text(f"{deployment.get('oldImage')} → {deployment.get('newImage')}  ")
    status = standing.outcome(deployment)
    text.append(status, style=render.STATUS_STYLES.get(status, ""))
    if deployment.get("finishedAt"):
        text.append(f"  in {deployment['finishedAt'] - deployment['createdAt']:.1f} s")
    if deployment.get("reason"):
        text.append(f"  {deployment['reason']}", style="red")
    return text
