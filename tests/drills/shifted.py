"""``teal`` with a wall clock that differs from the machine's by the seconds in a file, which may
change at any moment: for a machine whose clock somebody sets. Clocks that nobody can set, by which
durations are measured, stay what they are.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

VARIABLE = "TEALMESH_DRILL_CLOCK"
"""Names the file."""


def shift(place: Path, seconds: float) -> None:
    """Set the clock of whoever runs with this file."""
    made = place.with_suffix(".new")
    made.write_text(str(seconds))
    made.replace(place)


def main() -> object:
    """The command line, at another time."""
    place, real = Path(os.environ[VARIABLE]), time.time

    def shifted() -> float:
        return real() + float(place.read_text())

    time.time = shifted
    time.time_ns = lambda: round(shifted() * 1e9)
    from tealmesh.cli.main import main as teal

    return teal()
