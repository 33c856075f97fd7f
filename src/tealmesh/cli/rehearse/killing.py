"""Kills the Envoy of a task, as the kernel does when memory is short."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from tealmesh.engine.runtimes.process import marks


def kill_envoy(data_dir: Path, virtual_node: str) -> bool:
    """Kill the Envoy of one task of a virtual node; whether there was one."""
    for one in marks.of_directory(data_dir):
        if one.resource.endswith(f"/virtualNode/{virtual_node}") and _is_envoy(one.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
                return True
    return False


def _is_envoy(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "envoy" in Path(f"/proc/{pid}/exe").resolve().name
    return False
