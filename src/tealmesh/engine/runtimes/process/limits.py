"""Sets resource limits and the user, then becomes a container's command:
``limits.py NAME=SOFT:HARD… as=UID:GID:GROUP,… -- CMD…``

Runs between the shim and the container, because limits set from outside would come too late for
the container's first steps. It is run by its path and imports nothing of ours, to start quickly.
"""

import os
import resource
import sys


def main() -> None:
    """Does not return. A hard limit above our own is lowered to it, which the log mentions."""
    separator = sys.argv.index("--")
    for argument in sys.argv[1:separator]:
        name, _, values = argument.partition("=")
        if name == "as":
            _become(values)
            continue
        kind = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if kind is None:
            print(f"ulimit {name}: this system has no such limit", file=sys.stderr)
            continue
        soft, hard = (_number(value) for value in values.split(":"))
        try:
            resource.setrlimit(kind, (soft, hard))
        except (ValueError, OSError) as error:
            limit = resource.getrlimit(kind)[1]
            print(f"ulimit {name}={values}: {error}: kept below {limit}", file=sys.stderr)
            resource.setrlimit(kind, (_lower(soft, limit), limit))
    command = sys.argv[separator + 1 :]
    try:
        os.execvp(command[0], command)  # noqa: S606 - its purpose
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror} (as user {os.geteuid()})")


def _become(ids: str) -> None:
    """Give up the present user for good: groups first, as only root may choose them."""
    uid, gid, groups = ids.split(":")
    os.setgroups([int(one) for one in groups.split(",")])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))


def _number(text: str) -> int:
    return resource.RLIM_INFINITY if text == "-1" else int(text)


def _lower(one: int, other: int) -> int:
    unlimited = resource.RLIM_INFINITY
    if unlimited in (one, other):
        return other if one == unlimited else one
    return min(one, other)


if __name__ == "__main__":
    main()
