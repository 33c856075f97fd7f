"""``teal up`` that kills itself (SIGKILL) right after it has committed a transition of a new
deployment.

    killed_plane DATA_DIR PORT XDS_PORT CONFIG TRANSITION

A deployment that is already in the store when it starts is finished normally. Tests fork it
(`tests/support/planes/warm.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tealmesh.app.control_plane import AppConfig, run
from tealmesh.model.rollout import JournalEntry


def main() -> None:
    data_dir, port, xds_port, config, wanted = sys.argv[1:]
    new: set[str] = set()

    def kill(entry: JournalEntry) -> None:
        if entry.transition == "CREATED":
            new.add(entry.deployment)
        if entry.transition == wanted and entry.deployment in new:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(
        run(
            AppConfig(
                data_dir=Path(data_dir),
                port=int(port),
                xds_port=int(xds_port),
                config_file=Path(config),
                on_transition=kill,
            )
        )
    )
