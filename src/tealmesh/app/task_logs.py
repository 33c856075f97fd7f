"""What tasks have written, for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tealmesh.apis.tealmesh.api import ContainerLine
from tealmesh.engine.runtimes.base import Runtime
from tealmesh.model.arn import last_part
from tealmesh.store import Store, tables


@dataclass(frozen=True)
class Logs:
    """The logs of one control plane's tasks."""

    store: Store
    runtime: Runtime
    data_dir: Path

    async def last(self, task_arn: str, lines: int) -> list[ContainerLine]:
        """The last lines of each container of a task."""
        for document in self.store.view.list(tables.TASKS):
            if document.body["taskArn"] == task_arn:
                names = [container["name"] for container in document.body.get("containers", [])]
                break
        else:
            return []
        directory = self.data_dir / "tasks" / last_part(task_arn)
        return [
            ContainerLine(name, line)
            for name in names
            for line in await self.runtime.logs(directory, name, lines)
        ]
