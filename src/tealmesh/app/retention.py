"""Keeps what a control plane writes bounded: the audit log, the boots of replicas' machines,
deployments, and its own log files.

Tasks that have stopped, and their logs, are the engine's to forget; moto's journal is compacted by
itself. What Envoys reported is in memory alone, and bounded there (`rollout.metrics.windows`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tealmesh.app.settings import CommonConfig
from tealmesh.rollout.applying.forgetting import forget_old
from tealmesh.store import Store

LOG_BYTES = 10 << 20
"""A log file of ours that has grown to so many bytes becomes ``….1``."""

_EVERY_SECONDS = 600.0


@dataclass(frozen=True)
class Retention:
    """How much one control plane keeps."""

    store: Store
    data_dir: Path
    events: int
    """Entries of the audit log."""
    deployments: int
    """Of each service, and of each group."""
    log_bytes: int = LOG_BYTES

    @classmethod
    def of(cls, config: CommonConfig, store: Store) -> Retention:
        return cls(store, config.data_dir, config.keep_events, config.keep_deployments)

    async def run(self) -> None:
        """Forget what is too much, every ten minutes, until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(_EVERY_SECONDS)

    async def once(self) -> None:
        """Forget what is too much now."""
        await self.store.forget_audit(self.events)
        await self.store.forget_boots()
        await self.store.write(
            "tealmesh", "ForgetDeployments", lambda t: forget_old(t, self.deployments)
        )
        await asyncio.to_thread(self._trim)

    def _trim(self) -> None:
        for path in self._logs():
            trim(path, self.log_bytes)

    def _logs(self) -> Iterator[Path]:
        """The log of `teal up -d`, and those of the Envoys of load balancers."""
        yield self.data_dir / "teal.log"
        yield from self.data_dir.glob("load-balancers/*/*/log")


def trim(path: Path, limit: int) -> None:
    """Copy a log that is too large to ``….1`` and empty it: its writers append, and cannot be asked
    to open it again. What is written meanwhile is lost.
    """
    try:
        if path.stat().st_size < limit:
            return
    except FileNotFoundError:
        return
    former = path.with_name(path.name + ".1")
    try:
        shutil.copyfile(path, former)
        former.chmod(0o600)
    except OSError:
        # Probably the disk is full, and needs the space more than anyone needs old lines.
        former.unlink(missing_ok=True)
    os.truncate(path, 0)
