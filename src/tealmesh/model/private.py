"""Files that only their owner may read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tealmesh.model.errors import TealError


def replace_private(path: Path, text: str, *, on_disk: bool = True) -> None:
    """Write a file of mode 0600, whole or not at all; nothing is left beside it. With ``on_disk``
    it outlives a loss of power once this returns. Raises OSError.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if on_disk:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def write_private(path: Path, text: str) -> None:
    """The same for a file that the user has named or whose directory is. Raises TealError."""
    try:
        replace_private(path, text)
    except FileNotFoundError as error:
        raise TealError(f"{path} cannot be written: there is no directory {path.parent}") from error
    except OSError as error:
        raise TealError(f"{path} cannot be written: {error.strerror}") from error
