"""Tables that fit the terminal: names in full where they fit, and shorter ones where not."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_UNLIMITED = 100_000


def fitted(width: int, forms: Sequence[Callable[[], Table]]) -> Table:
    """The first of these forms of a table that is at most ``width`` columns wide. ``forms`` go from
    the widest to the narrowest; of the last, names are folded rather than cut.
    """
    console = Console(file=io.StringIO(), width=_UNLIMITED)
    table = forms[0]()
    for form in forms:
        table = form()
        if Measurement.get(console, console.options, table).maximum <= width:
            return table
    for column in table.columns:
        if column.justify == "left":
            column.no_wrap, column.overflow = False, "fold"
    return table


def short_image(image: str | None, level: int) -> str:
    """An image: in full, from level 1 on without its registry, from level 2 on its tag alone, by
    which versions are told apart.
    """
    if not image:
        return "-"
    if level < 1:
        return image
    name = image.rpartition("/")[2]
    if level < 2:
        return name
    if "@sha256:" in name:
        return f"@{name.rpartition(':')[2][:12]}"
    return f":{name.rpartition(':')[2]}" if ":" in name else name


def versions(old: str | None, new: str | None) -> str:
    """``example/web:1 → 2``: what differs of the second image, where the rest is the same."""
    before, after = old or "?", new or "?"
    name, colon, tag = after.rpartition(":")
    same = colon and "/" not in tag and before.rpartition(":")[0] == name
    return f"{before} → {tag if same else after}"


def folded(rows: Sequence[Sequence[Text]], width: int, gap: int = 2, indent: int = 0) -> list[Text]:
    """Rows in columns, of which the last is folded under itself; no line ends with spaces."""
    first = [max((row[i].cell_len for row in rows), default=0) for i in range(_columns(rows) - 1)]
    left = indent + sum(first) + gap * len(first)
    lines: list[Text] = []
    console = Console(file=io.StringIO(), width=max(20, width - left))
    for row in rows:
        head = Text(" " * indent)
        for cell, size in zip(row, first, strict=False):
            head.append_text(cell)
            head.append(" " * (size - cell.cell_len + gap))
        for number, part in enumerate(row[-1].wrap(console, max(20, width - left))):
            line = (head if number == 0 else Text(" " * left)) + part
            line.rstrip()
            lines.append(line)
    return lines


def _columns(rows: Sequence[Sequence[Text]]) -> int:
    return len(rows[0]) if rows else 1
