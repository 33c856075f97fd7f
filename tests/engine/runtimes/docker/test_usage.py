"""What a container uses is measured, as a process's is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tealmesh.engine.state import TaskState
from tealmesh.store import tables
from tests.engine.runtimes.docker.tasks import app, tasks
from tests.support.programs.podman import Podman, needs_engine

pytestmark = needs_engine


def test_what_a_container_uses_is_measured(docker: Podman, tmp_path: Path) -> None:
    async def work() -> None:
        async with tasks(docker, tmp_path) as (world, engine):
            await world.start("one", app())
            await world.up("one")
            (document,) = world.documents.store.view.list(tables.TASKS)
            handle = TaskState.of(document.body).handles["app"]
            used = engine._runtime.usage(handle)
            assert used is not None
            assert used.memory_bytes > 1 << 16
            assert used.cpu_nanoseconds > 0

    asyncio.run(work())
