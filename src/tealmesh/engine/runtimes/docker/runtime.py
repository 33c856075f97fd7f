"""The runtime of Docker and Podman: each method of the port, by Docker's API.

The network of each task is in `networks.py`. ``TASK/CONTAINER/log`` is copied from Docker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tealmesh.engine.runtimes.base import (
    KILLED,
    ContainerStatus,
    Handle,
    Launch,
    Reserve,
    TaskNetwork,
    TaskSpec,
    Tell,
    Transport,
    Usage,
)
from tealmesh.engine.runtimes.containers import Role, built_in
from tealmesh.engine.runtimes.docker import ending
from tealmesh.engine.runtimes.docker.api import DockerApi, explained
from tealmesh.engine.runtimes.docker.definition import ImageSpec, create_body
from tealmesh.engine.runtimes.docker.fetch import Fetch
from tealmesh.engine.runtimes.docker.instance import PAUSE, Instance
from tealmesh.engine.runtimes.docker.launch import container_spec, prepare_envoy
from tealmesh.engine.runtimes.docker.logs import LogCopies
from tealmesh.engine.runtimes.docker.memory import killed_for_memory
from tealmesh.engine.runtimes.docker.network import netns
from tealmesh.engine.runtimes.docker.network.names import HostsFiles
from tealmesh.engine.runtimes.docker.network.namespaces import DockerNetworks
from tealmesh.engine.runtimes.docker.network.resolver import Answer
from tealmesh.engine.runtimes.docker.versions import EnvoyVersions
from tealmesh.engine.runtimes.files import log_path, note, tail
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.runtimes.proc import measure
from tealmesh.envoy.bootstrap.version import Version
from tealmesh.model.ecs.images import ImageBody
from tealmesh.model.errors import DockerRefused, DockerUnavailable, EngineError
from tealmesh.supervision.supervisor import Supervisor

_PULL_SECONDS = 15.0
"""How long it may take to find out that an image cannot be pulled."""

_log = logging.getLogger(__name__)
_NOT_STARTED = ("created", "initialized")


class DockerRuntime:
    """`Runtime` of Docker or Podman."""

    def __init__(
        self,
        api: DockerApi,
        plane: ControlPlane,
        data_dir: Path,
        hosts: HostsFiles,
        answer: Answer,
        supervisor: Supervisor,
    ) -> None:
        self._api = api
        self._plane = plane
        self._instance = Instance.of(data_dir)
        self._hosts = hosts
        self._tell: Tell = lambda task_id, message: _log.info("task %s %s", task_id, message)
        self._copies = LogCopies(
            api, lambda path, text: self._report(path.parents[1].name, text), supervisor
        )
        self._fetch = Fetch(api)
        self._versions = EnvoyVersions(api)
        self._networks = DockerNetworks(
            api, self._instance, plane.http_address, answer, self._report, supervisor
        )

    def report_to(self, tell: Tell) -> None:
        self._tell = tell

    async def run(self) -> None:
        await self._hosts.run()

    # Networks

    async def open(self, task: TaskSpec, reserve: Reserve) -> TaskNetwork:
        return await self._networks.open(task)

    async def port_problem(self, network: TaskNetwork, port: int, transport: Transport) -> str:
        if transport == "tcp":
            return "" if netns.listening(network.pid, port) else _silent("listens", port)
        return "" if netns.receiving(network.pid, port) else _silent("receives", port)

    async def release(self, directory: Path) -> None:
        await self._networks.release(directory, self._copies.finish)

    # Containers

    async def image_problem(self, image: str, images: Sequence[ImageBody]) -> str:
        if built_in(image):
            return ""
        try:
            async with asyncio.timeout(_PULL_SECONDS):
                await self._fetch.available(ImageSpec(image), lambda message: None)
        except TimeoutError:
            return ""  # It is there; what has been pulled of it is kept.
        except EngineError as error:
            return str(error)
        return ""

    async def start(self, launch: Launch) -> Handle:
        directory = launch.task.directory
        spec = container_spec(self._plane, launch)
        self._hosts.ensure(directory)
        image = await self._fetch.available(spec.image, partial(self._report, launch.task.id))
        if launch.container.role is Role.ENVOY:
            prepare_envoy(self._plane, launch, await self._envoy_version(launch, image.image))
        for source, _, _ in image.mounts:
            if Path(source).is_relative_to(directory):
                _make_volume(Path(source))
        network = self._instance.name(directory, PAUSE)
        labels = self._instance.labels(directory, spec.name)
        name = self._instance.name(directory, spec.name)
        with explained(f"container {spec.name} cannot be started"):
            made = await self._api.create(name, create_body(spec, image, network, labels))
            if (await self._api.inspect(made))["State"]["Status"] in _NOT_STARTED:
                await self._api.start(made)
        return self._handle(made, directory, spec.name)

    async def _envoy_version(self, launch: Launch, image: str) -> Version | None:
        directory, container = launch.task.directory, f"{launch.container.name}.version"
        name = self._instance.name(directory, container)
        return await self._versions.of(image, name, self._instance.labels(directory, container))

    async def recover(self, directory: Path, name: str) -> Handle | None:
        await self._networks.adopt(directory)
        inspected = await self._api.find(self._instance.name(directory, name))
        if inspected is None or inspected["State"]["Status"] in _NOT_STARTED:
            return None
        return self._handle(inspected["Id"], directory, name)

    def _handle(self, container: str, directory: Path, name: str) -> Handle:
        self._copies.follow(container, log_path(directory, name))
        return {"container": container, "home": str(directory / name)}

    async def inspect(self, handle: Handle) -> ContainerStatus:
        status, _ = await ending.look(self._api, handle["container"])
        return status

    async def wait(self, handle: Handle) -> int:
        code = await ending.wait(self._api, handle["container"])
        if code == KILLED and await self._out_of_memory(handle["container"]):
            home = Path(handle["home"])
            text = "OutOfMemoryError: Container killed due to memory usage"
            note(home.parent, home.name, text)
        return code

    async def _out_of_memory(self, container: str) -> bool:
        with contextlib.suppress(DockerUnavailable):
            inspected = await self._api.find(container)
            if inspected is not None:
                return inspected["State"].get("OOMKilled", False) or await asyncio.to_thread(
                    killed_for_memory, inspected["Id"]
                )
        return False

    async def stop(self, handle: Handle, timeout: float) -> int:
        await self._api.stop(handle["container"], timeout)
        code = await self.wait(handle)
        await self._copies.finish(handle["container"])
        return code

    async def execute(self, launch: Launch, command: Sequence[str], timeout: float) -> int:
        directory, name = launch.task.directory, launch.container.name
        try:
            identity = await self._api.prepare_command(
                self._instance.name(directory, name), list(command)
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._api.run_command(identity)
            state = await self._api.command(identity)
            if not state["Running"]:
                return int(state["ExitCode"])
            # Docker has no call to end a command, and each interval would add one that hangs.
            self._networks.kill_inside(directory, int(state["Pid"]))
            return KILLED
        except DockerUnavailable as error:
            # Nothing is known of the container; a check that cannot be made is no failure.
            _log.warning("health check of container %s: %s", name, error)
            return 0
        except DockerRefused as error:
            if error.status in (404, 409):
                return KILLED
            raise EngineError(
                f"the health check of container {name} cannot be run: {error}"
            ) from error

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        await self._copies.catch_up(log_path(directory, name))
        return tail(log_path(directory, name), lines)

    def usage(self, handle: Handle) -> Usage | None:
        """Of the processes in the container's control group. None if this machine's /proc does not
        show them: Docker may run in a virtual machine.
        """
        container = handle.get("container")
        if not container:
            return None
        return measure(lambda process: container in process.control_group)

    # The control plane

    async def strangers(self, known: Sequence[str]) -> list[str]:
        return await self._networks.strangers(known)

    async def clear(self) -> None:
        await self._networks.clear()

    async def close(self) -> None:
        await self._networks.close()
        await self._copies.close()
        await self._api.close()

    def _report(self, task_id: str, message: str) -> None:
        self._tell(task_id, message)


def _silent(verb: str, port: int) -> str:
    return f"nothing in the task {verb} on port {port}"


def _make_volume(path: Path) -> None:
    """Make a volume of the task, writable for whichever users its containers run as."""
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(0o777)
