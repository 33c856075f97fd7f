"""Line plots as SVG, without scripts. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28
_TICKS = 4

Point = tuple[float, float | None]
"""Seconds since the start, and a value; None where there is none."""


@dataclass(frozen=True)
class Line:
    """A line of a plot."""

    name: str
    points: Sequence[Point]
    colour: str
    bound: bool = False
    """Whether it is a limit: dashed."""


def plot(title: str, unit: str, lines: Sequence[Line]) -> str:
    """A plot with its legend; a sentence if no line has a value."""
    drawn = [p for line in lines for p in line.points if p[1] is not None]
    values = [value for _, value in drawn if value is not None and math.isfinite(value)]
    head = f"<h3>{html.escape(title)}</h3>"
    if not values:
        return f"{head}<p class=none>Nothing was measured.</p>"
    low, high = min(0.0, *values), max(0.0, *values)
    high = high if high > low else low + 1.0
    end = max(at for at, _ in drawn) or 1.0
    scale = _Scale(end, low, high)
    parts = [*_grid(scale, unit), *(_line(line, scale) for line in lines)]
    legend = "".join(
        f'<span><i style="background:{line.colour}"></i>{html.escape(line.name)}</span>'
        for line in lines
    )
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}"'
    return f"<figure>{head}<svg {box}>{''.join(parts)}</svg><p class=legend>{legend}</p></figure>"


@dataclass(frozen=True)
class _Scale:
    end: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * seconds / self.end

    def y(self, value: float) -> float:
        kept = min(max(value, self.low), self.high)
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (self.high - kept) / (self.high - self.low)


def _grid(scale: _Scale, unit: str) -> list[str]:
    parts = []
    for index in range(_TICKS + 1):
        value = scale.low + (scale.high - scale.low) * index / _TICKS
        y = scale.y(value)
        parts.append(f'<path class=grid d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        label = f"{value:.3g}{unit if index == _TICKS else ''}"
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        seconds = scale.end * index / _TICKS
        x = scale.x(seconds)
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{seconds:.0f} s</text>'
        )
    return parts


def _line(line: Line, scale: _Scale) -> str:
    """A path that has gaps where there is no value."""
    words, joined = [], False
    for at, value in line.points:
        if value is None or math.isnan(value):
            joined = False
            continue
        words.append(f"{'L' if joined else 'M'}{scale.x(at):.1f} {scale.y(value):.1f}")
        joined = True
    dashes = ' stroke-dasharray="5 4"' if line.bound else ""
    return f'<path class=line stroke="{line.colour}"{dashes} d="{"".join(words)}"/>'
