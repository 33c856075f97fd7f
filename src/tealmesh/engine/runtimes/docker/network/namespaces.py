"""The networks of tasks: a namespace held by a pause container, and what answers inside it.

Which process holds a task's namespace is written to ``pod.json`` in the task's directory; the file
also says that the task runs in Docker, whatever is chosen for later tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

from tealmesh.engine.runtimes.base import TaskNetwork, TaskSpec, Tell
from tealmesh.engine.runtimes.docker import ending, images
from tealmesh.engine.runtimes.docker.api import DockerApi, explained
from tealmesh.engine.runtimes.docker.instance import (
    CONTAINER_LABEL,
    INSTANCE_LABEL,
    PAUSE,
    TASK_LABEL,
    Instance,
    removal_order,
)
from tealmesh.engine.runtimes.docker.launch import rules_text
from tealmesh.engine.runtimes.docker.network import netns
from tealmesh.engine.runtimes.docker.network.relay import Relays
from tealmesh.engine.runtimes.docker.network.resolver import RESOLV, Answer, Resolvers, resolv_text
from tealmesh.engine.runtimes.docker.presence import Presence
from tealmesh.engine.runtimes.docker.schema import CreateBody, Listed
from tealmesh.engine.runtimes.files import note
from tealmesh.model.errors import DockerRefused, DockerUnavailable, EngineError
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.supervision.trouble import NOBODY

POD = "pod.json"


class PodRecord(TypedDict, total=False):
    """Content of ``pod.json``; empty until the network has been made."""

    address: str
    pid: int
    gateway: str


class DockerNetworks:
    """The networks of this control plane's tasks."""

    def __init__(
        self,
        api: DockerApi,
        instance: Instance,
        endpoint: tuple[str, int],
        answer: Answer,
        tell: Tell,
        supervisor: Supervisor,
    ) -> None:
        self._api = api
        self._instance = instance
        self._tell = tell
        self._supervisor = supervisor
        self._relays = Relays(endpoint)
        self._resolvers = Resolvers(answer, supervisor)
        self._creating = asyncio.Lock()
        self._guards: dict[Path, asyncio.Task[None]] = {}
        self._presence = Presence(api, self._docker_lost, supervisor)

    async def open(self, task: TaskSpec) -> TaskNetwork:
        """Make the task's network namespace, or find it."""
        directory = task.directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written first: whoever comes after us must know that there may be something in Docker.
        _write_record(directory, {})
        async with self._creating:
            await self._create_shared()
        name = self._instance.name(directory, PAUSE)
        body: CreateBody = {
            "Image": images.PAUSE_IMAGE,
            "Hostname": task.id[:12],
            "Labels": self._instance.labels(directory, PAUSE),
            "HostConfig": {"NetworkMode": self._instance.network},
        }
        with explained("the task's network cannot be made"):
            pause = await self._api.create(name, body)
            await self._api.start(pause)
            inspected = await self._api.inspect(pause)
        network = inspected["NetworkSettings"]["Networks"][self._instance.network]
        address, pid = network["IPAddress"], int(inspected["State"]["Pid"])
        if not (address and pid):
            raise EngineError(
                f"Docker gave container {name} no address on {self._instance.network}"
            )
        await netns.prepare(pid, rules_text(task, network["Gateway"]))
        _write_record(directory, {"address": address, "pid": pid, "gateway": network["Gateway"]})
        _write_resolv(directory, pid)
        await self._serve(directory, pid)
        return TaskNetwork(address, "127.0.0.1", pid)

    async def adopt(self, directory: Path) -> None:
        """Look after the network of a task that was opened by an earlier control plane."""
        if directory not in self._guards:
            pause = await self._api.find(self._instance.name(directory, PAUSE))
            # By Docker's word: the recorded process id may have been reused by now.
            await self._serve(directory, int(pause["State"]["Pid"]) if pause else 0)

    async def release(
        self, directory: Path, before_removal: Callable[[str], Awaitable[None]]
    ) -> None:
        """Remove the task's containers, each after ``before_removal(id)``, and its network."""
        guard = self._guards.pop(directory, None)
        # A guard that is done has seen the network end before its time.
        cut_off = guard is not None and guard.done()
        if guard is not None:
            guard.cancel()
        await self._relays.close(directory)
        await self._resolvers.close(directory)
        for container in await self._containers(directory):
            await before_removal(container["Id"])
            await self._api.remove(container["Id"])
        if cut_off:
            # Only now is the address certainly gone, with nobody being sent there any more.
            await self._cut(directory)

    async def clear(self) -> None:
        """Remove everything that is left of this data directory: orphans, and the network."""
        for container in removal_order(await self._mine()):
            await self._api.remove(container["Id"])
        with contextlib.suppress(DockerRefused):
            await self._api.remove_network(self._instance.network)

    async def strangers(self, known: Sequence[str]) -> list[str]:
        """The ids of tasks that are not ``known`` and run; those that do not run are removed."""
        others = [c for c in await self._mine() if c["Labels"].get(TASK_LABEL) not in known]
        running = {
            c["Labels"][TASK_LABEL]
            for c in others
            if c["State"] == "running" and c["Labels"].get(CONTAINER_LABEL) != PAUSE
        }
        ended = [c for c in others if c["Labels"].get(TASK_LABEL) not in running]
        for container in removal_order(ended):
            await self._api.remove(container["Id"])
        return sorted(running)

    async def _mine(self) -> list[Listed]:
        return await self._api.labelled(f"{INSTANCE_LABEL}={self._instance.id}")

    def kill_inside(self, directory: Path, pid: int) -> None:
        """Kill process ``pid`` if it is in the task's network."""
        pause = _read_record(directory).get("pid", 0)
        with contextlib.suppress(OSError):
            # Checked, because process ids are reused.
            if Path(f"/proc/{pid}/ns/net").samefile(f"/proc/{pause}/ns/net"):
                os.kill(pid, signal.SIGKILL)

    async def close(self) -> None:
        for guard in self._guards.values():
            guard.cancel()
        await asyncio.gather(*self._guards.values(), return_exceptions=True)
        await self._presence.close()
        await self._relays.close_all()
        await self._resolvers.close_all()

    async def _create_shared(self) -> None:
        """Create what tasks share: the pause image and the bridge."""
        if not await self._api.has_image(images.PAUSE_IMAGE):
            await images.make_pause(self._api)
        instance = self._instance
        if not await self._api.has_network(instance.network):
            labels = {INSTANCE_LABEL: instance.id}
            await self._api.create_network(instance.network, instance.interface, labels)

    async def _serve(self, directory: Path, pid: int) -> None:
        """Answer inside the task's network, which process ``pid`` holds (0: it has ended), and
        guard it.
        """
        if pid:
            await self._relays.open(directory, pid)
            await self._resolvers.open(directory, pid)
        self._presence.begin()
        if directory not in self._guards or self._guards[directory].done():
            self._guards[directory] = asyncio.create_task(
                self._supervisor.keep(
                    f"the guard of task {directory.name}'s network",
                    partial(self._guard, directory),
                    concerns=NOBODY,
                )
            )

    def _docker_lost(self, error: DockerUnavailable) -> None:
        consequence = "The task keeps running, and is looked after again once Docker answers."
        for directory in self._guards:
            self._tell(directory.name, f"{error}. {consequence}")

    async def _guard(self, directory: Path) -> None:
        """When the task's network ends, its containers cannot be reached any more: kill them, so
        that the task is replaced.
        """
        await ending.wait(self._api, self._instance.name(directory, PAUSE))
        await self._cut(directory)
        while True:
            with contextlib.suppress(DockerUnavailable, DockerRefused):
                for container in await self._containers(directory):
                    name = container["Labels"][CONTAINER_LABEL]
                    if name != PAUSE and container["State"] == "running":
                        note(directory, name, "The network of the task was ended from outside")
                        await self._api.kill(container["Id"], signal.SIGKILL)
                await self._cut(directory)
                return
            await asyncio.sleep(ending.MAX_RETRY_SECONDS)

    async def _cut(self, directory: Path) -> None:
        """Close the connections of this machine and of other tasks to a task whose network has
        ended.
        """
        address = _read_record(directory).get("address")
        others = [_read_record(other).get("pid", 0) for other in self._guards if other != directory]
        if address:
            await asyncio.gather(*(netns.cut(pid, address) for pid in {0, *others}))

    async def _containers(self, directory: Path) -> list[Listed]:
        """The task's containers in the order of their removal."""
        labelled = await self._api.labelled(f"{TASK_LABEL}={directory.name}")
        mine = [c for c in labelled if c["Labels"].get(INSTANCE_LABEL) == self._instance.id]
        return removal_order(mine)


def has_pod(directory: Path) -> bool:
    """Whether the task in ``directory`` runs in Docker."""
    return (directory / POD).exists()


def _write_record(directory: Path, record: PodRecord) -> None:
    path = directory / POD
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(record))
    fresh.replace(path)


def _write_resolv(directory: Path, pid: int) -> None:
    given = Path(f"/proc/{pid}/root/etc/resolv.conf").read_text()
    (directory / RESOLV).write_text(resolv_text(given))


def _read_record(directory: Path) -> PodRecord:
    with contextlib.suppress(OSError, ValueError):
        record: PodRecord = json.loads((directory / POD).read_text())
        return record
    return {}
