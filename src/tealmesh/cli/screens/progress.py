"""A deployment that runs, as bars: the weight that is set, the share that was measured, and how
much each gate has of what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from tealmesh.cli.screens.fit import folded
from tealmesh.cli.screens.render import NARROW_COLUMNS, VERDICT_STYLES, side_style

if TYPE_CHECKING:
    from tealmesh.model import wire

_FULL, _EMPTY = "━", "─"
_LONGEST, _SHORTEST = 40, 10
_GATE_BAR = 12
_BARS_FROM = 70
"""On narrower terminals, gates have no bars: their numbers need the room."""


def progress_lines(
    deployment: wire.Deployment, sides: Sequence[wire.SideStatus], width: int
) -> list[Text]:
    """The lines, to be set in from the left by two columns of ``width``. Empty once the
    deployment has finished.
    """
    if "IN_PROGRESS" not in deployment["status"]:
        return []
    return [*_shares(deployment, sides, width), *_gates(deployment, width)]


def bar(share: float, columns: int) -> str:
    """A bar of ``columns`` for 0 to 1. Only nothing is empty, and only all is full."""
    share = min(1.0, max(0.0, share))
    filled = round(share * columns)
    if 0 < share < 1:
        filled = min(columns - 1, max(1, filled))
    return _FULL * filled + _EMPTY * (columns - filled)


def _shares(
    deployment: wire.Deployment, sides: Sequence[wire.SideStatus], width: int
) -> Iterator[Text]:
    name = deployment.get("newSide", "")
    new = next((side for side in sides if side["side"] == name), None)
    total = sum(side["weight"] for side in sides)
    if new is None or not total:
        return
    columns = min(_LONGEST, max(_SHORTEST, width - len(name) - 22))
    style = side_style(name)
    for what, share in (("set", new["weight"] / total), ("measured", new.get("share"))):
        line = Text()
        line.append(f"{name} ", style=style)
        line.append(f"{what:<8}  ")
        if share is None:
            line.append("no requests", style="dim")
        else:
            line.append(f"{bar(share, columns)} ", style=style)
            line.append(f"{share * 100:5.1f} %")
        yield line


def _gates(deployment: wire.Deployment, width: int) -> list[Text]:
    """The gates of the present step: verdict, how much of what is needed, and the numbers."""
    evidence = deployment.get("evidence", [])
    if not evidence or evidence[-1].get("finishedAt"):
        return []
    rows = []
    for verdict in evidence[-1].get("verdicts", []):
        style = VERDICT_STYLES.get(verdict["verdict"], "")
        ratio = [Text(_ratio(verdict), style=style)] if width >= _BARS_FROM else []
        rows.append(
            [
                Text(verdict["gate"]),
                Text(verdict["verdict"].replace("_", " ").lower(), style=style),
                *ratio,
                Text(verdict["detail"], style="dim"),
            ]
        )
    if not rows:
        return []
    return folded(rows, width - 2, gap=1 if width < NARROW_COLUMNS else 2)


def _ratio(verdict: wire.GateVerdict) -> str:
    """A bar for a gate that counts towards something."""
    have, need = verdict.get("have"), verdict.get("need")
    if have is None or not need:
        return ""
    return bar(have / need, _GATE_BAR)
