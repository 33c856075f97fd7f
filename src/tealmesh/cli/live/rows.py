"""Rows of a tree, and how they fit a terminal: what is least urgent is folded. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.text import Text

_STEADY = {"→": ">", "…": "~", "·": "*", "\N{EN DASH}": "-", "\N{NO-BREAK SPACE}": " "}
"""One column each, unlike what `output` writes: rows are measured before they are written."""
_LEAST_HANGING = 40


@dataclass(frozen=True)
class Marks:
    """The signs of a tree, each one or two columns wide."""

    passed: str = "✔"
    failed: str = "✖"
    waiting: str = "◌"
    paused: str = "॥"
    running: str = "●"
    between: str = "─"
    branch: str = "├ "
    last: str = "└ "
    through: str = "│ "
    bars: str = " ▁▂▃▄▅▆▇█"


PLAIN = Marks("ok", "XX", "..", "||", "*", "-", "|-", "`-", "| ", " .:-=+*#@")
"""For terminals whose encoding lacks the others."""


def marks_for(encoding: str) -> Marks:
    """The signs that a terminal of this encoding has."""
    marks = Marks()
    try:
        "".join(vars(marks).values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return marks


@dataclass(frozen=True)
class Row:
    """A row of the tree. A parent is never less urgent than its children."""

    depth: int
    text: Text
    urgency: int
    """0 is the most urgent."""
    kind: tuple[str, str]
    """What it is, for one and for several: told of rows that are folded."""
    lines: int = 1
    """It is wrapped to at most so many lines, and then cut."""
    hang: int = 0
    """Where it is wide enough, its further lines begin so many columns further right."""


@dataclass
class Tree:
    """Rows, in the order in which they are shown."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        depth: int,
        text: Text,
        urgency: int,
        kind: tuple[str, str],
        lines: int = 1,
        hang: int = 0,
    ) -> None:
        """Add a row below the last one of ``depth`` - 1."""
        above = next((row for row in reversed(self.rows) if row.depth < depth), None)
        least = above.urgency if above else 0
        self.rows.append(Row(depth, text, max(urgency, least), kind, lines, hang))


def fit(
    rows: Sequence[Row], width: int, height: int, marks: Marks | None = None, encoding: str = "utf8"
) -> list[Text]:
    """At most ``height`` lines of at most ``width`` columns; if rows are missing, the last line
    says what they are.
    """
    marks = marks or Marks()
    wrapped = [_wrapped(row, width, encoding) for row in rows]
    if sum(map(len, wrapped)) <= height:
        kept = {index: len(lines) for index, lines in enumerate(wrapped)}
    else:
        kept = _kept(rows, wrapped, height - 1)
    lines = list(_drawn(rows, wrapped, kept, marks))
    if len(kept) < len(rows) and height > 1:
        folded = Counter(row.kind for index, row in enumerate(rows) if index not in kept)
        words = ", ".join(f"{n} {one if n == 1 else many}" for (one, many), n in folded.items())
        folded_rows = _printable(Text(f"folded: {words}", style="dim"), encoding)
        lines.append(_cut(folded_rows, width, encoding))
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="crop")
    return lines[:height]


def _kept(rows: Sequence[Row], wrapped: Sequence[Sequence[Text]], height: int) -> dict[int, int]:
    """How many lines of which rows are kept: the most urgent first."""
    kept: dict[int, int] = {}
    left = max(1, height)
    for index in sorted(range(len(rows)), key=lambda i: (rows[i].urgency, i)):
        if not left:
            break
        kept[index] = min(left, len(wrapped[index]))
        left -= kept[index]
    return kept


def _wrapped(row: Row, width: int, encoding: str) -> list[Text]:
    """The lines of a row without what the tree draws before them."""
    room = max(1, width - 2 * row.depth)
    text = _printable(row.text, encoding)
    if row.lines == 1 or text.cell_len <= room:
        return [_cut(text, room, encoding)]
    from rich.console import Console

    hang = row.hang if room - row.hang >= _LEAST_HANGING else 0
    first, *others = text.wrap(Console(width=room), room)
    rest = Text(" ").join(others)
    found = [first, *rest.wrap(Console(width=room - hang), room - hang)]
    for line in found:
        line.rstrip()
    if len(found) > row.lines:
        rest = Text(" ").join(found[row.lines - 1 :])
        found = [*found[: row.lines - 1], _cut(rest, room - hang, encoding)]
    return [found[0], *(Text(" " * hang).append_text(line) for line in found[1:])]


def _cut(text: Text, room: int, encoding: str) -> Text:
    """At most ``room`` columns of it."""
    if text.cell_len > room:
        text = text.copy()
        text.truncate(room, overflow="ellipsis")
        text = _printable(text, encoding)
    return text


def _printable(text: Text, encoding: str) -> Text:
    """With a blank for each control character, and what the encoding has: the width that was
    measured is the width that is seen.
    """
    made = text.copy()
    made.plain = "".join(_character(one, encoding) for one in text.plain)
    return made


def _character(character: str, encoding: str) -> str:
    if not character.isprintable():
        return " "
    try:
        character.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _STEADY.get(character, "?")
    return character


def _drawn(
    rows: Sequence[Row], wrapped: Sequence[Sequence[Text]], kept: dict[int, int], marks: Marks
) -> Iterator[Text]:
    """The lines with the branches of the tree."""
    shown = sorted(kept)
    for at, index in enumerate(shown):
        depth = rows[index].depth
        below = [rows[i].depth for i in shown[at + 1 :]]
        open_levels = [_goes_on(below, level) for level in range(1, depth + 1)]
        left = "".join(marks.through if goes else "  " for goes in open_levels[:-1])
        first = (marks.branch if open_levels[-1] else marks.last) if depth else ""
        again = (marks.through if open_levels[-1] else "  ") if depth else ""
        for number, line in enumerate(wrapped[index][: kept[index]]):
            branches = Text().append(left + (again if number else first), style="dim")
            yield branches.append_text(line)


def _goes_on(below: Sequence[int], level: int) -> bool:
    """Whether a row of ``level`` follows before one that is higher in the tree."""
    for depth in below:
        if depth <= level:
            return depth == level
    return False
