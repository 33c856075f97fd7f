"""The journal on disk: one line per call, sealed with the master key (`sealing`).

The file is readable only by its owner as well. Bodies may contain secrets, and seeds make them.
What a call is, and which calls are kept, is in `journal`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from tealmesh.aws.moto.journal import Entry, compacted
from tealmesh.aws.moto.sealing import Sealing, key_of
from tealmesh.model.errors import TealError


class Journal:
    """The journal's file. Not thread-safe.

    ``seed`` and ``at`` (seconds since the epoch) are those of the state's beginning, and the first
    line of the file. Above ``limit`` bytes the file is compacted.
    """

    def __init__(
        self, path: Path, sealing: Sealing, seed: str, at: float, limit: int = 64 << 20
    ) -> None:
        self._path = path
        self._sealing = sealing
        self._key = ""
        self._limit = limit
        self._next_compaction = limit
        self.seed, self.at = seed, at
        self._file: FileIO | None = None
        self.entries: list[Entry] = []
        """The calls in the file when it was opened: to be repeated."""
        try:
            self._load(at)
        except (OSError, ValueError, KeyError) as error:
            raise TealError(f"the journal {path} cannot be read: {error}") from error

    def append(self, entry: Entry) -> None:
        """Write a call; it is on disk when this returns. Raises OSError if that fails."""
        file = self._file
        if file is None:
            raise OSError("the journal is closed")
        file = self._renewed(file)
        end = file.tell()
        try:
            line = self._sealing.sealed(entry.to_json()).encode() + b"\n"
            if file.write(line) != len(line):
                raise OSError("only half a line was written")
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(file.fileno(), end)  # leave no half line before the next one
            raise
        if file.tell() > self._next_compaction:
            self._rewrite(compacted(self._read(), entry.at))
            self._next_compaction = max(self._limit, 2 * self._path.stat().st_size)

    def renew(self) -> None:
        """Seal all with the master key of the moment, if that is another. Raises OSError."""
        if self._file is not None:
            self._renewed(self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _renewed(self, file: FileIO) -> FileIO:
        if self._sealing.id == self._key:
            return file
        try:
            return self._rewrite(list(self._read()))
        except (ValueError, KeyError) as error:
            raise OSError(f"it cannot be sealed with another key: {error}") from error

    def _load(self, now: float) -> None:
        if not self._path.exists():
            self._rewrite([])
            return
        entries = list(self._read())
        self.entries = compacted(entries, now)
        # This also drops the half line that a kill in the middle of a write leaves.
        self._rewrite(self.entries)

    def _read(self) -> Iterator[Entry]:
        lines = self._path.read_bytes().split(b"\n")[:-1]
        head = json.loads(self._sealing.opened(lines[0].decode()))
        self.seed, self.at = head["seed"], head["at"]
        for line in lines[1:]:
            yield Entry.from_json(self._sealing.opened(line.decode()))

    def _rewrite(self, entries: Iterable[Entry]) -> FileIO:
        fresh = self._path.with_suffix(".new")
        key = self._sealing.id
        head = json.dumps({"seed": self.seed, "at": self.at})
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for text in (head, *(entry.to_json() for entry in entries)):
                file.write(self._sealing.sealed(text).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # so that the rename is on disk too
        finally:
            os.close(directory)
        self.close()
        self._key = key
        self._file = self._path.open("ab", buffering=0)
        return self._file


def sealed_with(path: Path) -> str:
    """The id of the master key that a journal needs; empty for one of an earlier version. Raises
    OSError, and ValueError if it is no journal.
    """
    with path.open("rb") as file:
        return key_of(file.readline().decode())


def opened_lock(path: Path) -> int:
    """The descriptor of the file that who uses a journal locks, so that nobody else does."""
    return os.open(path.with_suffix(".jsonl.lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
