"""Looks again every second until Ctrl-C, and shows it as the output can."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain

import click
from rich.console import Console, Group
from rich.live import Live

from tealmesh.cli.following.watching import WATCH_SECONDS
from tealmesh.cli.live.changes import Fact, changes, facts
from tealmesh.cli.live.rows import marks_for
from tealmesh.cli.live.sight import Sight
from tealmesh.cli.live.traffic import Traffic
from tealmesh.cli.live.tree import MEANWHILE, picture
from tealmesh.cli.screens import render
from tealmesh.cli.screens.waiting import silence
from tealmesh.model.errors import NoControlPlane

Look = Callable[[], Sight]
_SIZE_SECONDS = 0.1
"""So often it is looked whether the terminal has another size."""


def watch(look: Look, out: Console, window: int) -> None:
    """Show what ``look`` finds until Ctrl-C: as a tree on the whole terminal, or in plain lines
    where ``out`` is none, or one that cannot move its cursor.

    Raises what ``look`` raises at first. Later, while no control plane answers, that is shown.
    """
    try:
        with silence():
            if out.is_terminal and not out.is_dumb_terminal:
                _draw(look, out, window)
            else:
                _tell(look)
    except KeyboardInterrupt:
        return


def _draw(look: Look, out: Console, window: int) -> None:
    traffic = Traffic(window)
    encoding = out.encoding
    marks = marks_for(encoding)
    looks = _looks(look)
    first = next(looks)
    with Live(console=out, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        for sight, lost in chain((first,), looks):
            if not lost:
                traffic.add(sight.status["services"])
            end = time.monotonic() + WATCH_SECONDS
            size = None
            while time.monotonic() < end:
                # Another size is another picture, at once and not at the next look.
                if size != out.size:
                    size = out.size
                    now = time.time()
                    lines = picture(
                        sight, traffic, *size, now, lost, encoding=encoding, marks=marks
                    )
                    live.update(Group(*lines), refresh=True)
                time.sleep(_SIZE_SECONDS)


def _tell(look: Look) -> None:
    before: dict[str, Fact] = {}
    was_lost = ""
    for sight, lost in _looks(look):
        if lost and not was_lost:
            _say(time.time(), f"{lost}; waiting for it; {MEANWHILE}")
        elif was_lost and not lost:
            _say(sight.at, "the control plane answers again")
        was_lost = lost
        if not lost:
            now = facts(sight)
            for line in changes(before, now):
                _say(sight.at, line)
            before = now
        time.sleep(WATCH_SECONDS)


def _say(at: float, line: str) -> None:
    click.echo(f"{render.clock(at)} {line}")


def _looks(look: Look) -> Iterator[tuple[Sight, str]]:
    """What is found at each look; while nothing answers, the last of it and why."""
    sight = look()
    yield sight, ""
    while True:
        try:
            sight = look()
        except NoControlPlane as error:
            yield sight, str(error)
        else:
            yield sight, ""
