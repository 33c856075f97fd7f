"""A small file system in memory, which a test fills up; only root may mount one."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")


@dataclass(frozen=True)
class Disk:
    """Where it is mounted."""

    path: Path

    def fill(self) -> None:
        """Leave not one byte."""
        with (self.path / "filler").open("ab", buffering=0) as file:
            for block in (bytes(1 << 20), bytes(1 << 12)):
                with contextlib.suppress(_Full):
                    while True:
                        _write(file.fileno(), block)

    def free(self) -> None:
        (self.path / "filler").unlink()


class _Full(Exception):
    """Nothing more has room."""


def _write(file: int, block: bytes) -> None:
    try:
        os.write(file, block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _Full from error


@contextlib.contextmanager
def disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """A disk of so many megabytes at ``path``, which is made, until the end of the context."""
    path.mkdir(parents=True)
    size = f"size={megabytes}m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)], check=True)
    try:
        yield Disk(path)
    finally:
        # What still has a file open on it keeps it until it ends.
        subprocess.run(["umount", "--lazy", str(path)], check=True)
        path.rmdir()
