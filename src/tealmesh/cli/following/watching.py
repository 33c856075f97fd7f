"""What is shown as JSON again every second, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from tealmesh.cli.options import print_json

WATCH_SECONDS = 1.0
"""Between two looks."""


def show_json(look: Callable[[], object], watch: bool) -> None:
    """Print what a look finds as JSON; if it is ``watch``ed, a line each."""
    while True:
        print_json(look(), compact=watch)
        if not watch:
            return
        time.sleep(WATCH_SECONDS)
