"""The engine: one worker for each service and each task, woken by changes of the store.

Everything is decided from the committed state, and everything is recorded before it is done, so
the engine may be killed and started at any time; it holds nothing that the store and the tasks'
directories do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes.base import DockerUnavailable
from tealmesh.engine.runtimes.docker.names import Names
from tealmesh.engine.runtimes.process.addresses import AddressRange
from tealmesh.engine.scheduler import documents
from tealmesh.engine.service_worker import ServiceWorker, persistently
from tealmesh.engine.task.log_shipping import LogKeeper
from tealmesh.engine.task.probes import Probes
from tealmesh.engine.task.task import Shared
from tealmesh.engine.task.worker import TaskWorker
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.names import cluster_of, service_of, task_id
from tealmesh.store import tables
from tealmesh.store.store import Transaction, View

_log = logging.getLogger(__name__)


class Engine:
    """Runs the tasks that the store wants. One `run`, then `close`; `stop_all` while it runs."""

    def __init__(self, ports: EngineContext) -> None:
        """Raises EngineError when the machine has no addresses left for this data directory."""
        self._ports = ports
        tasks = ports.data_dir / "tasks"
        tasks.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._shared = Shared(
            ports,
            Probes(),
            LogKeeper(partial(ports.client, "logs"), self._report),
            AddressRange(ports.data_dir),
        )
        ports.runtime.report_to(self._tell)
        self._tasks: dict[tuple[str, str], tuple[int, TaskWorker]] = {}
        self._services: dict[tuple[str, str], ServiceWorker] = {}
        self._paused = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[Any] | None = None

    async def run(self) -> None:
        """Run until cancelled or closed. Tasks go on without us."""
        if self._closed:
            return
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.current_task()
        await self._sweep()
        async with asyncio.TaskGroup() as group:
            group.create_task(persistently("stopped tasks", self._forget_stopped))
            names = Names(self._ports.store, self._ports.data_dir)
            group.create_task(persistently("names", names.run))
            async for view in self._ports.store.watch():
                self._dispatch(view, group)

    async def close(self) -> None:
        """End `run` and let go of the tasks, which go on running."""
        self._closed = True
        running, self._running = self._running, None
        if running is not None and running is not asyncio.current_task():
            running.cancel()
            await asyncio.wait([running])
        await self._shared.probes.close()
        await asyncio.to_thread(self._shared.logs.close)
        self._shared.addresses.close()
        await self._ports.runtime.close()

    async def stop_all(self, reason: str = "teal down") -> int:
        """Stop every task, without draining, as all who could ask them go too; how many there
        were. Services keep what they want: their tasks are started again when the engine next
        runs. Needs `run` to be at work. Raises EngineError, with nothing stopped, while what runs
        the tasks does not answer.
        """
        for document in self._ports.store.view.list(tables.TASKS):
            if document.body["lastStatus"] != "STOPPED":
                for handle in document.body.get("teal", {}).get("handles", {}).values():
                    await self._ports.runtime.inspect(handle)
        self._paused = True

        def stop(tx: Transaction) -> int:
            count = 0
            for document in tx.list(tables.TASKS):
                if document.body["lastStatus"] == "STOPPED":
                    continue
                count += 1
                body = copy.deepcopy(dict(document.body))
                now = self._ports.clock()
                documents.request_stop(body, "UserInitiated", reason, now)
                body["teal"] = {**body.get("teal", {}), "quick": True}
                identity = task_id(body)
                tx.put(tables.TASKS, cluster_of(body), identity, body=body)
            return count

        count = await self._ports.store.write("engine", "StopAll", stop)
        async for view in self._ports.store.watch():
            if all(d.body["lastStatus"] == "STOPPED" for d in view.list(tables.TASKS)):
                break
        await self._ports.runtime.clear()
        return count

    def _dispatch(self, view: View, group: asyncio.TaskGroup) -> None:
        """Give each object its worker, and wake those whose object has changed."""
        latest: dict[tuple[str, str], int] = {}
        for document in view.list(tables.TASKS):
            cluster, identity = cluster_of(document.body), task_id(document.body)
            service = (cluster, service_of(document.body))
            latest[service] = max(latest.get(service, 0), document.revision)
            known = self._tasks.get((cluster, identity))
            if known is None and document.body["lastStatus"] != "STOPPED":
                worker = TaskWorker(self._shared, cluster, identity)
                self._tasks[cluster, identity] = (document.revision, worker)
                group.create_task(self._look_after_task(cluster, identity, worker))
            elif known is not None and known[0] != document.revision:
                self._tasks[cluster, identity] = (document.revision, known[1])
                known[1].notify()
        for document in view.list(tables.ECS_SERVICES):
            cluster, name = cluster_of(document.body), document.body["serviceName"]
            signature = (document.revision, latest.get((cluster, name), 0))
            known_service = self._services.get((cluster, name))
            if known_service is None and document.body["status"] != "INACTIVE":
                known_service = ServiceWorker(self._ports, cluster, name, lambda: self._paused)
                self._services[cluster, name] = known_service
                group.create_task(self._look_after_service(cluster, name, known_service))
            if known_service is not None:
                known_service.notify(signature)

    async def _look_after_task(self, cluster: str, identity: str, worker: TaskWorker) -> None:
        try:
            await persistently(f"task {identity}", worker.run)
        finally:
            self._tasks.pop((cluster, identity), None)

    async def _look_after_service(self, cluster: str, name: str, worker: ServiceWorker) -> None:
        try:
            await persistently(f"service {name}", worker.run)
        finally:
            self._services.pop((cluster, name), None)

    async def _forget_stopped(self) -> None:
        """Remove stopped tasks, and their files, once ECS would no longer show them."""
        keep = max(self._ports.times.keep_stopped, self._ports.policy.memory)
        while True:
            await asyncio.sleep(min(60.0, keep / 2))
            before = self._ports.clock() - keep

            def forget(tx: Transaction, before: float = before) -> list[str]:
                old = [
                    d.body
                    for d in tx.list(tables.TASKS)
                    if d.body["lastStatus"] == "STOPPED" and d.body.get("stoppedAt", 0.0) < before
                ]
                for body in old:
                    tx.delete(tables.TASKS, cluster_of(body), task_id(body))
                return [task_id(body) for body in old]

            for identity in await self._ports.store.write("engine", "ForgetTasks", forget):
                await asyncio.to_thread(_remove, self._ports.data_dir / "tasks" / identity)

    async def _sweep(self) -> None:
        """End what runs in directories of tasks that are no longer known, and remove those."""
        known = {task_id(d.body) for d in self._ports.store.view.list(tables.TASKS)}
        for directory in sorted((self._ports.data_dir / "tasks").iterdir()):
            if directory.name in known or not directory.is_dir():
                continue
            try:
                await self._end_forgotten(directory)
            except DockerUnavailable as error:
                _log.warning("the forgotten task %s stays for now: %s", directory.name, error)
        for identity in await self._ports.runtime.sweep(sorted(known)):
            _log.warning("removed the containers of the forgotten task %s", identity)

    async def _end_forgotten(self, directory: Path) -> None:
        for home in _directories(directory):
            handle = await self._ports.runtime.recover(directory, home.name)
            if handle is not None:
                _log.warning("ending %s of the forgotten task %s", home.name, directory.name)
                await self._ports.runtime.stop(handle, 1.0)
        await self._ports.runtime.release(directory)
        await asyncio.to_thread(_remove, directory)

    def _report(self, task_arn: str, message: str) -> None:
        """From the log keeper's thread: tell the task's service."""
        self._tell(last_part(task_arn), message)

    def _tell(self, identity: str, message: str) -> None:
        """From any thread: tell the task's service."""
        if self._loop is None or self._loop.is_closed():
            return

        def tell(tx: Transaction) -> None:
            for document in tx.list(tables.TASKS):
                if task_id(document.body) == identity:
                    now = self._ports.clock()
                    text = f"(task {identity}) {message}"
                    documents.tell_service(tx, document.body, self._ports.new_id, now, text)

        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(
                self._ports.store.write("engine", "TaskEvent", tell), self._loop
            )


def _directories(within: Path) -> list[Path]:
    return [path for path in within.iterdir() if path.is_dir()]


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
