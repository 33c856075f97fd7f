"""Where the containers of a task keep their files, whatever runs them."""

from __future__ import annotations

import os
from pathlib import Path


def log_path(directory: Path, name: str) -> Path:
    """Where the container ``name`` of the task in ``directory`` writes its output."""
    return directory / name / "log"


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file; none where there is no such file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 65536))
            text = file.read()
    except FileNotFoundError:
        return []
    return text.decode(errors="replace").splitlines()[-lines:] if lines else []
