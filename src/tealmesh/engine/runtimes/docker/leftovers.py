"""What a data directory has left in Docker, whatever has become of its files."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.instance import CONTAINER_LABEL as NAME
from tealmesh.engine.runtimes.docker.instance import (
    INSTANCE_LABEL,
    PAUSE,
    TASK_LABEL,
    Instance,
    removal_order,
)
from tealmesh.model.errors import DockerRefused


async def running(api: DockerApi, data_dir: Path) -> list[str]:
    """The ids of the tasks that run. Raises EngineError if Docker does not answer."""
    mine = await api.labelled(f"{INSTANCE_LABEL}={Instance.of(data_dir).id}")
    applications = [c for c in mine if c["Labels"].get(NAME) != PAUSE]
    return sorted({c["Labels"][TASK_LABEL] for c in applications if c["State"] == "running"})


async def remove(api: DockerApi, data_dir: Path) -> int:
    """Remove its containers, their network namespaces with them, and its network; return the
    number of containers. Raises EngineError if Docker does not answer.
    """
    instance = Instance.of(data_dir)
    mine = await api.labelled(f"{INSTANCE_LABEL}={instance.id}")
    for container in removal_order(mine):
        await api.remove(container["Id"])
    with contextlib.suppress(DockerRefused):
        await api.remove_network(instance.network)
    return len(mine)
