"""Files that every runtime keeps in a task's directory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_TAIL_BYTES = 64 * 1024


def log_path(directory: Path, name: str) -> Path:
    """Where the output of container ``name`` of the task in ``directory`` is written."""
    return directory / name / "log"


def tail(path: Path, lines: int) -> list[str]:
    """The last ``lines`` lines of a file, out of its last 64 KiB; none if it does not exist."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read()
    except FileNotFoundError:
        return []
    return text.decode(errors="replace").splitlines()[-lines:] if lines else []


def note(directory: Path, name: str, text: str) -> None:
    """Append a line of ours to a container's log, whose last lines are shown with its failure."""
    with contextlib.suppress(OSError), log_path(directory, name).open("a") as log:
        log.write(f"{text}\n")
