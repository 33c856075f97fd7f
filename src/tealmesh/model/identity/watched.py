"""A file that its owner changes while we run: read again when it is another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from tealmesh.model.errors import TealError

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Watched(Generic[T]):
    """What ``load`` makes of the file at ``path``, which may be missing."""

    def __init__(self, path: Path, load: Callable[[], T], first: T) -> None:
        """``first`` counts until the file can be read."""
        self._path = path
        self._load = load
        self._found = first
        self._stamp: tuple[int, int, int] | None = None

    def current(self) -> T:
        """As it is now. One that cannot be read is said once, and the former counts on."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        except FileNotFoundError:
            stamp = (0, 0, 0)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._found = self._load()
            except TealError as error:
                _log.error("%s", error)
        return self._found
