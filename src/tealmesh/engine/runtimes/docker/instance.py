"""Names and labels by which a control plane recognises what is its own in Docker. Pure.

Names are derived from the data directory and the task, so creating something is idempotent, and
what a dead control plane has left is found again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.docker.schema import Listed

PAUSE = "task.network"
"""The container that holds a task's network; no container of a task definition has a dot."""

INSTANCE_LABEL = "tealmesh.instance"
TASK_LABEL = "tealmesh.task"
CONTAINER_LABEL = "tealmesh.container"


@dataclass(frozen=True)
class Instance:
    """One data directory, among others on this machine."""

    id: str

    @classmethod
    def of(cls, data_dir: Path) -> Instance:
        return cls(hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:10])

    @property
    def network(self) -> str:
        """Docker's name of the bridge network that the tasks share."""
        return f"tealmesh-{self.id}"

    @property
    def interface(self) -> str:
        """The bridge's interface on this machine; Docker and Podman would choose the same one."""
        return f"teal-{self.id}"

    def name(self, directory: Path, container: str) -> str:
        """Docker's name of a container of the task in ``directory``."""
        return f"tealmesh-{self.id}-{directory.name}-{container}"

    def labels(self, directory: Path, container: str) -> dict[str, str]:
        return {INSTANCE_LABEL: self.id, TASK_LABEL: directory.name, CONTAINER_LABEL: container}


def removal_order(containers: Sequence[Listed]) -> list[Listed]:
    """Pause containers last, because the others depend on them."""
    return sorted(containers, key=lambda c: c["Labels"].get(CONTAINER_LABEL) == PAUSE)
