"""Whether a container was killed because it ran out of memory."""

from __future__ import annotations

import contextlib
import os

_RECORD_BYTES = 8192
"""Size of a record of the kernel's log, at most."""


def killed_for_memory(container: str) -> bool:
    """Whether the kernel's log says that it killed a process of the container with this id, which
    Podman 4 does not notice with cgroups v1. False if the log cannot be read.
    https://docs.kernel.org/admin-guide/abi-testing.html#abi-dev-kmsg
    """
    with contextlib.suppress(OSError), open("/dev/kmsg", "rb", buffering=0, opener=_opener) as log:
        while True:
            # Raised for a record that is overwritten while we read.
            with contextlib.suppress(BrokenPipeError):
                record = os.read(log.fileno(), _RECORD_BYTES)
                if b"oom-kill:" in record and container.encode() in record:
                    return True
    return False


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
