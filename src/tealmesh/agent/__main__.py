"""`teal-envoy`, by what it is asked to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from tealmesh.model.errors import TealError

USAGE = "teal-envoy [drain|health]: see docs/envoys.md"


def main() -> None:
    """Run it, and end with its exit code."""
    words = sys.argv[1:] or ["run"]
    work = _WORK.get(words[0]) if len(words) == 1 else None
    if work is None:
        print(USAGE, file=sys.stderr)
        sys.exit(2)
    try:
        code = work()
    except TealError as error:
        print(f"teal-envoy: {error}", file=sys.stderr, flush=True)
        code = 1
    sys.exit(code)


# What each needs is imported when it is asked for.


def _run() -> int:
    from tealmesh.agent.run import run
    from tealmesh.model.clock import steady_clock

    return run(steady_clock)


def _drain() -> int:
    from tealmesh.agent.calling import drain

    return drain(os.environ)


def _health() -> int:
    from tealmesh.agent.calling import health

    return health(os.environ)


def _prepare() -> int:
    from tealmesh.agent.preparing import prepare

    prepare(os.environ)
    return 0


def _prove() -> int:
    from tealmesh.agent.proving import prove

    prove(os.environ)
    return 0


_WORK: dict[str, Callable[[], int]] = {
    "run": _run,
    "drain": _drain,
    "health": _health,
    # What `run` has done by a process of its own.
    "prepare": _prepare,
    "prove": _prove,
}


if __name__ == "__main__":
    main()
