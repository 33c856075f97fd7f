"""What became of the rehearsals, for people and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from rich import box
from rich.table import Table

from tealmesh.cli.rehearse.callers import MADE

if TYPE_CHECKING:
    from tealmesh.cli.rehearse.play import Played

_ENDS = {"SUCCESSFUL": "deployed", "ROLLBACK_SUCCESSFUL": "rolled back"}


class PlayedLine(TypedDict):
    """One rehearsal."""

    fault: str
    status: str
    reason: str
    seconds: float
    exposedSeconds: float
    requests: int
    failed: int
    failures: dict[str, int]
    asItShould: bool


def table(played: Sequence[Played], width: int) -> Table:
    """A line for each rehearsal."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, width=min(width, 100))
    for name, justify in (("fault", "left"), ("ended", "left"), ("after", "right")):
        shown.add_column(name, justify=justify)  # type: ignore[arg-type]
    shown.add_column("callers saw", justify="left", overflow="fold", ratio=1)
    shown.add_column("")
    for one in played:
        verdict = "[green]✓[/]" if one.as_it_should else "[red]✗[/]"
        ended = _ENDS.get(one.status, one.status)
        shown.add_row(one.fault.name, ended, f"{one.seconds:.1f} s", callers_saw(one), verdict)
    return shown


def callers_saw(played: Played) -> str:
    """How many requests failed, for how long, and how."""
    seen = played.seen
    if not seen.failed:
        return f"0 of {seen.requests:,} requests failed"
    kinds = ", ".join(
        f"{count} {'by the new version' if kind == MADE else kind}"
        for kind, count in seen.failures.most_common(3)
    )
    return (
        f"{seen.failed:,} of {seen.requests:,} requests failed within {seen.exposed:.1f} s: {kinds}"
    )


def line(played: Played) -> PlayedLine:
    """A rehearsal as JSON."""
    return {
        "fault": played.fault.name,
        "status": played.status,
        "reason": played.reason,
        "seconds": round(played.seconds, 2),
        "exposedSeconds": round(played.seen.exposed, 2),
        "requests": played.seen.requests,
        "failed": played.seen.failed,
        "failures": dict(played.seen.failures),
        "asItShould": played.as_it_should,
    }
