"""Secrets of a data directory that can be changed for others while all goes on.

A file has the secret that is used, and in a second line the former one, which still verifies what
it has signed until the owner retires it. Each has an id, which tells nothing of it. `teal keys`
rotates and retires; a control plane that runs reads the file again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tealmesh.model.errors import TealError
from tealmesh.model.identity.watched import Watched
from tealmesh.model.private import write_private

Live = Callable[[], tuple[bytes, ...]]
"""The keys of the moment: the first one signs, each of them verifies."""

MASTER_KEY = "master-key"
"""The file of the secret that most others are derived from."""

NAMES = (MASTER_KEY, "task-keys", "link-key", "xds-token")
"""The files that can be rotated."""


@dataclass(frozen=True)
class Ring:
    """The secret that is used, and the former one."""

    current: str = field(repr=False)
    former: str = field(default="", repr=False)
    """Empty for none."""

    @property
    def each(self) -> tuple[str, ...]:
        """The one that is used first."""
        return (self.current, self.former) if self.former else (self.current,)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of `each`."""
        return tuple(_id(one) for one in self.each)


def load(path: Path) -> Ring:
    """The secrets in a file. Raises TealError if it cannot be read."""
    try:
        lines = path.read_text().split()
    except OSError as error:
        raise TealError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        lines = []
    if not 1 <= len(lines) <= 2:
        raise TealError(f"{path} is damaged: put it back from a backup")
    return Ring(*lines)


def made(path: Path) -> Ring:
    """The secrets in a file, made now if there is none. Raises TealError."""
    if not path.exists():
        save(path, Ring(secrets.token_urlsafe(32)))
    return load(path)


def watched(path: Path) -> Callable[[], Ring]:
    """Those of the moment; the file is made now if there is none. Raises TealError."""
    return Watched(path, lambda: load(path), made(path)).current


def keys_in(path: Path) -> Live:
    """The same, as keys."""
    ring = watched(path)
    return lambda: tuple(one.encode() for one in ring().each)


def rotated(path: Path) -> Ring:
    """Another secret is used from now on. Raises TealError if there is a former one already."""
    ring = load(path)
    if ring.former:
        raise TealError(
            f"{path.name} has a former key that still verifies ({_id(ring.former)}): end that by "
            "`teal keys retire` first"
        )
    made = Ring(secrets.token_urlsafe(32), ring.current)
    save(path, made)
    return made


def retired(path: Path) -> Ring:
    """The former secret verifies nothing any more."""
    ring = Ring(load(path).current)
    save(path, ring)
    return ring


def save(path: Path, ring: Ring) -> None:
    """Write the file: on disk when this returns, whole or not at all. Raises TealError."""
    write_private(path, "\n".join(ring.each))


def _id(secret: str) -> str:
    return hashlib.sha256(f"tealmesh id of {secret}".encode()).hexdigest()[:8]
