"""Sets resource limits, the view of files and the user, then becomes a container's command:
``limits.py NAME=SOFT:HARD… over=DIR… show=PATH… inside=DIR… keep=NUMBER… as=UID:GID:GROUP,… bare=1
-- CMD…``

Runs between the shim and the container, because limits set from outside would come too late for
the container's first steps. It is run by its path and imports nothing of ours, to start quickly.
What the words mean: `Program`, `Sight` and `RunAs`.
"""

import ctypes
import os
import resource
import struct
import sys
import warnings  # noqa: F401 - execvp imports it, when our own library may be closed to us

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
_NEW_MOUNTS, _BIND, _RECURSIVE, _SLAVE = 0x20000, 0x1000, 0x4000, 1 << 19
_NO_SET_ID, _NO_DEVICES = 2, 4
_KEEP, _NO_NEW_PRIVILEGES, _AMBIENT, _RAISE = 8, 38, 47, 2
_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Does not return. A hard limit above our own is lowered to it, which the log mentions."""
    separator = sys.argv.index("--")
    words: dict[str, list[str]] = {}
    for argument in sys.argv[1:separator]:
        name, _, value = argument.partition("=")
        if name in ("over", "show", "inside", "keep", "as", "bare"):
            words.setdefault(name, []).append(value)
        else:
            _limit(name, value)
    command = sys.argv[separator + 1 :]
    try:
        if "over" in words:
            _see(words["over"], words.get("show", []), words.get("inside", []))
        for ids in words.get("as", []):
            _become(ids, [int(number) for number in words.get("keep", [])])
        if "bare" in words:
            _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        os.execvp(command[0], command)  # noqa: S606 - its purpose
    except OSError as error:
        sys.exit(f"{error.filename or command[0]}: {error.strerror} (as user {os.geteuid()})")


def _limit(name: str, values: str) -> None:
    kind = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if kind is None:
        print(f"ulimit {name}: this system has no such limit", file=sys.stderr)
        return
    soft, hard = (_number(value) for value in values.split(":"))
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError) as error:
        limit = resource.getrlimit(kind)[1]
        print(f"ulimit {name}={values}: {error}: kept below {limit}", file=sys.stderr)
        resource.setrlimit(kind, (_lower(soft, limit), limit))


def _see(over: list[str], show: list[str], inside: list[str]) -> None:
    """Replace closed directories, for us and our children alone, by open ones that have what is
    shown.
    """
    here = os.getcwd()
    _call("unshare", _NEW_MOUNTS)
    # What the machine mounts later is seen, but ours is not seen by the machine.
    _mount("none", "/", _RECURSIVE | _SLAVE)
    shown = [(path, os.open(path, os.O_PATH | os.O_NOFOLLOW)) for path in show]
    for directory in inside:
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            shown.append((path, os.open(path, os.O_PATH | os.O_NOFOLLOW)))
    links = {path: os.readlink(path) for path, _ in shown if os.path.islink(path)}
    folders = {path for path, _ in shown if os.path.isdir(path)}
    for directory in over:
        _mount("tmpfs", directory, _NO_SET_ID | _NO_DEVICES, "tmpfs", "mode=0755,size=1m")
    for directory in inside:
        os.makedirs(directory, 0o755, exist_ok=True)
    for path, opened in shown:
        _put(path, opened, links.get(path), is_folder=path in folders)
        os.close(opened)
    os.chdir(here)


def _put(path: str, opened: int, link: "str | None", is_folder: bool) -> None:
    """Show something at its place, which is below a directory that was replaced."""
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    if link is not None:
        os.symlink(link, path)
        return
    if is_folder:
        os.makedirs(path, 0o755, exist_ok=True)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(f"/proc/self/fd/{opened}", path, _BIND | _RECURSIVE)


def _become(ids: str, keep: list[int]) -> None:
    """Give up the present user for good: groups first, as only root may choose them. Of root's
    capabilities those are left that are kept, for the command too.
    """
    uid, gid, groups = ids.split(":")
    if keep:
        _call("prctl", _KEEP, 1, 0, 0, 0)
    os.setgroups([int(one) for one in groups.split(",")])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
    if keep:
        mask = sum(1 << number for number in set(keep))
        header = struct.pack("Ii", _VERSION_3, 0)
        _call("capset", header, struct.pack("6I", mask, mask, mask, 0, 0, 0))
    for number in keep:
        _call("prctl", _AMBIENT, _RAISE, number, 0, 0)


def _mount(source: str, target: str, flags: int, kind: str = "", options: str = "") -> None:
    given = [os.fsencode(word) or None for word in (source, target, kind)]
    _call("mount", *given, flags, os.fsencode(options) or None, about=target)


def _call(name: str, *arguments: "int | bytes | None", about: str = "") -> None:
    """A function of the C library. Raises OSError."""
    given = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    if getattr(_libc, name)(*given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", about or None)


def _number(text: str) -> int:
    return resource.RLIM_INFINITY if text == "-1" else int(text)


def _lower(one: int, other: int) -> int:
    unlimited = resource.RLIM_INFINITY
    if unlimited in (one, other):
        return other if one == unlimited else one
    return min(one, other)


if __name__ == "__main__":
    main()
