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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tealmesh.engine.oci import images, netns
from tealmesh.engine.oci.api import EngineApi, EngineGone, Refused
from tealmesh.engine.oci.definition import create_body
from tealmesh.engine.oci.logs import LogCopies
from tealmesh.engine.oci.relay import Relays
from tealmesh.engine.oci.resolver import RESOLV, Answer, Resolvers, resolv_text
from tealmesh.engine.runtimes.base import KILLED, ContainerSpec, ContainerStatus, Handle
from tealmesh.engine.runtimes.place import ImageSpec, Place, TaskSpec
from tealmesh.engine.runtimes.process import log_path, tail
from tealmesh.engine.sidecar import find_envoy
from tealmesh.model.errors import EngineError

_log = logging.getLogger(__name__)

POD = "pod.json"
_PAUSE = "task.network"
"""No container of a task definition has a dot in its name."""
_INSTANCE, _TASK, _CONTAINER = "tealmesh.instance", "tealmesh.task", "tealmesh.container"
_RETRY_MOST = 5.0
"""Seconds between two attempts to reach an engine that is gone."""


class ContainerRuntime:
    """`Runtime` of an engine. ``endpoint`` (HOST, PORT) is where 169.254.170.2 in a task leads;
    ``answer`` knows the names of tasks' own.
    """

    def __init__(
        self,
        api: EngineApi,
        data_dir: Path,
        endpoint: tuple[str, int],
        answer: Answer = lambda *_: None,
    ) -> None:
        self.api = api
        self.instance = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:10]
        self._network = f"tealmesh-{self.instance}"
        self._copies = LogCopies(api)
        self._relays = Relays(endpoint)
        self._resolvers = Resolvers(answer)
        self._setting_up = asyncio.Lock()
        self._fetching: dict[str, asyncio.Lock] = {}

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
        given = Path(f"/proc/{place.pid}/root/etc/resolv.conf").read_text()
        (task.directory / RESOLV).write_text(resolv_text(given))
        await self._serve(task.directory, place.pid)
        return place

    async def _serve(self, directory: Path, pid: int) -> None:
        """Answer in the namespace of process ``pid``."""
        await self._relays.open(directory, pid)
        await self._resolvers.open(directory, pid)

    async def release(self, directory: Path) -> None:
        """Remove the task's containers and its network. What they wrote stays."""
        await self._relays.close(directory)
        await self._resolvers.close(directory)
        found = await self.api.labelled(f"{_TASK}={directory.name}")
        mine = [c for c in found if c["Labels"].get(_INSTANCE) == self.instance]
        # The pause container goes last: others depend upon it.
        for container in sorted(mine, key=lambda c: c["Labels"][_CONTAINER] == _PAUSE):
            await self._copies.finish(container["Id"])
            await self.api.remove(container["Id"])

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
            await self.api.create_network(self._network, {_INSTANCE: self.instance})

    # Containers

    async def start(self, spec: ContainerSpec) -> Handle:
        if spec.image is None:
            raise EngineError(f"container {spec.name}: no image is given for it")
        name = self._name(spec.directory, spec.name)
        image = await self._available(spec.image)
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
        with contextlib.suppress(FileNotFoundError):
            record = json.loads((directory / POD).read_text())
            if record:
                await self._serve(directory, record["pid"])
        shown = await self.api.find(self._name(directory, name))
        if shown is None or shown["State"]["Status"] in ("created", "initialized"):
            return None
        return await self._taken(shown["Id"], directory, name)

    async def _taken(self, container: str, directory: Path, name: str) -> Handle:
        self._copies.follow(container, log_path(directory, name))
        return {"container": container, "home": str(directory / name)}

    async def wait(self, handle: Handle) -> int:
        container, pause = handle["container"], 0.2
        while True:
            try:
                await self.api.wait(container)
                # An engine on its way out ends its answers, whatever the container does.
                status = await self.inspect(handle)
                if status.exit_code is not None:
                    if status.exit_code == KILLED:
                        await self._say_if_out_of_memory(handle)
                    return status.exit_code
            except (EngineGone, Refused) as error:
                if isinstance(error, Refused) and error.status == 404:
                    return KILLED
                # Containers go on without their engine, as without us.
                _log.warning("waiting for container %s: %s; trying again", container[:12], error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RETRY_MOST)

    async def _say_if_out_of_memory(self, handle: Handle) -> None:
        shown = await self.api.find(handle["container"])
        if shown is not None and shown["State"].get("OOMKilled"):
            with (Path(handle["home"]) / "log").open("a") as log:
                log.write("OutOfMemoryError: Container killed due to memory usage\n")

    async def inspect(self, handle: Handle) -> ContainerStatus:
        shown = await self.api.find(handle["container"])
        if shown is None:
            return ContainerStatus(running=False, exit_code=KILLED)
        state = shown["State"]
        if state["Status"] in ("exited", "dead", "stopped", "removing"):
            return ContainerStatus(running=False, exit_code=int(state["ExitCode"]))
        return ContainerStatus(running=True)

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
            async with asyncio.timeout(timeout):
                return await self.api.execute(name, list(command))
        except TimeoutError:
            return KILLED
        except EngineGone as error:
            # Nothing is known of the container then; a check that cannot be made fails nobody.
            _log.warning("health check of container %s: %s", spec.name, error)
            return 0
        except Refused as error:
            if error.status in (404, 409):
                return KILLED
            raise EngineError(
                f"the health check of container {spec.name} cannot be run: {error}"
            ) from error

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        await self._copies.catch_up(log_path(directory, name))
        return tail(log_path(directory, name), lines)

    async def close(self) -> None:
        await self._copies.close()
        await self._relays.close_all()
        await self._resolvers.close_all()
        await self.api.close()

    # Images

    async def _available(self, wanted: ImageSpec) -> ImageSpec:
        """The image if the engine has it or can fetch it, else what is to be taken instead.
        Raises EngineError that says what to do.
        """
        async with self._fetching.setdefault(wanted.image, asyncio.Lock()):
            instead = wanted.instead
            if await self.api.image(wanted.image) is not None:
                return wanted
            # Who has made an image for Envoy does not want to wait for a registry.
            if (
                instead
                and instead.image == images.ENVOY_IMAGE
                and await self.api.image(instead.image)
            ):
                return instead
            try:
                _log.info("pulling image %s", wanted.image)
                async for line in self.api.pull(wanted.image):
                    _log.info("pulling image %s: %s", wanted.image, line)
                return wanted
            except Refused as error:
                told = str(error).strip()[:300]
            if instead is None:
                raise EngineError(
                    f"CannotPullContainerError: image {wanted.image!r} is not in the engine and "
                    f"cannot be pulled: build or pull it with the engine's own command, or correct "
                    f"the task definition ({told})"
                )
            _log.warning("image %s cannot be pulled (%s): taking our own", wanted.image, told)
            if instead.image == images.ENVOY_IMAGE and await self.api.image(instead.image) is None:
                await images.make_envoy(self.api, Path(find_envoy()))
            return instead

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


def _write(path: Path, body: Mapping[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(body))
    fresh.replace(path)


def _writable_by_all(place: Path) -> None:
    """A volume of the task, for whichever users its containers run as."""
    if not place.exists():
        place.mkdir(parents=True)
        place.chmod(0o777)
