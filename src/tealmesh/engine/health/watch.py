"""Asks everybody how the running tasks are, again and again.

Envoys are asked by their admin interfaces (``/clusters``), which costs about a millisecond each.
Their statistics, which stream to the control plane anyway, have numbers of hosts, but not which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tealmesh.engine.context import EngineContext
from tealmesh.engine.health.picture import Picture, Said, Subject
from tealmesh.engine.runtimes.base import TaskNetwork
from tealmesh.engine.scheduler import documents
from tealmesh.engine.state import Phase, TaskState
from tealmesh.engine.task.hosts import HostSeen, of_address
from tealmesh.engine.task.probes import Probes
from tealmesh.model.clock import steady_clock
from tealmesh.model.ecs.names import cluster_of, service_of, task_id
from tealmesh.model.health import CHECK_FAILED, Source, TaskHealth, Unusable
from tealmesh.model.load_balancers import target_key
from tealmesh.store import tables
from tealmesh.store.views import Document, Transaction

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody, TaskEnvoy
    from tealmesh.model.teal import UnusableBody

_KEPT_CHARACTERS = 300
"""Of why a task cannot be used: the key of a document has room for it."""
_AT_ONCE = 8
"""Envoys that are asked at the same time."""
_SILENT = "does not answer"

Services = set[tuple[str, str]]
"""Cluster and name of each."""

Running = Mapping[str, tuple["TaskBody", TaskState]]
"""The running tasks by id, each with its state: read once a look, as each task is compared with
every other."""


class Watch:
    """The newest picture. `run` keeps it so; ``changed`` is called with the services whose tasks
    have become usable or unusable.
    """

    def __init__(
        self, context: EngineContext, probes: Probes, changed: Callable[[Services], None]
    ) -> None:
        self._context = context
        self._probes = probes
        self._changed = changed
        self._picture = Picture()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(self._context.times.callers)

    def unusable(self) -> Mapping[str, Unusable]:
        """The tasks that no caller can use, by id."""
        return self._picture.unusable(steady_clock())

    def shown(self) -> list[TaskHealth]:
        """The health of every running task."""
        return self._picture.shown(steady_clock(), self._context.clock())

    def usable_tasks(self, cluster: str, service: str, running: int) -> int:
        """How many of the ``running`` tasks of an ECS service callers can use, as far as known."""
        subjects = [
            s for s in self._picture.subjects if (s.cluster, s.service) == (cluster, service)
        ]
        return max(0, running - sum(subject.usable is False for subject in subjects))

    def why_unusable(self, cluster: str, service: str) -> str:
        """Why no caller can use the task of an ECS service that has been unusable the longest;
        empty if callers can use all.
        """
        own = [
            task
            for task in self.shown()
            if (task.cluster, task.service) == (cluster, service) and task.why
        ]
        return max(own, key=lambda task: task.unusable_seconds or 0.0).why if own else ""

    async def _look(self) -> None:
        tasks = [d.body for d in self._context.store.view.list(tables.TASKS)]
        states = {task_id(body): (body, TaskState.of(body)) for body in tasks}
        running = {task: one for task, one in states.items() if one[1].phase is Phase.RUN}
        seen = await self._ask_envoys(running)
        balanced = await self._ask_load_balancers(running)
        subjects = [_subject(task, running, seen, balanced) for task in running]
        before, self._picture = self._picture, self._picture.next(subjects, steady_clock())
        different = before.unusable_since.keys() ^ self._picture.unusable_since.keys()
        if different:
            places = [*before.subjects, *subjects]
            self._changed({(s.cluster, s.service) for s in places if s.task in different})
        await self._tell(running)

    async def _ask_envoys(self, running: Running) -> dict[str, list[HostSeen] | None]:
        """What the Envoy of each task says, by the task's id; None if it does not answer."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def ask(task: str, state: TaskState) -> list[HostSeen] | None:
            async with limit:
                network = TaskNetwork.of(state, self._context.files(task))
                return await self._probes.hosts(network)

        asked = {task: state for task, (_, state) in running.items() if state.envoy is not None}
        answers = await asyncio.gather(*(ask(*one) for one in asked.items()))
        return dict(zip(asked, answers, strict=True))

    async def _ask_load_balancers(
        self, running: Running
    ) -> dict[str, Mapping[str, tuple[str, str, str]]]:
        """The verdicts on the targets of each target group in use."""
        targets = [target for _, state in running.values() for target in state.targets]
        groups = sorted({target["group"] for target in targets})
        return {group: await self._context.target_health(group) for group in groups}

    async def _tell(self, running: Running) -> None:
        """Tell services of tasks that no caller can use at the second look, and of those that can
        be used again.
        """
        store, unusable = self._context.store, self.unusable()
        known = {task: body for task, (body, _) in running.items()}
        told = {document.body["task"]: document for document in store.view.list(tables.UNUSABLE)}
        for task, one in unusable.items():
            if task not in told and one.seconds >= self._context.times.callers:
                await store.write("health", "TaskUnusable", partial(self._note, known[task], one))
        for task, document in told.items():
            if task not in unusable:
                # A task that has ended is told of by whoever ended it.
                actor, operation = ("engine", "TaskEnded")
                if task in known:
                    actor, operation = ("health", "TaskUsable")
                forget = partial(self._forget, document, known.get(task))
                await store.write(actor, operation, forget)

    def _note(self, body: TaskBody, one: Unusable, tx: Transaction) -> None:
        task, now, why = task_id(body), self._context.clock(), one.why[:_KEPT_CHARACTERS]
        noted: UnusableBody = {"task": task, "why": why, "since": now - one.seconds}
        tx.put(tables.UNUSABLE, cluster_of(body), service_of(body), task, why, body=noted)
        text = f"(task {task}) can be used by none of its callers: {why}."
        documents.tell_service(tx, body, self._context.new_id, now, text)

    def _forget(
        self, document: Document[UnusableBody], body: TaskBody | None, tx: Transaction
    ) -> None:
        tx.delete(tables.UNUSABLE, *map(unquote, document.key.split("/")))
        if body is not None:
            text = f"(task {task_id(body)}) can be used by its callers again."
            new_id, now = self._context.new_id, self._context.clock()
            documents.tell_service(tx, body, new_id, now, text)


