"""Whether a container runs, and waiting for its end even while Docker is away."""

from __future__ import annotations

import asyncio
import logging

from tealmesh.engine.runtimes import pidfd
from tealmesh.engine.runtimes.base import KILLED, ContainerStatus
from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.model.errors import DockerRefused, DockerUnavailable

_log = logging.getLogger(__name__)
_ENDED = ("exited", "dead", "stopped", "removing")
_MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.02, 5.0
"""Docker needs a moment to notice the end of a process, and more to come back."""


async def look(api: DockerApi, container: str) -> tuple[ContainerStatus, int]:
    """A container's status and the id of its first process, 0 if it has none. One that was removed
    has ended as if by SIGKILL.
    """
    inspected = await api.find(container)
    if inspected is None:
        return ContainerStatus(running=False, exit_code=KILLED), 0
    state = inspected["State"]
    if state["Status"] in _ENDED:
        return ContainerStatus(running=False, exit_code=int(state["ExitCode"])), 0
    return ContainerStatus(running=True), int(state["Pid"])


async def wait(api: DockerApi, container: str) -> int:
    """Wait for a container to end, whatever becomes of Docker meanwhile; return its exit code.

    Watches the process: while a ``wait`` of the API is open, Podman 4.3 polls its database, which
    takes a whole core for nine containers.
    """
    delay = _MIN_RETRY_SECONDS
    while True:
        try:
            status, pid = await look(api, container)
            if status.exit_code is not None:
                return status.exit_code
            with pidfd.opened(pid) as process:
                # Checked once the descriptor is open: from then on the id cannot be reused.
                if process is not None and (await look(api, container))[1] == pid:
                    delay = _MIN_RETRY_SECONDS
                    await pidfd.ended(process)
        except DockerRefused as error:
            _log.warning("waiting for container %s: %s; trying again", container, error)
        except DockerUnavailable:
            # Containers keep running without Docker, as they do without us.
            pass
        await asyncio.sleep(delay)
        delay = min(2 * delay, MAX_RETRY_SECONDS)
