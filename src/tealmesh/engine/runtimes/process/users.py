"""The Unix user that a container runs as, where the control plane is root.

``user`` of a container definition has Docker's forms: ``user``, ``user:group``, ``uid``,
``uid:gid``, ``user:gid`` and ``uid:group``
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html). Names are
those of this machine, because a process has no image with names of its own.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from tealmesh.model.errors import EngineError

_HIGHEST = 2**32 - 2
"""Of ids; the next one means "unchanged" to the kernel."""


@dataclass(frozen=True)
class RunAs:
    """A user with its groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """All of its groups, with `gid`."""
    name: str
    home: str

    @property
    def word(self) -> str:
        """For ``limits.py``."""
        return f"as={self.uid}:{self.gid}:{','.join(map(str, self.groups))}"


def can_choose() -> bool:
    """Whether processes can be given to another user."""
    return os.geteuid() == 0


def run_as(user: str) -> RunAs:
    """Whom ``user`` means. Raises EngineError if this machine has no such user or group."""
    name, colon, group = user.partition(":")
    entry = _user(name)
    if entry is None and not _is_id(name):
        raise EngineError(
            f"user {user!r}: this machine has no user {name!r}: create it, or give its number"
        )
    uid = entry.pw_uid if entry else int(name)
    gid = _group(user, group) if colon else (entry.pw_gid if entry else 0)
    groups = (gid,) if colon or entry is None else tuple(os.getgrouplist(entry.pw_name, gid))
    login = entry.pw_name if entry else str(uid)
    return RunAs(uid, gid, groups, login, entry.pw_dir if entry else "/")


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(name)) if _is_id(name) else pwd.getpwnam(name)
    except (KeyError, ValueError):  # ValueError: a NUL character
        return None


def _group(user: str, name: str) -> int:
    if _is_id(name):
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):  # ValueError: a NUL character
        raise EngineError(
            f"user {user!r}: this machine has no group {name!r}: create it, or give its number"
        ) from None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= _HIGHEST


def unusable(who: RunAs, command: str, directory: str, path: str) -> str:
    """Why a user cannot run ``command``, looked up in ``path``, in ``directory`` (empty for our
    own); empty if it can. By owner, group and mode alone.
    """
    if who.uid == 0:
        return ""
    there = Path(directory).resolve() if directory else Path.cwd()
    if closed := _closed(who, there):
        return f"user {who.name} cannot enter {closed}: choose another directory, or open it"
    found = shutil.which(str(there / command) if os.sep in command else command, path=path)
    if found is None:
        return ""  # which the command's own check says better
    program = Path(found).resolve()
    if closed := _closed(who, program.parent):
        return f"user {who.name} cannot run {found}, because {closed} is closed to it"
    if not _may(who, program, 0o1):
        return f"user {who.name} may not execute {found}"
    return ""


def _closed(who: RunAs, directory: Path) -> Path | None:
    """The first directory on the way that the user cannot pass."""
    way = [*reversed(directory.parents), directory]
    return next((one for one in way if not _may(who, one, 0o1)), None)


def _may(who: RunAs, path: Path, bits: int) -> bool:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == who.uid:
        return mode >> 6 & bits == bits
    return mode >> (3 if status.st_gid in who.groups else 0) & bits == bits