def _subject(
    task: str,
    running: Running,
    seen: Mapping[str, list[HostSeen] | None],
    balanced: Mapping[str, Mapping[str, tuple[str, str, str]]],
) -> Subject:
    """A task, and what everybody says of it."""
    body, state = running[task]
    said: list[Said] = []
    health = body.get("healthStatus", "UNKNOWN")
    if health != "UNKNOWN":
        problem = CHECK_FAILED if health == "UNHEALTHY" else ""
        said.append(Said(Source.CONTAINERS, "", "ECS", problem))
    if task in seen:
        said.append(Said(Source.ENVOY, "", "its Envoy", _SILENT if seen[task] is None else ""))
    for caller, (_, calling) in running.items():
        hosts = seen.get(caller)
        problem_there = of_address(hosts, state.address) if hosts else None
        if problem_there is not None and calling.envoy is not None and caller != task:
            said.append(Said(Source.CALLER, caller, calling.envoy["name"], problem_there))
    for target in state.targets:
        verdict = balanced[target["group"]].get(target_key(target["address"], target["port"]))
        if verdict is not None and verdict[0] in ("healthy", "unhealthy"):
            problem = CHECK_FAILED if verdict[0] == "unhealthy" else ""
            name = target["group"].split("/")[-2] if "/" in target["group"] else target["group"]
            said.append(Said(Source.LOAD_BALANCER, target["group"], name, problem))
    resource = _resource(state.envoy) if state.envoy is not None else ""
    return Subject(task, cluster_of(body), service_of(body), resource, tuple(said))


def _resource(envoy: TaskEnvoy) -> str:
    return f"mesh/{envoy['mesh']}/{envoy['kind']}/{envoy['name']}"
