"""The few calls of Docker's API that tasks need, over a Unix socket.

Docker and Podman both answer them (https://docs.docker.com/reference/api/engine/version/v1.41/).
By httpx rather than the ``docker`` SDK, because the log of each running container is followed, and
a blocking client would need a thread for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tealmesh.engine.runtimes.docker.schema import (
    Command,
    CreateBody,
    Image,
    Inspected,
    Listed,
    PullProgress,
    Version,
)
from tealmesh.model.arn import last_part
from tealmesh.model.errors import DockerRefused, DockerUnavailable, EngineError

_VERSION = "/v1.41"
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_ENDLESS = httpx.Timeout(None, connect=5.0)

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
"""Where Docker and Podman listen by default."""


def find_socket(environment: Mapping[str, str]) -> Path | None:
    """The socket of this machine's Docker: DOCKER_HOST or CONTAINER_HOST (``unix://PATH``), else
    the first default socket that exists; None if there is none. Raises EngineError for a Docker
    elsewhere, whose tasks could not be reached from here.
    """
    for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
        url = environment.get(variable, "")
        if url.startswith("unix://"):
            return Path(url.removeprefix("unix://"))
        if url:
            raise EngineError(
                f"{variable}={url} is not a socket of this machine: set it to unix://PATH"
            )
    runtime_dir = environment.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    for place in (*SOCKETS, f"{runtime_dir}/podman/podman.sock", f"{runtime_dir}/docker.sock"):
        path = Path(place)
        try:
            if stat.S_ISSOCK(path.stat().st_mode):
                return path
        except OSError:
            continue
    return None


class DockerApi:
    """A client of one Docker. Every call raises `DockerUnavailable` when nothing answers and
    `DockerRefused` when the answer is an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A Unix socket needs neither a proxy nor certificate authorities, which are slow to load.
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                uds=str(path),
                verify=False,
                limits=httpx.Limits(max_connections=None),
            ),
            base_url="http://docker",
            timeout=_TIMEOUT,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ping(self) -> None:
        """Check that Docker answers."""
        await self._call("GET", "/_ping")

    async def version(self) -> Version:
        """Whether this is Docker or Podman, and which version."""
        version: Version = await self._json("GET", "/version")
        return version

    # Containers

    async def create(self, name: str, body: CreateBody) -> str:
        """Create the container ``name`` unless there is one; return its id."""
        try:
            made = await self._json(
                "POST", "/containers/create", params={"name": name}, content=json.dumps(body)
            )
        except DockerRefused as error:
            # Docker answers 409, Podman 4 answers 500 and says why.
            if error.status == 409 or "already in use" in str(error):
                return str((await self.inspect(name))["Id"])
            raise
        return str(made["Id"])

    async def start(self, container: str) -> None:
        """Start it unless it runs."""
        await self._call("POST", f"/containers/{container}/start")

    async def inspect(self, container: str) -> Inspected:
        inspected: Inspected = await self._json("GET", f"/containers/{container}/json")
        return inspected

    async def find(self, container: str) -> Inspected | None:
        """As `inspect`; None if there is no such container."""
        try:
            return await self.inspect(container)
        except DockerRefused as error:
            if error.status == 404:
                return None
            raise

    async def kill(self, container: str, signum: int) -> None:
        """Send a signal to its first process, unless it has ended."""
        try:
            await self._call("POST", f"/containers/{container}/kill", params={"signal": signum})
        except DockerRefused as error:
            if error.status not in (404, 409) and "can only kill running" not in str(error):
                raise

    async def stop(self, container: str, seconds: float) -> None:
        """Send the image's stop signal, and SIGKILL after so many seconds, unless it has ended."""
        params = {"t": round(seconds)}
        try:
            await self._call(
                "POST", f"/containers/{container}/stop", params=params, timeout=_ENDLESS
            )
        except DockerRefused as error:
            if error.status != 404:
                raise

    async def remove(self, container: str) -> None:
        """Kill and remove it, if there is one."""
        params = {"force": "true", "v": "true"}
        # Podman's force means a stop that waits ten seconds before it kills.
        await self.kill(container, signal.SIGKILL)
        try:
            await self._call("DELETE", f"/containers/{container}", params=params)
        except DockerRefused as error:
            if error.status != 404:
                raise

    async def labelled(self, label: str) -> list[Listed]:
        """All containers with this label (``key`` or ``key=value``), including ended ones."""
        filters = json.dumps({"label": [label]})
        containers: list[Listed] = await self._json(
            "GET", "/containers/json", params={"all": "true", "filters": filters}
        )
        return containers

    async def prepare_command(self, container: str, command: list[str]) -> str:
        """Prepare a command to be run inside the container; return its id."""
        body = {"Cmd": command, "AttachStdout": True, "AttachStderr": True}
        made = await self._json("POST", f"/containers/{container}/exec", content=json.dumps(body))
        return str(made["Id"])

    async def run_command(self, identity: str) -> None:
        """Run a prepared command and wait for its end. Cancelling leaves it running."""
        start = json.dumps({"Detach": False, "Tty": False})
        # The answer ends when the command does.
        await self._call("POST", f"/exec/{identity}/start", content=start, timeout=_ENDLESS)

    async def command(self, identity: str) -> Command:
        """The state of a prepared command."""
        command: Command = await self._json("GET", f"/exec/{identity}/json")
        return command

    async def logs(self, container: str, since: str) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield (stream, piece) of what it writes to stdout (1) and stderr (2), from ``since``
        (seconds.nanoseconds) until it ends. Each piece begins with its time; without a newline at
        its end, its line continues in the next piece of the stream.

        https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
        describes the frames: a byte for the stream, three zeros, four bytes of length.
        """
        params = {"stdout": "true", "stderr": "true", "timestamps": "true", "follow": "true"}
        if since:
            params["since"] = since
        pending = bytearray()
        path = f"{_VERSION}/containers/{container}/logs"
        try:
            async with self._http.stream("GET", path, params=params, timeout=_ENDLESS) as answer:
                if answer.status_code >= 400:
                    raise _refusal(answer.status_code, await answer.aread())
                async for chunk in answer.aiter_raw():
                    pending += chunk
                    while len(pending) >= 8:
                        size = int.from_bytes(pending[4:8])
                        if len(pending) < 8 + size:
                            break
                        yield pending[0], bytes(pending[8 : 8 + size])
                        del pending[: 8 + size]
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error

    # Images

    async def has_image(self, name: str) -> bool:
        """Whether the image is on this machine."""
        return await self._exists(_image_path(name))

    async def image_id(self, name: str) -> str:
        """What tells the image from another that may get its name later."""
        image: Image = await self._json("GET", _image_path(name))
        return image["Id"]

    async def pull(self, name: str) -> AsyncIterator[tuple[str, bool]]:
        """Pull an image. Yields its progress line by line, with False for lines that only count
        bytes. Raises DockerRefused with the registry's words.
        """
        params = {"fromImage": with_tag(name)}
        path = f"{_VERSION}/images/create"
        try:
            async with self._http.stream("POST", path, params=params, timeout=_ENDLESS) as answer:
                if answer.status_code >= 400:
                    raise _refusal(answer.status_code, await answer.aread())
                async for line in answer.aiter_lines():
                    progress: PullProgress = json.loads(line) if line.strip() else {}
                    if "error" in progress:
                        raise DockerRefused(404, progress["error"])
                    text = _progress_text(progress)
                    if text:
                        yield text, not progress.get("progress")
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error

    async def import_image(self, name: str, archive: Path, changes: list[str]) -> None:
        """Make the image ``name`` from a root filesystem in a tar file. ``changes`` are lines of a
        Dockerfile (ENV, ENTRYPOINT, USER…).
        """
        # Podman 4 ignores `tag` here; both accept a repository with its tag.
        params: list[tuple[str, str]] = [("fromSrc", "-"), ("repo", name)]
        params += [("changes", change) for change in changes]
        await self._call(
            "POST",
            "/images/create",
            params=params,
            content=_chunks(archive),
            headers={"content-type": "application/x-tar"},
            timeout=_ENDLESS,
        )
        if not await self.has_image(name):
            raise EngineError(f"Docker accepted the image {name} but lacks it: see Docker's log")

    # Networks

    async def has_network(self, name: str) -> bool:
        return await self._exists(f"/networks/{name}")

    async def create_network(self, name: str, interface: str, labels: Mapping[str, str]) -> None:
        """Create a bridge network, unless there is one. ``interface`` names its network interface
        on this machine, in 15 characters at most.
        """
        body = {
            "Name": name,
            "Driver": "bridge",
            "Labels": labels,
            "CheckDuplicate": True,
            "Options": {"com.docker.network.bridge.name": interface},
        }
        try:
            await self._call("POST", "/networks/create", content=json.dumps(body))
        except DockerRefused as error:
            if error.status != 409 and "exists" not in str(error) and "in use" not in str(error):
                raise

    async def remove_network(self, name: str) -> None:
        try:
            await self._call("DELETE", f"/networks/{name}")
        except DockerRefused as error:
            if error.status != 404:
                raise

    async def _exists(self, path: str) -> bool:
        try:
            await self._call("GET", path)
        except DockerRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    async def _json(self, method: str, path: str, **how: Any) -> Any:
        return json.loads(await self._call(method, path, **how))

    async def _call(self, method: str, path: str, **how: Any) -> bytes:
        how.setdefault("headers", {"content-type": "application/json"})
        try:
            answer = await self._http.request(method, _VERSION + path, **how)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        if answer.status_code >= 400:
            raise _refusal(answer.status_code, answer.content)
        return answer.content

    def _unavailable(self, error: Exception) -> DockerUnavailable:
        return DockerUnavailable(
            f"the container engine at {self.path} does not answer ({type(error).__name__}): start "
            f"it (`podman system service` or dockerd), or set DOCKER_HOST to its socket"
        )


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn `DockerRefused` into an EngineError that begins with ``what``."""
    try:
        yield
    except DockerRefused as error:
        raise EngineError(f"{what}: {str(error).strip()[:500]}") from error


def _image_path(name: str) -> str:
    return f"/images/{quote(name, safe='/:@')}/json"


def _progress_text(progress: PullProgress) -> str:
    parts = (progress.get("id"), progress.get("status"), progress.get("progress"))
    return " ".join(part for part in parts if part) or progress.get("stream", "").strip()


def with_tag(name: str) -> str:
    """The image name with ``:latest`` if it has no tag; Docker would pull all tags otherwise. A
    colon before the last slash is that of a registry's port.
    """
    return name if ":" in last_part(name) else f"{name}:latest"


def _refusal(status: int, content: bytes) -> DockerRefused:
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, RecursionError, KeyError, TypeError):
        message = content.decode(errors="replace").strip() or f"HTTP {status}"
    if message.endswith("no such container"):
        # While it removes a container, Podman 4 answers 500.
        status = 404
    return DockerRefused(status, message)


async def _chunks(archive: Path) -> AsyncIterator[bytes]:
    with archive.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 1 << 20):
            yield chunk
