"""Writes the table of docs/drills.md: ``python docs/drills.py FILE``, which ``make drills`` does.

FILE has a line of JSON for each drill that was played (`tests/drills/results.py`). Of a drill that
was not, the page keeps the row that it has.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.drills.listed import DRILLS
from tests.drills.results import Row

PAGE = Path(__file__).with_name("drills.md")
BEGIN = "<!-- begin: made by docs/drills.py -->"
END = "<!-- end -->"

_HEAD = (
    "| drill | requests | lost | writes | lost | refused, made again | first write after | "
    "converged after | played |",
    "|---|---|---|---|---|---|---|---|---|",
)
NOT_PLAYED = " | | | | | | | | not played yet |"


def rows(lines: Iterable[str]) -> dict[str, Row]:
    """The last row of each drill, by its name."""
    made = (Row(**json.loads(line)) for line in lines if line.strip())
    return {row.drill: row for row in made}


def written(text: str, played: Mapping[str, Row]) -> str:
    """The page with the rows of what was ``played``, and for all others those that it had."""
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    known = {line.split("|")[1].strip(): line for line in old.splitlines() if line.startswith("|")}
    lines = []
    for name, what in DRILLS.items():
        shown = f"{what} (`{name}`)"
        line = _line(shown, played[name]) if name in played else known.get(shown)
        lines.append(line or f"| {shown}{NOT_PLAYED}")
    return "\n".join([before + BEGIN, *_HEAD, *lines, END]) + after


def _line(shown: str, row: Row) -> str:
    cells = [
        shown,
        f"{row.requests:,}",
        f"{row.lost:,}",
        f"{row.writes:,}",
        f"{row.lost_writes:,}",
        f"{row.refused:,}",
        _seconds(row.first_write),
        _seconds(row.converged),
        " ".join(
            [row.date, row.commit, *row.notes, *([f"FAILED: {row.failed}"] * bool(row.failed))]
        ),
    ]
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def main() -> None:
    """Prints the rows, and writes them into the page."""
    played = rows(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(text, played), encoding="utf-8")
    width = max(map(len, DRILLS))
    print(f"{'drill':{width}}  requests  lost  writes  lost  first write  converged")
    for name in DRILLS:
        if (row := played.get(name)) is None:
            print(f"{name:{width}}  not played")
            continue
        print(
            f"{name:{width}}  {row.requests:8,}  {row.lost:4,}  {row.writes:6,}  "
            f"{row.lost_writes:4,}  {_seconds(row.first_write):>11}  "
            f"{_seconds(row.converged):>9}{'  FAILED' * bool(row.failed)}"
        )


if __name__ == "__main__":
    main()
