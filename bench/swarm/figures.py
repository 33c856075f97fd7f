"""The figures of a run, and what the largest mesh is promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.swarm.run import Result

FULL = 10_000
"""Envoys that the targets are for, on two cores."""


@dataclass(frozen=True)
class Figure:
    """One of them."""

    name: str
    unit: str
    of: Callable[[Result], float]
    target: float | None = None
    """At most so much at `FULL`."""


FIGURES = (
    Figure("storm", "s", lambda one: one.storm, 5.0),
    Figure("storm, CPU", "s", lambda one: one.storm_cpu),
    Figure("storm, refused", "streams", lambda one: one.refused, 1),
    Figure("push, p50", "ms", lambda one: one.push_ms(0.5)),
    Figure("push, p99", "ms", lambda one: one.push_ms(0.99), 350.0),
    Figure("push, last", "ms", lambda one: one.push_ms(1.0)),
    Figure("push, CPU", "s", lambda one: one.push_cpu, 0.5),
    Figure("memory a stream", "KB", lambda one: one.stream_kb, 20.0),
)


def table(envoys: int, now: Result, former: Result, commit: str) -> str:
    """Both beside each other and beside the targets, in Markdown."""
    rows = [
        f"| {envoys:,} Envoys | {commit} | now | now / {commit} | target |",
        "|---|---|---|---|---|",
    ]
    for one in FIGURES:
        then, value = one.of(former), one.of(now)
        ratio = f"{value / then:.2f}" if then else ""
        target = "" if one.target is None or envoys != FULL else f"{one.target:g} {one.unit}"
        rows.append(
            f"| {one.name} | {_shown(then)} {one.unit} | {_shown(value)} {one.unit} | {ratio} "
            f"| {target} |"
        )
    return "\n".join(rows)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2f}"
