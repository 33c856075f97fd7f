"""Which task of AWS's own ECS a session is: ``ecs:DescribeTasks`` confirms what STS named.

The credentials of a task are those of a session that is called by the id of the task, so whoever
has them is that task, if it runs and has that role. Its container of Envoy says for what node it
stands. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html

For a control plane on AWS. It needs ``ecs:DescribeTasks`` and ``ecs:DescribeTaskDefinition``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tealmesh.engine.runtimes.sidecar import resource_of
from tealmesh.model.clock import SteadyClock
from tealmesh.model.ecs.limits import DESCRIBED_TASKS
from tealmesh.model.errors import EnvoyForbidden
from tealmesh.model.identity.exchanged import without_path

_KEPT_SECONDS = 60.0
"""How long a task is believed to run. It is asked of every stream once a minute."""
_GATHER_SECONDS = 0.05
"""Others that come meanwhile are asked about in the same call: after a restart all come at once."""
_TASK_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENDED = ("DEPROVISIONING", "STOPPED", "DELETED")


@dataclass(frozen=True)
class _Known:
    task: Mapping[str, Any] | None
    """As ECS describes it; None if it has none."""
    at: float


class EcsTasks:
    """`FindTask` by the ECS of AWS, in the clusters that are configured."""

    def __init__(
        self, ecs: Callable[[], Any], clusters: Callable[[], Sequence[str]], clock: SteadyClock
    ) -> None:
        """``ecs`` makes a client, which has no types: hence Any."""
        self._ecs = ecs
        self._clusters = clusters
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._wanted: dict[str, asyncio.Future[Mapping[str, Any] | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._definitions: dict[str, Mapping[str, Any]] = {}

    async def find(self, role: str, session: str) -> tuple[str, str] | None:
        """ARN and resource of the task with this id; None if the session is not called like one.
        Raises EnvoyForbidden unless that task runs, has the role and an Envoy; whatever boto3 does
        if ECS cannot be asked.
        """
        if not _TASK_ID.fullmatch(session):
            return None
        task = await self._task(session)
        if task is None:
            named = ", ".join(self._clusters()) or "that it has"
            raise EnvoyForbidden(f"ECS knows no task {session} in the clusters {named}")
        if task.get("lastStatus") in _ENDED:
            raise EnvoyForbidden(f"the task {task['taskArn']} has stopped")
        definition = await self._definition(task["taskDefinitionArn"])
        overrides = task.get("overrides", {})
        own = overrides.get("taskRoleArn") or definition.get("taskRoleArn", "")
        if without_path(own) != without_path(role):
            raise EnvoyForbidden(f"the task {task['taskArn']} has the role {own or 'of nobody'}")
        resource = _resource(definition, overrides)
        if not resource:
            raise EnvoyForbidden(
                f"no container of the task {task['taskArn']} says for what its Envoy stands "
                "(APPMESH_RESOURCE_ARN)"
            )
        return task["taskArn"], resource

    async def _task(self, session: str) -> Mapping[str, Any] | None:
        known = self._known.get(session)
        if known is not None and self._clock() - known.at < _KEPT_SECONDS:
            return known.task
        answer = self._wanted.get(session)
        if answer is None:
            answer = self._wanted[session] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(answer)

    async def _ask(self) -> None:
        """Ask about all that are wanted, until there are none."""
        while self._wanted:
            await asyncio.sleep(_GATHER_SECONDS)
            part = dict(list(self._wanted.items())[:DESCRIBED_TASKS])
            for session in part:
                del self._wanted[session]
            asked = asyncio.create_task(asyncio.to_thread(self._describe, list(part)))
            await asyncio.wait([asked])
            if error := asked.exception():
                for answer in part.values():
                    answer.set_exception(error)
                    answer.exception()  # or it is reported if nobody waits any more
                continue
            found = asked.result()
            self._forget_old()
            for session, answer in part.items():
                self._known[session] = _Known(found.get(session), self._clock())
                answer.set_result(found.get(session))

    def _describe(self, sessions: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        client = self._ecs()
        found: dict[str, Mapping[str, Any]] = {}
        for cluster in self._clusters():
            left = [one for one in sessions if one not in found]
            if left:
                answer = client.describe_tasks(cluster=cluster, tasks=left)
                found |= {task["taskArn"].rpartition("/")[2]: task for task in answer["tasks"]}
        return found

    async def _definition(self, arn: str) -> Mapping[str, Any]:
        """A revision never changes."""
        if arn not in self._definitions:

            def read() -> Mapping[str, Any]:
                answer = self._ecs().describe_task_definition(taskDefinition=arn)
                definition: Mapping[str, Any] = answer["taskDefinition"]
                return definition

            self._definitions[arn] = await asyncio.to_thread(read)
        return self._definitions[arn]

    def _forget_old(self) -> None:
        now = self._clock()
        self._known = {s: k for s, k in self._known.items() if now - k.at < _KEPT_SECONDS}


def _resource(definition: Mapping[str, Any], overrides: Mapping[str, Any]) -> str:
    """For what the task's Envoy stands: the first container that says so."""
    given = {o["name"]: o.get("environment", []) for o in overrides.get("containerOverrides", [])}
    for container in definition["containerDefinitions"]:
        pairs = [*container.get("environment", []), *given.get(container["name"], [])]
        found = resource_of({pair["name"]: pair["value"] for pair in pairs})
        if found is not None:
            return f"mesh/{found['mesh']}/{found['kind']}/{found['name']}"
    return ""
