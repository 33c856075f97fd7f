"""Runs the parts of a control plane in one TaskGroup until it is stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from tealmesh.app import garbage
from tealmesh.app.host import Http
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.plane import Plane
from tealmesh.model.errors import TealError


async def run_parts(
    ground: Ground,
    plane: Plane,
    listener: socket.socket,
    started: Callable[[], None],
    *late: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Run ``plane`` until ``ground.stop`` is set, and then until its Envoys have gone to other
    replicas, calls answered meanwhile. ``started`` is called once it answers; ``late``
    runs from then on. Raises TealError for a port that is in use.
    """
    keep = ground.supervisor.keep
    await plane.listen()
    http = Http(plane.gateway(), listener, ground.beyond.acceptor)
    try:
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(keep(worker, work, ends=False))
                for worker, work in plane.workers()
            ]
            serving = group.create_task(http.run_until_stopped())
            await http.listening()
            running += [group.create_task(work()) for work in late]
            started()
            garbage.seldom()
            await ground.stop.wait()
            await plane.hand_over()
            http.should_exit = True
            await serving
            for task in running:
                task.cancel()
    except* TealError as group_error:
        raise group_error.exceptions[0] from group_error
    finally:
        await plane.close()
