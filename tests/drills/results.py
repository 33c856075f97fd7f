"""What a drill came to: a line of JSON each, which `docs/drills.py` makes the table of."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.drills.listed import DRILLS
from tests.support.machine import REPOSITORY

VARIABLE = "TEALMESH_DRILL_RESULTS"
"""The file to which rows are added; without it they are forgotten."""


@dataclass
class Row:
    """A drill that was played."""

    drill: str
    """Its name in `listed.DRILLS`."""
    requests: int = 0
    lost: int = 0
    """Requests that failed."""
    writes: int = 0
    """Those that were acknowledged."""
    lost_writes: int = 0
    """Acknowledged, and not there in the end, or not in order."""
    refused: int = 0
    """Attempts to write that had an error for an answer, or none. All were made again."""
    first_write: float | None = None
    """Seconds from the end of the fault to the first write that was acknowledged after it."""
    converged: float | None = None
    """Seconds from the end of the fault until all Envoys ran with all that was written."""
    deployments: int = 0
    """Those that succeeded."""
    notes: list[str] = field(default_factory=list)
    failed: str = ""
    """Why the drill has failed; empty if it has not."""
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))
    commit: str = field(default_factory=lambda: _commit())


@contextlib.contextmanager
def recorded(drill: str) -> Iterator[Row]:
    """The row of a drill of `listed.DRILLS`, recorded at the end, however the context ends."""
    assert drill in DRILLS
    row = Row(drill)
    try:
        yield row
    except BaseException as error:
        said = str(error).strip().partition("\n")[0][:200]
        row.failed = f"{type(error).__name__}: {said}"
        raise
    finally:
        record(row)


def record(row: Row) -> None:
    """Add a row to the file of results, if there is one."""
    if place := os.environ.get(VARIABLE):
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")


def _commit() -> str:
    """The short id of what is checked out, with a plus sign if it was changed; empty if unknown."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
