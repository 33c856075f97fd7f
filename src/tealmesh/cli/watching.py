"""What is shown again every second, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tealmesh.cli.options import print_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WATCH_SECONDS = 1.0
"""Between two updates."""


def show(look: Callable[[], RenderableType], out: Console, watch: bool) -> None:
    """Print what a look shows, or keep it on the screen if it is ``watch``ed: one below the other
    where there is no terminal.
    """
    if not watch:
        out.print(look())
        return
    try:
        _keep(look, out)
    except KeyboardInterrupt:
        return


def show_json(look: Callable[[], object], watch: bool) -> None:
    """Print what a look finds as JSON; if it is ``watch``ed, a line each."""
    while True:
        print_json(look(), compact=watch)
        if not watch:
            return
        time.sleep(WATCH_SECONDS)


def _keep(look: Callable[[], RenderableType], out: Console) -> None:
    from rich.live import Live

    if not out.is_terminal:
        while True:
            out.print(look())
            out.print()
            time.sleep(WATCH_SECONDS)
    with Live(console=out, auto_refresh=False, screen=True) as live:
        while True:
            live.update(look(), refresh=True)
            time.sleep(WATCH_SECONDS)
