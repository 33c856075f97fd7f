"""``teal up`` that SIGKILLs itself right after a transition of a deployment is committed.

    python -m tests.support.killed_plane DATA_DIR PORT XDS_PORT CONFIG TRANSITION

The Nth occurrence of a transition is written ``NAME:N``; without N the first.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tealmesh.app import AppConfig, run
from tealmesh.model.rollout import JournalEntry


def main() -> None:
    data_dir, port, xds_port, config, wanted = sys.argv[1:]
    name, _, occurrence = wanted.partition(":")
    left = int(occurrence or 1)

    def kill(entry: JournalEntry) -> None:
        nonlocal left
        if entry.transition == name:
            left -= 1
            if left == 0:
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


if __name__ == "__main__":
    main()
