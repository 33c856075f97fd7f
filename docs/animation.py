"""A recording of a terminal as an SVG that plays by itself, in light and in dark:
`python docs/animation.py CAST SVG [TEXT]`.

The pictures stand below each other, and an animation of CSS moves them past a window, one at a
time. Whoever wants less motion (`prefers-reduced-motion`) sees one of them, as where it cannot be
played: the last that has TEXT in it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from terminal import Cell, Style, Terminal

WIDE, HIGH, SIZE = 8.43, 18, 14
"""Of a character: columns and rows in pixels, and the size of its font."""
MARGIN = 14
SHORTEST_SECONDS = 0.4
"""A picture is seen for at least so long: what comes sooner takes its place."""
LAST_SECONDS = 5.0
"""The last one stays, before it all begins again."""
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono',monospace"
LIGHT = {
    "ground": "#fbfbfa", "edge": "#d0d5d9", "ink": "#24292f", "faint": "#646b73", "red": "#b3261e",
    "green": "#1a7f37", "yellow": "#8a5d00", "blue": "#0b5fc0", "magenta": "#8250df",
    "cyan": "#0f6f7a", "white": "#57606a", "black": "#24292f",
}  # fmt: skip
DARK = {
    "ground": "#11171d", "edge": "#30363d", "ink": "#dfe5ea", "faint": "#8d97a1", "red": "#ff8178",
    "green": "#56d364", "yellow": "#e3b341", "blue": "#6cb6ff", "magenta": "#d2a8ff",
    "cyan": "#56d4dd", "white": "#dfe5ea", "black": "#8d97a1",
}  # fmt: skip
_SECOND = "\0"
"""Stands for the second column of a wide character."""
_PIECE = re.compile(r"\S+(?: \S+)*")
"""What is placed as a whole: in a short one, it does not matter how wide exactly the font is."""
Picture = Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Frame:
    """A picture, and when it comes, in seconds from the beginning."""

    at: float
    picture: Picture


def frames(events: Iterable[tuple[float, str]], columns: int, rows: int) -> list[Frame]:
    """The pictures of a recording, each for `SHORTEST_SECONDS` or more."""
    terminal = Terminal(columns, rows)
    made: list[Frame] = []
    for at, text in events:
        terminal.feed(text)
        picture = terminal.cells()
        if made and picture == made[-1].picture:
            continue
        if made and at - made[-1].at < SHORTEST_SECONDS:
            made[-1] = Frame(made[-1].at, picture)
        else:
            made.append(Frame(at, picture))
    return made


def still(picture: Picture, title: str) -> str:
    """One picture as an SVG, without the empty rows at its end."""
    rows = len(picture)
    while rows > 1 and not _words(picture[rows - 1 : rows]).strip():
        rows -= 1
    drawn = _Drawn()
    body = drawn.frame(picture[:rows], 0)
    return _svg(len(picture[0]), rows, title, drawn, body, "")


def animated(made: Sequence[Frame], title: str, poster: str = "") -> str:
    """Pictures as an SVG that plays for ever; ``poster`` is in the one that is shown at rest."""
    columns, rows = len(made[0].picture[0]), len(made[0].picture)
    whole = made[-1].at + LAST_SECONDS
    high = rows * HIGH
    rest = max(
        (n for n, frame in enumerate(made) if poster in _words(frame.picture)),
        default=len(made) - 1,
    )
    drawn = _Drawn()
    film = "".join(drawn.frame(frame.picture, n * high) for n, frame in enumerate(made))
    steps = "".join(
        f"{frame.at / whole * 100:.4g}%{{transform:translateY(-{n * high}px)}}"
        for n, frame in enumerate(made)
    )
    style = (
        f".film{{transform:translateY(-{rest * high}px);animation:play {whole:.4g}s step-end "
        f"infinite}}@keyframes play{{{steps}}}"
        "@media (prefers-reduced-motion:reduce){.film{animation:none}}"
    )
    return _svg(columns, rows, title, drawn, f'<g class="film">{film}</g>', style)


class _Drawn:
    """Rows that were drawn once, and are used wherever they come again."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.styles: dict[Style, str] = {}

    def frame(self, picture: Picture, top: int) -> str:
        used = []
        for number, row in enumerate(picture):
            if text := self._row(row):
                name = self.rows.setdefault(text, f"r{len(self.rows)}")
                used.append(f'<use href="#{name}" y="{top + number * HIGH}"/>')
        return "".join(used)

    def _row(self, row: Sequence[Cell]) -> str:
        """``<tspan>`` of each style; where the font may lack a character, the next one is put where
        it belongs.
        """
        parts, column, written = [], 0, 0
        for style, group in groupby(row, key=lambda cell: cell.style):
            cells = list(group)
            words = "".join(cell.text or _SECOND for cell in cells)
            for piece in _PIECE.finditer(words):
                start = column + piece.start()
                at = "" if start == written else f' x="{_number(start * WIDE)}"'
                name = self.styles.setdefault(style, f"s{len(self.styles)}")
                shown = escape(piece[0].replace(_SECOND, ""), quote=False)
                parts.append(f'<tspan class="{name}"{at}>{shown}</tspan>')
                written = column + piece.end() if piece[0].isascii() else -1
            column += len(cells)
        return "".join(parts)


