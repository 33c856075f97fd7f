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
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from zlib import crc32

from tealmesh.model.errors import EngineError

_HIGHEST = 2**32 - 2
"""Of ids; the next one means "unchanged" to the kernel."""
NOBODY = 65534
_OF_TASKS = range(0x7000_0000, 0x7100_0000)
"""Where nobody else is: beyond the users of containers (subuid(5)), and below what systemd or the
sign bit take (https://systemd.io/UIDS-GIDS/)."""
_OF_ENVOYS = range(0x7100_0000, 0x7200_0000)
_OF_GATEWAYS = range(0x7200_0000, 0x7300_0000)
_READ_ANY, _SETUID, LOW_PORTS = 2, 7, 10
"""Capabilities, by their numbers in linux/capability.h: to read whatever there is, to change the
user, and to listen on ports below 1024."""


@dataclass(frozen=True)
class RunAs:
    """A user with its groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """All of its groups, with `gid`."""
    name: str
    home: str
    is_bare: bool = False
    """Whether it can never get more privileges, not even by set-user-ID programs."""
    capabilities: tuple[int, ...] = ()
    """Of root's, those that it has; by their numbers."""

    @property
    def words(self) -> tuple[str, ...]:
        """For ``limits.py``."""
        keep = tuple(f"keep={number}" for number in self.capabilities)
        ids = f"as={self.uid}:{self.gid}:{','.join(map(str, self.groups))}"
        return (*keep, ids, "bare=1") if self.is_bare else (*keep, ids)

    @property
    def reads_all(self) -> bool:
        """Whether it passes every directory and reads every file."""
        return self.uid == 0 or _READ_ANY in self.capabilities

    @property
    def is_somebody(self) -> bool:
        """Whether this machine has such a user or group, besides nobody, or gives it to a task."""
        return (
            _is_given(self.uid)
            or (self.uid != NOBODY and _user(str(self.uid)) is not None)
            or any(_is_given(group) or (group != NOBODY and _has(group)) for group in self.groups)
        )


def can_choose() -> bool:
    """Whether processes can be given to another user: root can, if not in a user namespace of one
    user alone.
    """
    return os.geteuid() == 0 and has_capability(_SETUID) and _is_mapped(NOBODY)


def has_capability(number: int) -> bool:
    """Whether we have a capability, by its number in linux/capability.h: in containers even root
    lacks some.
    """
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> number & 1)


def own(address: str) -> RunAs:
    """The user of the task with this address, which is nobody else's on this machine while the task
    has it. In a user namespace without so many users it is nobody.
    """
    return _numbered(_OF_TASKS, int(IPv4Address(address)))


def of_envoy(address: str, gateway: str = "") -> RunAs | None:
    """The user of the Envoy of the task with this address. Whoever may change a mesh says where
    Envoys write access logs, so it may write nowhere but to its own files; what it is configured
    with, such as certificates, it reads wherever that is. None where we cannot give it that.

    ``gateway``: of one that publishes its ports, what is the same for all of its tasks. They take
    over the ports from one another, which the kernel lets one user alone do (SO_REUSEPORT,
    socket(7)).
    """
    if not has_capability(_READ_ANY):
        return None
    kept = tuple(number for number in (_READ_ANY, LOW_PORTS) if has_capability(number))
    if gateway:
        return _numbered(_OF_GATEWAYS, crc32(gateway.encode()), *kept)
    return _numbered(_OF_ENVOYS, int(IPv4Address(address)), *kept)


def _numbered(numbers: range, number: int, *capabilities: int) -> RunAs:
    uid = numbers.start + (number & 0xFFFFFF)
    uid = uid if _is_mapped(uid) else NOBODY
    return RunAs(uid, uid, (uid,), str(uid), "/", is_bare=True, capabilities=capabilities)


def _is_given(number: int) -> bool:
    """Whether tasks or their Envoys get that number."""
    return any(number in numbers for numbers in (_OF_TASKS, _OF_ENVOYS, _OF_GATEWAYS))


def _is_mapped(uid: int) -> bool:
    """https://man7.org/linux/man-pages/man7/user_namespaces.7.html"""
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in lines)


def _has(group: int) -> bool:
    try:
        grp.getgrgid(group)
    except KeyError:
        return False
    return True


def run_as(user: str) -> RunAs:
    """Whom ``user`` means. Raises EngineError if this machine has no such user or group."""
    name, colon, group = user.partition(":")
    entry = _user(name)
    if entry is None and not _is_id(name):
        raise EngineError(
            f"user {user!r}: this machine has no user {name!r}: create it, or give its number"
        )
    uid = entry.pw_uid if entry else int(name)
    # In Docker, the group of a number without a name is root's; here that would be this machine's.
    gid = _group(user, group) if colon else (entry.pw_gid if entry else uid)
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
