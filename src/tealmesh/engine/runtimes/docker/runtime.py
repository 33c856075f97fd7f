"""Containers on a Docker-compatible engine (Docker, Podman), each task with its own network.

A task's network namespace is held by a pause container; the task's containers share it. Names and
labels tell whose everything is, so that what a dead control plane has left is found again, and two
control planes on one machine do not meet. In ``TASK/`` is ``pod.json`` (address, process id of the
pause container), in ``TASK/CONTAINER/`` the ``log``, copied from the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes import pidfd
from tealmesh.engine.runtimes.base import (
    KILLED,
    ContainerSpec,
    ContainerStatus,
    DockerUnavailable,
    Handle,
    Place,
    TaskSpec,
    Tell,
)
from tealmesh.engine.runtimes.docker import images, netns
from tealmesh.engine.runtimes.docker.api import DockerApi, Refused
from tealmesh.engine.runtimes.docker.definition import create_body
from tealmesh.engine.runtimes.docker.fetch import Fetch
from tealmesh.engine.runtimes.docker.logs import LogCopies
from tealmesh.engine.runtimes.docker.memory import killed_for_memory
from tealmesh.engine.runtimes.docker.presence import Presence
from tealmesh.engine.runtimes.docker.relay import Relays
from tealmesh.engine.runtimes.docker.resolver import RESOLV, Answer, Resolvers, resolv_text
from tealmesh.engine.runtimes.files import log_path, tail
from tealmesh.model.errors import EngineError

_log = logging.getLogger(__name__)

POD = "pod.json"
_PAUSE = "task.network"
"""No container of a task definition has a dot in its name."""
_INSTANCE, _TASK, _CONTAINER = "tealmesh.instance", "tealmesh.task", "tealmesh.container"
_RETRY_LEAST, _RETRY_MOST = 0.02, 5.0
"""Seconds between two looks at a container: an engine needs a moment to know of an end, and more
to come back.
"""


class DockerRuntime:
    """`Runtime` of an engine. ``endpoint`` (HOST, PORT) is where 169.254.170.2 in a task leads;
    ``answer`` knows the names of tasks' own.
    """

    def __init__(
        self,
        api: DockerApi,
        data_dir: Path,
        endpoint: tuple[str, int],
        answer: Answer = lambda *_: None,
    ) -> None:
        self.api = api
        self.instance = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:10]
        self._network = f"tealmesh-{self.instance}"
        self._tell: Tell = lambda task_id, message: _log.info("task %s %s", task_id, message)
        self._copies = LogCopies(api, lambda path, told: self._tell(path.parents[1].name, told))
        self._fetch = Fetch(api)
        self._relays = Relays(endpoint)
        self._resolvers = Resolvers(answer)
        self._setting_up = asyncio.Lock()
        self._guards: dict[Path, asyncio.Task[None]] = {}
        self._presence = Presence(api, self._engine_gone)

    def report_to(self, tell: Tell) -> None:
        self._tell = tell

    # A task's network

    async def open(self, task: TaskSpec) -> Place:
        """The task's network namespace, made or found again."""
        task.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written first: whoever comes after us must know that the engine may have something.
        _write(task.directory / POD, {})
        async with self._setting_up:
            await self._set_up()
        name = self._name(task.directory, _PAUSE)
        body = {
            "Image": images.PAUSE_IMAGE,
            "Hostname": task.hostname,
            "Labels": self._labels(task.directory, _PAUSE),
            "HostConfig": {"NetworkMode": self._network},
        }
        with _explained("the task's network cannot be made"):
            pause = await self.api.create(name, body)
            await self.api.start(pause)
            shown = await self.api.inspect(pause)
        found = shown["NetworkSettings"]["Networks"][self._network]
        place = Place(found["IPAddress"], int(shown["State"]["Pid"]), found["Gateway"])
        if not (place.address and place.pid):
            raise EngineError(f"the engine gave container {name} no address on {self._network}")
        await netns.prepare(place.pid, task.rules(place))
        record = {"address": place.address, "pid": place.pid, "gateway": place.gateway}
        _write(task.directory / POD, record)
        _write_resolv(task.directory, place.pid)
        await self._serve(task.directory, place.pid)
        return place

    async def _serve(self, directory: Path, pid: int) -> None:
        """Answer in the task's network, whose process is ``pid`` (0: it has ended), and see to it
        that no container of the task outlives it.
        """
        if pid:
            await self._relays.open(directory, pid)
            await self._resolvers.open(directory, pid)
        self._presence.begin()
        if directory not in self._guards or self._guards[directory].done():
            self._guards[directory] = asyncio.create_task(self._guard(directory))

    def _engine_gone(self, error: DockerUnavailable) -> None:
        away = "The task goes on, and is looked after again when the engine answers."
        for directory in self._guards:
            self._tell(directory.name, f"{error}. {away}")

    async def _guard(self, directory: Path) -> None:
        """When the task's network ends, nobody can reach its containers any more: end them, so
        that the task is replaced.
        """
        await self._ended(self._name(directory, _PAUSE))
        await self._cut(directory)
        while True:
            with contextlib.suppress(DockerUnavailable, Refused):
                for container in await self._containers(directory):
                    name = container["Labels"][_CONTAINER]
                    if name != _PAUSE and container["State"] == "running":
                        _note(directory / name, "The network of the task was ended from outside")
                        await self.api.kill(container["Id"], signal.SIGKILL)
                await self._cut(directory)
                return
            await asyncio.sleep(_RETRY_MOST)

    async def _cut(self, directory: Path) -> None:
        """Close the connections that this machine and other tasks have to a task whose network is
        gone.
        """
        address = _record(directory).get("address")
        others = [_record(other).get("pid", 0) for other in self._guards if other != directory]
        if address:
            await asyncio.gather(*(netns.cut(pid, address) for pid in {0, *others}))

    async def _containers(self, directory: Path) -> list[dict[str, Any]]:
        """The task's containers, that of its network last: others depend upon it."""
        found = await self.api.labelled(f"{_TASK}={directory.name}")
        mine = [c for c in found if c["Labels"].get(_INSTANCE) == self.instance]
        return sorted(mine, key=lambda c: c["Labels"][_CONTAINER] == _PAUSE)

    async def release(self, directory: Path) -> None:
        """Remove the task's containers and its network. What they wrote stays."""
        guard = self._guards.pop(directory, None)
        # One that has done its work has seen the network end before its time.
        cut_off = guard is not None and guard.done()
        if guard is not None:
            guard.cancel()
        await self._relays.close(directory)
        await self._resolvers.close(directory)
        for container in await self._containers(directory):
            await self._copies.finish(container["Id"])
            await self.api.remove(container["Id"])
        if cut_off:
            # Only now is the address gone for certain, and nobody is sent there any more.
            await self._cut(directory)

    async def clear(self) -> None:
        """Remove all that is left of this data directory: orphans, and the network."""
        for container in await self._orphans(()):
            await self.api.remove(container["Id"])
        with contextlib.suppress(Refused):
            await self.api.remove_network(self._network)

    async def sweep(self, known: Sequence[str]) -> list[str]:
        """Remove the containers of tasks that are not ``known``; their task ids."""
        gone = await self._orphans(known)
        for container in gone:
            await self.api.remove(container["Id"])
        return sorted({c["Labels"][_TASK] for c in gone})

    async def _orphans(self, known: Sequence[str]) -> list[dict[str, Any]]:
        found = await self.api.labelled(f"{_INSTANCE}={self.instance}")
        gone = [c for c in found if c["Labels"].get(_TASK) not in known]
        return sorted(gone, key=lambda c: c["Labels"].get(_CONTAINER) == _PAUSE)

    async def _set_up(self) -> None:
        if await self.api.image(images.PAUSE_IMAGE) is None:
            await images.make_pause(self.api)
        if await self.api.network(self._network) is None:
            # Two engines on one machine would choose the same.
            interface = f"teal-{self.instance}"
            await self.api.create_network(self._network, interface, {_INSTANCE: self.instance})

    # Containers

    async def start(self, spec: ContainerSpec) -> Handle:
        if spec.image is None:
            raise EngineError(f"container {spec.name}: no image is given for it")
        name = self._name(spec.directory, spec.name)
        tell = partial(self._tell, spec.directory.name)
        image = await self._fetch.available(spec.image, tell)
        for source, _, _ in image.mounts:
            if Path(source).is_relative_to(spec.directory):
                _writable_by_all(Path(source))
        body = create_body(
            spec,
            image,
            self._name(spec.directory, _PAUSE),
            self._labels(spec.directory, spec.name),
        )
        with _explained(f"container {spec.name} cannot be started"):
            made = await self.api.create(name, body)
            if (await self.api.inspect(made))["State"]["Status"] in ("created", "initialized"):
                await self.api.start(made)
        return await self._taken(made, spec.directory, spec.name)

    async def recover(self, directory: Path, name: str) -> Handle | None:
        if directory not in self._guards:
            pause = await self.api.find(self._name(directory, _PAUSE))
            # By the engine's word: the process id that was written down may be another's by now.
            await self._serve(directory, int(pause["State"]["Pid"]) if pause else 0)
        shown = await self.api.find(self._name(directory, name))
        if shown is None or shown["State"]["Status"] in ("created", "initialized"):
            return None
        return await self._taken(shown["Id"], directory, name)

    async def _taken(self, container: str, directory: Path, name: str) -> Handle:
        self._copies.follow(container, log_path(directory, name))
        return {"container": container, "home": str(directory / name)}

    async def wait(self, handle: Handle) -> int:
        code = await self._ended(handle["container"])
        if code == KILLED:
            with contextlib.suppress(DockerUnavailable):
                shown = await self.api.find(handle["container"])
                if shown is not None and (
                    shown["State"].get("OOMKilled")
                    or await asyncio.to_thread(killed_for_memory, shown["Id"])
                ):
                    told = "OutOfMemoryError: Container killed due to memory usage"
                    _note(Path(handle["home"]), told)
        return code

    async def _ended(self, container: str) -> int:
        """Wait for a container to end, whatever becomes of its engine; its exit code.

        By its process: while a ``wait`` of the API is open, Podman 4.3 reads its database all the
        time, a whole core's worth for nine containers.
        """
        pause = _RETRY_LEAST
        while True:
            try:
                status, pid = await self._look(container)
                if status.exit_code is not None:
                    return status.exit_code
                with pidfd.opened(pid) as process:
                    # Asked after it is open: it cannot have become another process since.
                    if process is not None and (await self._look(container))[1] == pid:
                        pause = _RETRY_LEAST
                        await pidfd.ended(process)
            except Refused as error:
                _log.warning("waiting for container %s: %s; trying again", container, error)
            except DockerUnavailable:
                # Containers go on without their engine, as without us.
                pass
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RETRY_MOST)

    async def _look(self, container: str) -> tuple[ContainerStatus, int]:
        """A container's status and the process id of its first process, 0 when it has none."""
        shown = await self.api.find(container)
        if shown is None:
            return ContainerStatus(running=False, exit_code=KILLED), 0
        state = shown["State"]
        if state["Status"] in ("exited", "dead", "stopped", "removing"):
            return ContainerStatus(running=False, exit_code=int(state["ExitCode"])), 0
        return ContainerStatus(running=True), int(state["Pid"])

    async def inspect(self, handle: Handle) -> ContainerStatus:
        status, _ = await self._look(handle["container"])
        return status

    async def signal(self, handle: Handle, signum: int) -> None:
        await self.api.kill(handle["container"], signum)

    async def stop(self, handle: Handle, timeout: float) -> int:
        await self.api.stop(handle["container"], timeout)
        code = await self.wait(handle)
        await self._copies.finish(handle["container"])
        return code

    async def execute(self, spec: ContainerSpec, command: Sequence[str], timeout: float) -> int:
        name = self._name(spec.directory, spec.name)
        try:
            identity = await self.api.prepare_command(name, list(command))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self.api.run_command(identity)
            shown = await self.api.command(identity)
            if not shown["Running"]:
                return int(shown["ExitCode"])
            self._end_command(spec.directory, int(shown["Pid"]))
            return KILLED
        except DockerUnavailable as error:
            # Nothing is known of the container then; a check that cannot be made fails nobody.
            _log.warning("health check of container %s: %s", spec.name, error)
            return 0
        except Refused as error:
            if error.status in (404, 409):
                return KILLED
            raise EngineError(
                f"the health check of container {spec.name} cannot be run: {error}"
            ) from error

    def _end_command(self, directory: Path, pid: int) -> None:
        """End a health check that takes too long: engines have no call for that, and one that
        hangs would be joined by another at each interval.
        """
        pause = _record(directory).get("pid", 0)
        with contextlib.suppress(OSError):
            # Only what is in the task's network, as process ids are given again.
            if Path(f"/proc/{pid}/ns/net").samefile(f"/proc/{pause}/ns/net"):
                os.kill(pid, signal.SIGKILL)

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        await self._copies.catch_up(log_path(directory, name))
        return tail(log_path(directory, name), lines)

    async def close(self) -> None:
        for guard in self._guards.values():
            guard.cancel()
        await asyncio.gather(*self._guards.values(), return_exceptions=True)
        await self._presence.close()
        await self._copies.close()
        await self._relays.close_all()
        await self._resolvers.close_all()
        await self.api.close()

    def _name(self, directory: Path, container: str) -> str:
        return f"tealmesh-{self.instance}-{directory.name}-{container}"

    def _labels(self, directory: Path, container: str) -> Mapping[str, str]:
        return {_INSTANCE: self.instance, _TASK: directory.name, _CONTAINER: container}


@contextlib.contextmanager
def _explained(what: str) -> Any:
    try:
        yield
    except Refused as error:
        raise EngineError(f"{what}: {str(error).strip()[:500]}") from error


def _note(home: Path, told: str) -> None:
    """A line of ours in a container's log, whose last lines are shown with its failure."""
    with contextlib.suppress(OSError), (home / "log").open("a") as log:
        log.write(f"{told}\n")


def _write(path: Path, body: Mapping[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(body))
    fresh.replace(path)


def _write_resolv(directory: Path, pid: int) -> None:
    given = Path(f"/proc/{pid}/root/etc/resolv.conf").read_text()
    (directory / RESOLV).write_text(resolv_text(given))


def _record(directory: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((directory / POD).read_text())
        return found
    return {}


def _writable_by_all(place: Path) -> None:
    """A volume of the task, for whichever users its containers run as."""
    if not place.exists():
        place.mkdir(parents=True)
        place.chmod(0o777)