def _svg(columns: int, rows: int, title: str, drawn: _Drawn, body: str, style: str) -> str:
    wide, high = columns * WIDE + 2 * MARGIN, rows * HIGH + 2 * MARGIN
    texts = "".join(
        f'<text id="{name}" y="{SIZE}">{text}</text>' for text, name in drawn.rows.items()
    )
    classes = "".join(f".{name}{{{_css(one)}}}" for one, name in drawn.styles.items())
    dark = "".join(f"--{name}:{value};" for name, value in DARK.items())
    light = "".join(f"--{name}:{value};" for name, value in LIGHT.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_number(wide)} {high}" '
        f'width="{_number(wide)}" height="{high}"><title>{escape(title)}</title>\n'
        f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}"
        f"text{{font:{SIZE}px {FONT};white-space:pre;fill:var(--ink)}}{classes}{style}</style>\n"
        f'<rect x=".5" y=".5" width="{_number(wide - 1)}" height="{high - 1}" rx="8" '
        'fill="var(--ground)" stroke="var(--edge)"/>\n'
        f"<defs>{texts}</defs>\n"
        f'<svg x="{MARGIN}" y="{MARGIN}" width="{_number(wide - MARGIN)}" height="{rows * HIGH}" '
        f'overflow="hidden">{body}</svg>\n</svg>\n'
    )


def _css(style: Style) -> str:
    ink = style.colour.removeprefix("bright-") or ("faint" if style.dim else "ink")
    parts = [f"fill:var(--{ink})"]
    if style.bold:
        parts.append("font-weight:bold")
    if style.dim and style.colour:
        parts.append("opacity:.75")
    if style.italic:
        parts.append("font-style:italic")
    if style.underline:
        parts.append("text-decoration:underline")
    return ";".join(parts)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _words(picture: Picture) -> str:
    return "\n".join("".join(cell.text for cell in row).rstrip() for row in picture)


def read(cast: str) -> tuple[dict[str, str | int], list[tuple[float, str]]]:
    """The head and the events of an asciicast v2."""
    head, *lines = cast.splitlines()
    events = [json.loads(line) for line in lines]
    return json.loads(head), [(at, text) for at, kind, text in events if kind == "o"]


def of_cast(cast: str, poster: str = "") -> str:
    """The SVG of an asciicast v2."""
    head, events = read(cast)
    made = frames(events, int(head["width"]), int(head["height"]))
    return animated(made, str(head["title"]), poster)


def main() -> None:
    source, target, *poster = sys.argv[1:]
    Path(target).write_text(of_cast(Path(source).read_text(), *poster))
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
