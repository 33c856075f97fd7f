"""Looks again every second until Ctrl-C, and shows it as the output can."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console, Group
from rich.live import Live

from tealmesh.cli.live.changes import Fact, changes, facts
from tealmesh.cli.live.rows import marks_for
from tealmesh.cli.live.sight import Sight
from tealmesh.cli.live.traffic import Traffic
from tealmesh.cli.live.tree import picture
from tealmesh.cli.screens import render
from tealmesh.cli.screens.waiting import silence
from tealmesh.cli.watching import WATCH_SECONDS
from tealmesh.model.errors import NoControlPlane

Look = Callable[[], Sight]


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
    sight, lost = next(looks)
    with Live(console=out, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        while True:
            if not lost:
                traffic.add(sight.status["services"])
            width, height = out.size
            lines = picture(
                sight, traffic, width, height, time.time(), lost, encoding=encoding, marks=marks
            )
            live.update(Group(*lines), refresh=True)
            sight, lost = next(looks)


def _tell(look: Look) -> None:
    before: dict[str, Fact] = {}
    was_lost = ""
    for sight, lost in _looks(look):
        if lost and not was_lost:
            _say(time.time(), f"{lost}; waiting for it")
        elif was_lost and not lost:
            _say(sight.at, "the control plane answers again")
        was_lost = lost
        if not lost:
            now = facts(sight)
            for line in changes(before, now):
                _say(sight.at, line)
            before = now


def _say(at: float, line: str) -> None:
    click.echo(f"{render.clock(at)} {line}")


def _looks(look: Look) -> Iterator[tuple[Sight, str]]:
    """What is found, once a second; while nothing answers, the last of it and why."""
    sight = look()
    yield sight, ""
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            sight = look()
        except NoControlPlane as error:
            yield sight, str(error)
        else:
            yield sight, ""
