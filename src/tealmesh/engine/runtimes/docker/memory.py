"""Whether a container has ended for want of memory."""

from __future__ import annotations

import contextlib
import os

_RECORD = 8192
"""Bytes of a record of the kernel's log, at most."""


def killed_for_memory(container: str) -> bool:
    """Whether the kernel's log says that it ended a process of the container with this id; engines
    do not always notice (Podman 4 with control groups of version 1). False where the log cannot
    be read. https://docs.kernel.org/admin-guide/abi-testing.html#abi-dev-kmsg
    """
    with contextlib.suppress(OSError), open("/dev/kmsg", "rb", buffering=0, opener=_opener) as log:
        while True:
            # A record that is overwritten while we are at it is an error of its own.
            with contextlib.suppress(BrokenPipeError):
                record = os.read(log.fileno(), _RECORD)
                if b"oom-kill:" in record and container.encode() in record:
                    return True
    return False


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
