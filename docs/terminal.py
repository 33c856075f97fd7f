"""What a terminal shows of the output of programs: characters, their style, and the second screen
that a program uses which draws on all of it.

It knows the control sequences of ECMA-48 and xterm that `teal` and bash send
(https://invisible-island.net/xterm/ctlseqs/ctlseqs.html), and leaves others out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rich.cells import get_character_cell_size

_SEQUENCE = re.compile(
    r"\x1b\[([?\d;]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>]|\x1b[()][0-9A-Za-z]"
)
_BEGUN = re.compile(r"\x1b(?:\[[?\d;]*|\][^\x07\x1b]*\x1b?|[()])?$")
"""A sequence whose end has not been read yet."""
_TAB = 8
COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_SWITCHES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",)}


@dataclass(frozen=True)
class Style:
    """How a character looks. Colours are names of `COLOURS`, some with ``bright-``; empty for the
    terminal's own.
    """

    colour: str = ""
    background: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


class Cell(NamedTuple):
    """A column. ``text`` is empty in the second column of a wide character."""

    text: str = " "
    style: Style = Style()


@dataclass
class _Screen:
    rows: list[list[Cell]]
    row: int = 0
    column: int = 0


@dataclass
class Terminal:
    """A terminal of ``columns`` by ``rows``."""

    columns: int = 80
    rows: int = 24
    scrolled: list[list[Cell]] = field(default_factory=list)
    """What has left the first screen at the top."""
    cursor: bool = True
    _style: Style = Style()
    _rest: str = ""

    def __post_init__(self) -> None:
        self._first = self._at = _Screen(self._blank(self.rows))

    def feed(self, text: str) -> None:
        """Take what a program has written."""
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
            elif found := _SEQUENCE.match(text, at):
                if found[2]:
                    self._obey(found[1], found[2])
                at = found.end()
            elif _BEGUN.match(text, at):
                self._rest = text[at:]
                return
            else:
                at += 1

    def cells(self) -> list[list[Cell]]:
        """The screen that is seen now, row by row."""
        return [list(row) for row in self._at.rows]

    def text(self) -> str:
        """The screen that is seen now, without the blanks at the ends of lines."""
        return _plain(self._at.rows)

    def everything(self) -> str:
        """The first screen, scrolled back to the beginning."""
        return _plain([*self.scrolled, *self._first.rows])

    @property
    def second(self) -> bool:
        """Whether a program draws on the second screen."""
        return self._at is not self._first

    def _blank(self, rows: int) -> list[list[Cell]]:
        return [[Cell()] * self.columns for _ in range(rows)]

    def _put(self, character: str) -> None:
        here = self._at
        if character == "\r":
            here.column = 0
        elif character == "\n":
            self._down()
        elif character == "\b":
            here.column = max(0, min(here.column, self.columns) - 1)
        elif character == "\t":
            here.column = min(self.columns - 1, (here.column // _TAB + 1) * _TAB)
        elif character >= " ":
            width = get_character_cell_size(character)
            if width == 0:  # It belongs to the character before.
                self._join(character)
                return
            if here.column + width > self.columns:
                here.column = 0
                self._down()
            row = here.rows[here.row]
            row[here.column] = Cell(character, self._style)
            if width == 2:
                row[here.column + 1] = Cell("", self._style)
            here.column += width

    def _join(self, character: str) -> None:
        row, column = self._at.rows[self._at.row], self._at.column - 1
        while column > 0 and not row[column].text:
            column -= 1
        if column >= 0:
            row[column] = row[column]._replace(text=row[column].text + character)

    def _down(self) -> None:
        here = self._at
        if here.row < self.rows - 1:
            here.row += 1
            return
        gone = here.rows.pop(0)
        if not self.second:
            self.scrolled.append(gone)
        here.rows += self._blank(1)

    def _obey(self, arguments: str, kind: str) -> None:
        here = self._at
        if arguments.startswith("?"):
            if kind in "hl":
                self._mode(arguments[1:], kind == "h")
            return
        numbers = [int(part or 0) for part in arguments.split(";")]
        count = max(1, numbers[0])
        if kind == "m":
            self._paint(numbers)
        elif kind == "A":
            here.row = max(0, here.row - count)
        elif kind == "B":
            here.row = min(self.rows - 1, here.row + count)
        elif kind == "C":
            here.column = min(self.columns - 1, here.column + count)
        elif kind == "D":
            here.column = max(0, here.column - count)
        elif kind == "G":
            here.column = min(self.columns, count) - 1
        elif kind == "H":
            here.row = min(self.rows, count) - 1
            here.column = min(self.columns, max(1, numbers[1]) if numbers[1:] else 1) - 1
        elif kind == "K":
            self._erase(here.rows[here.row], here.column, numbers[0])
        elif kind == "J":
            self._clear(numbers[0])

    def _mode(self, number: str, on: bool) -> None:
        if number == "1049":
            self._at = _Screen(self._blank(self.rows)) if on else self._first
        elif number == "25":
            self.cursor = on

    def _erase(self, row: list[Cell], column: int, which: int) -> None:
        """To the end of the row (0), to its beginning (1), or all of it (2)."""
        begin = 0 if which else column
        end = min(self.columns, column + 1) if which == 1 else self.columns
        row[begin:end] = [Cell()] * max(0, end - begin)

    def _clear(self, which: int) -> None:
        here = self._at
        if which in (0, 1):
            self._erase(here.rows[here.row], here.column, which)
        whole = {0: range(here.row + 1, self.rows), 1: range(here.row)}.get(which, range(self.rows))
        for index in whole:
            here.rows[index] = [Cell()] * self.columns

    def _paint(self, numbers: list[int]) -> None:
        rest = iter(numbers)
        for number in rest:
            if number == 0:
                self._style = Style()
            elif number in _SWITCHES:
                self._style = replace(self._style, **{_SWITCHES[number]: True})
            elif number in _OFF:
                self._style = replace(self._style, **dict.fromkeys(_OFF[number], False))
            elif number in (38, 48):
                # One of 256 colours, or three parts of one: `teal` uses neither.
                for _ in range(1 if next(rest, 5) == 5 else 3):
                    next(rest, 0)
            else:
                self._colour(number)

    def _colour(self, number: int) -> None:
        for first, bright, what in (
            (30, "", "colour"), (40, "", "background"),
            (90, "bright-", "colour"), (100, "bright-", "background"),
        ):  # fmt: skip
            if first <= number < first + len(COLOURS):
                name = bright + COLOURS[number - first]
                self._style = replace(self._style, **{what: name})
            elif number == first + 9 and not bright:
                self._style = replace(self._style, **{what: ""})


def _plain(rows: list[list[Cell]]) -> str:
    return "\n".join("".join(cell.text for cell in row).rstrip() for row in rows).strip("\n")
