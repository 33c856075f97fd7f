"""What ``localhost`` means to a task without a network namespace of its own. Pure.

Plain processes share one 127.0.0.1, so each task has an address of its own instead
(`addresses.py`). A health check command is text in the task definition, written for a container:
in it, the names of localhost are replaced by the task's address. Nothing that a program
itself has built in is changed: programs are given HOST.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NAMES = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d+))?(?![\w-]|\.\w)")


def rewritten(command: Sequence[str], addresses: Mapping[str, str]) -> tuple[str, ...]:
    """``command`` with each localhost replaced by ``addresses[port]``, or by ``addresses[""]``
    where the port is none of them; as it is when there are no addresses.
    """

    def replace(match: re.Match[str]) -> str:
        port = match[1] or ""
        return addresses.get(port, addresses[""]) + (f":{port}" if port else "")

    if not addresses:
        return tuple(command)
    return tuple(_NAMES.sub(replace, word) for word in command)
