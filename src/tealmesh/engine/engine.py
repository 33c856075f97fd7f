"""One worker for each service and each task, woken by changes in the store.

Everything is decided from the committed state and recorded before it is done. The engine may be
killed and started again at any time: the store and the tasks' directories have all that it knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.engine.context import EngineContext
from tealmesh.engine.health.watch import Watch
from tealmesh.engine.scheduler import documents
from tealmesh.engine.service_worker import ServiceWorker
from tealmesh.engine.state import TaskState
from tealmesh.engine.task.log_shipping import LogKeeper
from tealmesh.engine.task.probes import Probes
from tealmesh.engine.task.task import Shared
from tealmesh.engine.task.worker import TaskWorker
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.moments import moment_of
from tealmesh.model.ecs.names import cluster_of, service_of, task_id
from tealmesh.model.errors import DockerUnavailable, EngineError
from tealmesh.store import tables
from tealmesh.store.views import Document, Transaction, View
from tealmesh.supervision.trouble import NOBODY

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ServiceBody, TaskBody

_log = logging.getLogger(__name__)


_FORGET_EVERY_SECONDS = 60.0
"""How often stopped tasks are looked through, at most."""

Key = tuple[str, str]
"""Cluster, and task id or service name."""


class Engine:
    """Runs the tasks that the store wants. `run` once, then `close`; `stop_all` in between."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._store = context.store
        self._supervisor = context.supervisor
        self._runtime = context.runtime
        self._task_files = context.data_dir / "tasks"
        self._task_files.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._shared = Shared(
            context,
            Probes(context.runtime),
            LogKeeper(partial(context.client, "logs"), self._report_log_problem),
        )
        self.health = Watch(context, self._shared.probes, self._wake_services)
        self._runtime.report_to(self._add_event)
        self._tasks: dict[Key, TaskWorker] = {}
        self._task_revisions: dict[Key, int] = {}
        self._services: dict[Key, ServiceWorker] = {}
        self._paused = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run until cancelled or closed. Tasks keep running afterwards."""
        if self._closed:
            return
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.current_task()
        await self._sweep()
        async with asyncio.TaskGroup() as group:
            for worker, work in (
                ("the removal of stopped tasks", self._forget_stopped),
                ("the runtime's upkeep", self._runtime.run),
                ("the look at what callers see", self.health.run),
            ):
                group.create_task(self._supervisor.keep(worker, work, ends=False))
            async for view in self._store.watch():
                newest = self._dispatch_tasks(view, group)
                self._dispatch_services(view, group, newest)

    async def close(self) -> None:
        """End `run` and detach; tasks keep running."""
        self._closed = True
        running, self._running = self._running, None
        if running is not None and running is not asyncio.current_task():
            running.cancel()
            await asyncio.wait([running])
        await self._shared.probes.close()
        await asyncio.to_thread(self._shared.logs.close)
        await self._runtime.close()

    async def stop_all(self, reason: str = "teal down") -> int:
        """Stop every task and return how many there were. None is drained, since whatever could
        send to them stops too. Services keep their desired counts: the engine starts their tasks
        again when it next runs.

        `run` must be running. Raises EngineError, with nothing stopped, while the runtime of some
        task does not answer; and for tasks that have not stopped after ``times.down``: they are
        still being stopped, and may be waited for again.
        """
        await self._check_runtime()
        self._paused = True

        def stop(tx: Transaction) -> int:
            count = 0
            for document in tx.list(tables.TASKS):
                if document.body["lastStatus"] == "STOPPED":
                    continue
                count += 1
                body = copy.deepcopy(document.body)
                now = self._context.clock()
                documents.request_stop(body, "UserInitiated", reason, now, tx.moment.stored())
                replace(TaskState.of(body), quick=True).write(body)
                tx.replace(document, body)
            return count

        count = await self._store.write("engine", "StopAll", stop)
        try:
            async with asyncio.timeout(self._context.times.down):
                async for view in self._store.watch():
                    if not _unstopped(view):
                        break
        except TimeoutError:
            left = [*_unstopped(self._store.view), *self._failures()]
            raise EngineError(
                f"not stopped after {self._context.times.down:g} s: {'; '.join(left)}: run `teal "
                "down` again to go on waiting, or `teal down --force` to end them at once"
            ) from None
        await self._runtime.clear()
        return count

    async def _check_runtime(self) -> None:
        """Raise EngineError unless the runtime answers for each container of a live task."""
        for document in self._store.view.list(tables.TASKS):
            if document.body["lastStatus"] != "STOPPED":
                for handle in TaskState.of(document.body).handles.values():
                    await self._runtime.inspect(handle)

    def _failures(self) -> list[str]:
        """What keeps workers from their work, each error once."""
        return list(dict.fromkeys(trouble.error for trouble in self._supervisor.troubles()))

    def _dispatch_tasks(self, view: View, group: asyncio.TaskGroup) -> dict[Key, int]:
        """Give each live task a worker, and wake the workers of tasks that have changed. Return
        the newest revision among the tasks of each service.
        """
        newest: dict[Key, int] = {}
        for document in view.list(tables.TASKS):
            # One document that cannot be read must not keep the others from being worked on.
            name = f"the reading of task {document.key}"
            with self._supervisor.contained(name, concerns=NOBODY):
                self._dispatch_task(document, group, newest)
        return newest

    def _dispatch_task(
        self, document: Document[TaskBody], group: asyncio.TaskGroup, newest: dict[Key, int]
    ) -> None:
        body, revision = document.body, document.revision
        key = (cluster_of(body), task_id(body))
        service = (cluster_of(body), service_of(body))
        newest[service] = max(newest.get(service, 0), revision)
        worker = self._tasks.get(key)
        if worker is None and body["lastStatus"] != "STOPPED":
            self._tasks[key] = TaskWorker(self._shared, *key)
            self._task_revisions[key] = revision
            group.create_task(self._work_on_task(key, service[1], self._tasks[key]))
        elif worker is not None and self._task_revisions[key] != revision:
            self._task_revisions[key] = revision
            worker.notify()

    def _dispatch_services(
        self, view: View, group: asyncio.TaskGroup, newest: Mapping[Key, int]
    ) -> None:
        """Give each active service a worker, and wake those for which something has changed."""
        for document in view.list(tables.ECS_SERVICES):
            name = f"the reading of ECS service {document.key}"
            with self._supervisor.contained(name, concerns=NOBODY):
                self._dispatch_service(document, group, newest)

    def _dispatch_service(
        self,
        document: Document[ServiceBody],
        group: asyncio.TaskGroup,
        newest: Mapping[Key, int],
    ) -> None:
        key = (cluster_of(document.body), document.body["serviceName"])
        worker = self._services.get(key)
        if worker is None and document.body["status"] != "INACTIVE":
            worker = ServiceWorker(self._context, *key, lambda: self._paused, self.health.unusable)
            self._services[key] = worker
            group.create_task(self._work_on_service(key, worker))
        if worker is not None:
            worker.notify((document.revision, newest.get(key, 0)))

    def _wake_services(self, services: Iterable[Key]) -> None:
        for key in services:
            if (worker := self._services.get(key)) is not None:
                worker.wake()

    async def _work_on_task(self, key: Key, service: str, worker: TaskWorker) -> None:
        try:
            name = f"the worker of task {key[1]}" + (f" of {service}" if service else "")
            await self._supervisor.keep(name, worker.run, concerns=service or NOBODY)
        finally:
            self._tasks.pop(key, None)
            self._task_revisions.pop(key, None)

    async def _work_on_service(self, key: Key, worker: ServiceWorker) -> None:
        try:
            name = f"the worker of ECS service {'/'.join(key)}"
            await self._supervisor.keep(name, worker.run, concerns=key[1])
        finally:
            self._services.pop(key, None)

    async def _forget_stopped(self) -> None:
        """Remove stopped tasks and their files when ECS would no longer show them."""
        keep_seconds = max(self._context.times.keep_stopped, self._context.policy.memory)
        while True:
            await asyncio.sleep(min(_FORGET_EVERY_SECONDS, keep_seconds / 2))

            def forget(tx: Transaction) -> list[str]:
                old = [
                    d.body
                    for d in tx.list(tables.TASKS)
                    if d.body["lastStatus"] == "STOPPED"
                    and tx.moment.since(moment_of(d.body, "stopped")) > keep_seconds
                ]
                for body in old:
                    tx.delete(tables.TASKS, cluster_of(body), task_id(body))
                return [task_id(body) for body in old]

            for identity in await self._store.write("engine", "ForgetTasks", forget):
                await asyncio.to_thread(_remove, self._task_files / identity)

    async def _sweep(self) -> None:
        """Remove the files of tasks that the store does not know. Whatever runs of them is left
        alone, and its files with it: a lost store is no order to end anything.
        """
        known = {task_id(d.body) for d in self._store.view.list(tables.TASKS)}
        for directory in _directories(self._task_files):
            if directory.name in known:
                continue
            try:
                await self._remove_unknown(directory)
            except DockerUnavailable as error:
                _log.warning("keeping unknown task %s for now: %s", directory.name, error)

    async def _remove_unknown(self, directory: Path) -> None:
        for home in _directories(directory):
            handle = await self._runtime.recover(directory, home.name)
            if handle is not None and (await self._runtime.inspect(handle)).running:
                _log.warning("%s of unknown task %s runs: not touched", home.name, directory.name)
                return
        await self._runtime.release(directory)
        await asyncio.to_thread(_remove, directory)

    def _report_log_problem(self, task_arn: str, message: str) -> None:
        """Called in the log keeper's thread."""
        self._add_event(last_part(task_arn), message)

    def _add_event(self, identity: str, message: str) -> None:
        """Add an event to the service of a task. May be called in any thread."""
        if self._loop is None or self._loop.is_closed():
            return

        def add(tx: Transaction) -> None:
            for document in tx.list(tables.TASKS):
                if task_id(document.body) == identity:
                    now = self._context.clock()
                    text = f"(task {identity}) {message}"
                    documents.tell_service(tx, document.body, self._context.new_id, now, text)

        with contextlib.suppress(RuntimeError):
            # The loop may have been closed meanwhile.
            written = asyncio.run_coroutine_threadsafe(
                self._store.write("engine", "TaskEvent", add), self._loop
            )
            written.add_done_callback(partial(_log_failure, message))


def _unstopped(view: View) -> list[str]:
    """The tasks that have not stopped, and what each is doing."""
    bodies = [document.body for document in view.list(tables.TASKS)]
    return [
        f"task {task_id(body)} of {service_of(body) or 'nobody'} "
        f"({TaskState.of(body).phase.lower().replace('_', ' ')})"
        for body in bodies
        if body["lastStatus"] != "STOPPED"
    ]


def _log_failure(message: str, written: Future[None]) -> None:
    """The store may be out of room: the message is in the log at least."""
    if not written.cancelled() and written.exception() is not None:
        _log.error("not written down: %s (%s)", message, written.exception())


def _directories(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir())


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
