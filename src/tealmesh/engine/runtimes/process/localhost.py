"""What ``localhost`` means to a task without a network namespace of its own. Pure.

Processes share one 127.0.0.1, so each task has an address of its own instead (`addresses.py`).
Health check commands are written for containers, so in them the names of localhost are replaced by
the task's address. What a program itself has built in cannot be changed; programs get HOST.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NAMES = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d+))?(?![\w-]|\.\w)")


def rewritten(command: Sequence[str], addresses: Mapping[str, str]) -> tuple[str, ...]:
    """``command`` with each localhost replaced by ``addresses[port]``, or by ``addresses[""]`` for
    any other port; unchanged without addresses.
    """

    def replace(match: re.Match[str]) -> str:
        port = match[1] or ""
        return addresses.get(port, addresses[""]) + (f":{port}" if port else "")

    if not addresses:
        return tuple(command)
    return tuple(_NAMES.sub(replace, word) for word in command)
