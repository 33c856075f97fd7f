"""The rows of a service's sides: weight set and measured, traffic, and their tasks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from tealmesh.cli.live.sight import Sight, task_is_well, task_words
from tealmesh.cli.names import cut
from tealmesh.cli.screens import render
from tealmesh.cli.screens.fit import short_image
from tealmesh.model.arn import ID_CHARACTERS
from tealmesh.model.traffic.failures import by_kind

if TYPE_CHECKING:
    from tealmesh.cli.live.rows import Marks, Tree
    from tealmesh.cli.live.traffic import Traffic
    from tealmesh.model import wire

_SIDE = ("side", "sides")
_FEWEST_BARS, _LONGEST_BARS, _LONGEST_NAME = 12, 40, 24


def side_rows(
    tree: Tree,
    depth: int,
    service: wire.ServiceStatus,
    sight: Sight,
    traffic: Traffic,
    width: int,
    marks: Marks,
) -> None:
    """Add a row for each side, and below it one for each of its tasks."""
    sides = service["sides"]
    deploys = "IN_PROGRESS" in service.get("deployment", {}).get("status", "")
    for side, line in zip(sides, _lines(service, traffic, width - 2 * depth, marks), strict=True):
        serves = side["weight"] > 0 or side["desired"] > 0
        tree.add(depth, line, 2 if deploys else 5 if serves else 8, _SIDE)
        if side.get("errorKinds"):
            kinds = Text(by_kind(side["errorKinds"]), style="red")
            tree.add(depth + 1, kinds, 3, ("kind of error", "kinds of errors"), lines=2)
        for task in sight.tasks_of(service["name"], side["side"]):
            well = task_is_well(task)
            sign, style = (marks.passed, "green") if well else (marks.waiting, "yellow")
            text = Text().append(f"{sign} ", style=style)
            words = [task["task"][:ID_CHARACTERS], task_words(task), task.get("address", "")]
            text.append("  ".join(filter(None, words)))
            text.append(f"  {short_image(task.get('image'), 1)}", style="dim")
            tree.add(depth + 1, text, 7 if well else 3, ("task", "tasks"))


def _lines(service: wire.ServiceStatus, traffic: Traffic, width: int, marks: Marks) -> list[Text]:
    """One line a side, in columns, with as many of them as there is room for."""
    sides = service["sides"]
    total = sum(side["weight"] for side in sides)
    rows = [_cells(side, total, traffic.window) for side in sides]
    columns = list(range(len(rows[0]))) if rows else []
    sizes = [max(cell_len(row[i]) for row in rows) for i in columns]
    # What goes first where it is narrow: tasks are below, errors are never left out.
    for spare, wanted in ((4, _FEWEST_BARS), (6, 0), (3, 0)):
        if sum(sizes[i] + 2 for i in columns) + wanted > width:
            columns.remove(spare)
    room = width - sum(sizes[i] + 2 for i in columns)
    bars = min(_LONGEST_BARS, room) if room >= 4 else 0
    lines = []
    for side, row in zip(sides, rows, strict=True):
        style = render.side_style(side["side"])
        line = Text()
        for i in columns:
            blanks = " " * (sizes[i] - cell_len(row[i]))
            padded = row[i] + blanks if i == 0 else blanks + row[i]
            line.append(padded, style=_style(i, side, style))
            if i == 2 and bars:
                line.append("  ")
                line.append_text(
                    traffic.bars(service["name"], side["side"], bars, marks.bars, style)
                )
            line.append("  ")
        line.rstrip()
        lines.append(line)
    return lines


def _cells(side: wire.SideStatus, total: int, window: int) -> list[str]:
    requests, errors = side.get("requests", 0), side.get("errors", 0)
    weight = side["weight"] / total if total else 0.0
    return [
        cut(side["side"], _LONGEST_NAME),
        f"set {weight * 100:.4g} %",
        f"got {render.percent(side.get('share'))}",
        f"{requests / window:.1f}/s" if requests else "-",
        f"{side['healthy']}/{side['desired']} tasks",
        f"{errors} error{'' if errors == 1 else 's'}",
        f"p99 {render.milliseconds(side.get('p99'))}",
    ]


def _style(column: int, side: wire.SideStatus, style: str) -> str:
    if column == 0:
        return style
    if column == 4 and side["healthy"] < side["desired"]:
        return "yellow"
    if column == 5:
        return "red" if side.get("errors") else "dim"
    return "" if side["weight"] else "dim"
