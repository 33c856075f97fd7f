"""Files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

from tealmesh.model.errors import TealError


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all. Raises TealError."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
        fresh.replace(path)
    except OSError as error:
        raise TealError(f"{path} cannot be written: {error.strerror}") from error
