"""Sets resource limits and becomes the container's command: ``limits.py NAME=SOFT:HARD… -- CMD…``.

A program of its own, run by its path with nothing of ours imported, between the shim and the
container: limits set from outside would come after the container's first steps.
"""

import os
import resource
import sys


def main() -> None:
    """Does not return. A hard limit above ours may not be had: the container's log then says so."""
    divide = sys.argv.index("--")
    for argument in sys.argv[1:divide]:
        name, _, values = argument.partition("=")
        kind = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if kind is None:
            print(f"ulimit {name}: this system has no such limit", file=sys.stderr)
            continue
        soft, hard = (_number(value) for value in values.split(":"))
        try:
            resource.setrlimit(kind, (soft, hard))
        except (ValueError, OSError) as error:
            most = resource.getrlimit(kind)[1]
            print(f"ulimit {name}={values}: {error}: kept below {most}", file=sys.stderr)
            resource.setrlimit(kind, (_least(soft, most), most))
    command = sys.argv[divide + 1 :]
    os.execvp(command[0], command)  # noqa: S606 - this is what it is for


def _number(text: str) -> int:
    return resource.RLIM_INFINITY if text == "-1" else int(text)


def _least(wanted: int, most: int) -> int:
    endless = (resource.RLIM_INFINITY,)
    if most in endless or wanted in endless:
        return wanted if most in endless else most
    return min(wanted, most)


if __name__ == "__main__":
    main()
