"""What a process sees of directories that are closed to its user.

A program is often installed where only root may go, such as below ``/root``, and so is the
directory of teal.toml. A container has its program in its image; a process gets a view of its own
(mount_namespaces(7)), in which such a directory has what it needs of it and nothing else: its
program's installation, its working directory, and what the owner's command names. There, modes
count as ever: what only root may read stays unread.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.process.users import RunAs, has_capability
from tealmesh.model.errors import EngineError

_SYS_ADMIN = 21
_LINKS = 40
"""Symbolic links that are followed, as in the kernel (path_resolution(7))."""
_SEPARATORS = re.compile(r"[\s'\"=;|&<>()]+")
"""Of words, in the script of a shell."""
_INTERPRETERS = 4
"""Scripts that interpret one another, as in the kernel (execve(2))."""


@dataclass(frozen=True)
class Sight:
    """How `limits.py` makes the view. Paths have no symbolic link on their way."""

    over: tuple[Path, ...] = ()
    """Closed directories, each of which is replaced by an open one."""
    show: tuple[Path, ...] = ()
    """What is in those: files, directories and symbolic links."""
    inside: tuple[Path, ...] = ()
    """Directories that are closed themselves, of which what is in them now is shown."""

    @property
    def words(self) -> tuple[str, ...]:
        """For ``limits.py``."""
        given = (("over", self.over), ("show", self.show), ("inside", self.inside))
        return tuple(f"{name}={path}" for name, paths in given for path in paths)

    def has(self, path: Path) -> bool:
        """Whether a path can be seen that is in a closed directory."""
        return any(one == path or one in path.parents for one in (*self.show, *self.inside))


NOTHING = Sight()


def sight(who: RunAs, command: Sequence[str], directory: str, path: str) -> Sight:
    """What a user has to see to run a command of the owner's, looked up in ``path``, in
    ``directory`` (empty for our own). Absolute paths in its arguments count, those in the script of
    a shell too. Raises EngineError if it cannot be shown.
    """
    if who.reads_all:
        return NOTHING
    there = Path(directory).resolve() if directory else None
    program = found(command[0], directory, path)
    programs = set(_programs(program, path)) if program else set()
    wanted = [Path(one) for one in _named(command[1:])]
    for one in wanted:
        if one.is_file() and os.access(one, os.X_OK):
            programs |= set(_programs(one, path))
    closed: dict[Path, None] = {}
    shown: dict[Path, None] = {}
    for one in [*sorted(programs), *wanted, *([there] if there else [])]:
        for step in _way(one):
            first = _closed_to(who, step)
            if first is not None:
                part = _part(step, first, one in programs)
                _check(who, first, part)
                closed[first], shown[part] = None, None
    parts = _outermost(shown)
    inside = tuple(one for one in parts if _is_closed(who, one))
    return Sight(_outermost(closed), tuple(one for one in parts if one not in inside), inside)


def _named(arguments: Sequence[str]) -> Iterator[str]:
    """The absolute paths in arguments, as far as there is something."""
    for argument in arguments:
        words = [argument] if os.path.exists(argument) else _SEPARATORS.split(argument)
        yield from (one for one in words if os.path.isabs(one) and os.path.exists(one))


def unusable(who: RunAs, command: str, directory: str, path: str, view: Sight = NOTHING) -> str:
    """Why a user cannot run ``command``, looked up in ``path``, in ``directory`` (empty for our
    own), with a view of it; empty if it can. By owner, group and mode alone.
    """
    if who.reads_all:
        return ""
    there = Path(directory).resolve() if directory else Path.cwd()
    closed = first_closed(who, there)
    if closed and directory and not view.has(there):
        return f"user {who.name} cannot enter {closed}: choose another directory, or open it"
    program = found(command, directory, path)
    if program is None:
        return ""  # which the command's own check says better
    real = program.resolve()
    closed = first_closed(who, real.parent)
    if closed and not view.has(real):
        return f"user {who.name} cannot run {program}, because {closed} is closed to it"
    if not may(who, real, 0o1):
        return f"user {who.name} may not execute {program}"
    return ""


def found(command: str, directory: str, path: str) -> Path | None:
    """The program that a command means in a directory; None if there is none."""
    there = Path(directory).resolve() if directory else Path.cwd()
    program = shutil.which(str(there / command) if os.sep in command else command, path=path)
    return Path(program) if program else None


def _closed_to(who: RunAs, step: Path) -> Path | None:
    """The first directory that keeps a user from something; a directory has to be listed too."""
    first = first_closed(who, step.parent)
    return step if first is None and _is_closed(who, step) else first


def _is_closed(who: RunAs, path: Path) -> bool:
    return not path.is_symlink() and path.is_dir() and not may(who, path, 0o5)


def _check(who: RunAs, closed: Path, part: Path) -> None:
    """Raise EngineError if nobody may see that, or no view can be made."""
    if part in (home := Path("~").expanduser().resolve(), *home.parents):
        raise EngineError(
            f"user {who.name} cannot enter {closed}, and a home directory is not shown to it: use "
            f"a directory in it, {_OR_ROOT}"
        )
    if not has_capability(_SYS_ADMIN):
        raise EngineError(
            f"user {who.name} cannot enter {closed}: open it (chmod a+x), use what is elsewhere, "
            f"{_OR_ROOT}"
        )


_OR_ROOT = (
    'or let it run as root (user = "root" under [images] in teal.toml, `user` of the container '
    "definition, or `teal up --task-user root`)"
)


def _part(step: Path, closed: Path, program: bool) -> Path:
    """What is shown of the surroundings of something in a closed directory: of a program its
    installation, which is beside its ``bin``; of another file its directory.
    """
    if step.is_dir() or (step.is_symlink() and not program):
        return step
    home = Path("~").expanduser().resolve()
    for depth in (step.parents[1], step.parent) if program else (step.parent,):
        if closed in (depth, *depth.parents) and depth not in (home, *home.parents):
            return depth
    return step


def _programs(found: Path, path: str) -> Iterator[Path]:
    """The program and, of a script, what interprets it."""
    for _ in range(_INTERPRETERS):
        yield found
        with found.open("rb") as file:
            begin = file.readline(256)
        if not begin.startswith(b"#!"):
            return
        words = os.fsdecode(begin[2:]).split()
        if not words:
            return
        if Path(words[0]).name == "env" and len(words) > 1:
            yield Path(words[0])
            words = [one for one in words[1:] if not one.startswith("-")]
        interpreter = shutil.which(words[0], path=path) if words else None
        if interpreter is None:
            return
        found = Path(interpreter)


def _way(path: Path) -> Iterator[Path]:
    """The symbolic links on the way to a path, then where it is; all without links before them."""
    left = list(path.parts[1:])
    at = Path(path.anchor)
    links = 0
    while left:
        step = left.pop(0)
        at = at.parent if step == ".." else at / step
        if at.is_symlink() and links < _LINKS:
            links += 1
            yield at
            target = at.parent / at.readlink()
            left = [*target.parts[1:], *left]
            at = Path(target.anchor)
    yield at


def _outermost(paths: dict[Path, None]) -> tuple[Path, ...]:
    return tuple(one for one in paths if not any(parent in paths for parent in one.parents))


def first_closed(who: RunAs, directory: Path) -> Path | None:
    """The first directory on the way that the user cannot pass."""
    way = [*reversed(directory.parents), directory]
    return next((one for one in way if not may(who, one, 0o1)), None)


def may(who: RunAs, path: Path, bits: int) -> bool:
    """Whether owner, group and mode allow something: 4 to read, 1 to execute or to pass."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == who.uid:
        return mode >> 6 & bits == bits
    return mode >> (3 if status.st_gid in who.groups else 0) & bits == bits
