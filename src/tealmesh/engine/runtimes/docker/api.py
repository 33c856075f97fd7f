"""The few calls of the Docker Engine API that tasks need, over a Unix socket.

Docker and Podman both answer it (https://docs.docker.com/reference/api/engine/version/v1.41/).
httpx rather than the ``docker`` SDK: the log of each running container is followed, and a blocking
client would keep a thread for each.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tealmesh.engine.runtimes.base import DockerUnavailable
from tealmesh.model.arn import last_part
from tealmesh.model.errors import EngineError

_VERSION = "/v1.41"
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_ENDLESS = httpx.Timeout(None, connect=5.0)

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
"""Where engines listen when nothing else is said."""


class Refused(EngineError):
    """The engine's answer is an error; ``status`` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def find_socket(environment: Mapping[str, str]) -> Path | None:
    """The socket of this machine's engine: DOCKER_HOST or CONTAINER_HOST (``unix://PATH``), else
    the first that exists of Docker's and Podman's own places; None when there is none. Raises
    EngineError for an engine elsewhere: its tasks' networks could not be reached from here.
    """
    for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
        named = environment.get(variable, "")
        if named.startswith("unix://"):
            return Path(named.removeprefix("unix://"))
        if named:
            raise EngineError(
                f"{variable}={named} is no socket of this machine: set it to unix://PATH"
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
    `Refused` when the answer is an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A Unix socket needs no HTTP_PROXY of a shell, and no authorities, which take time to read.
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                uds=str(path),
                verify=False,
                limits=httpx.Limits(max_connections=None),
            ),
            base_url="http://engine",
            timeout=_TIMEOUT,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ping(self) -> None:
        """Nothing but an answer."""
        await self._call("GET", "/_ping")

    async def version(self) -> Mapping[str, Any]:
        """What engine this is."""
        found: Mapping[str, Any] = await self._json("GET", "/version")
        return found

    # Containers

    async def create(self, name: str, body: Mapping[str, Any]) -> str:
        """Create the container ``name``, or find the one of that name; its id."""
        try:
            made = await self._json(
                "POST", "/containers/create", params={"name": name}, content=json.dumps(body)
            )
        except Refused as error:
            # Docker answers 409, Podman 4 answers 500 with a text.
            if error.status == 409 or "already in use" in str(error):
                return str((await self.inspect(name))["Id"])
            raise
        return str(made["Id"])

    async def start(self, container: str) -> None:
        """Start it; nothing happens when it runs already."""
        await self._call("POST", f"/containers/{container}/start")

    async def inspect(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._json("GET", f"/containers/{container}/json")
        return found

    async def find(self, container: str) -> dict[str, Any] | None:
        """As `inspect`; None where there is no such container."""
        try:
            return await self.inspect(container)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def kill(self, container: str, signum: int) -> None:
        """Send a signal to its first process; nothing happens when it has ended."""
        try:
            await self._call("POST", f"/containers/{container}/kill", params={"signal": signum})
        except Refused as error:
            if error.status not in (404, 409) and "can only kill running" not in str(error):
                raise

    async def stop(self, container: str, seconds: float) -> None:
        """The image's stop signal, then SIGKILL after so many seconds; nothing happens when it
        does not run.
        """
        params = {"t": round(seconds)}
        try:
            await self._call(
                "POST", f"/containers/{container}/stop", params=params, timeout=_ENDLESS
            )
        except Refused as error:
            if error.status != 404:
                raise

    async def remove(self, container: str) -> None:
        """Remove it, killed if it runs; nothing happens when there is none."""
        params = {"force": "true", "v": "true"}
        # Podman's force is a stop with its ten seconds of patience.
        await self.kill(container, signal.SIGKILL)
        try:
            await self._call("DELETE", f"/containers/{container}", params=params)
        except Refused as error:
            if error.status != 404:
                raise

    async def labelled(self, label: str) -> list[dict[str, Any]]:
        """All containers with this label (``key`` or ``key=value``), ended ones too."""
        filters = json.dumps({"label": [label]})
        found: list[dict[str, Any]] = await self._json(
            "GET", "/containers/json", params={"all": "true", "filters": filters}
        )
        return found

    async def prepare_command(self, container: str, command: list[str]) -> str:
        """A command to be run inside the container; its id."""
        body = {"Cmd": command, "AttachStdout": True, "AttachStderr": True}
        made = await self._json("POST", f"/containers/{container}/exec", content=json.dumps(body))
        return str(made["Id"])

    async def run_command(self, identity: str) -> None:
        """Run a prepared command to its end. Cancelling leaves it running."""
        start = json.dumps({"Detach": False, "Tty": False})
        # The answer ends when the command does.
        await self._call("POST", f"/exec/{identity}/start", content=start, timeout=_ENDLESS)

    async def command(self, identity: str) -> dict[str, Any]:
        """What has become of a command: Running, ExitCode, Pid."""
        found: dict[str, Any] = await self._json("GET", f"/exec/{identity}/json")
        return found

    async def logs(self, container: str, since: str) -> AsyncGenerator[tuple[int, bytes], None]:
        """What it writes to stdout (1) and stderr (2) from ``since`` (seconds.nanoseconds) until it
        ends, each piece with its time in front. A piece that does not end in a newline is not the
        end of its line.

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
            raise self._gone(error) from error

    # Images

    async def image(self, name: str) -> dict[str, Any] | None:
        """An image that is here; None where it is not."""
        path = f"/images/{quote(name, safe='/:@')}/json"
        try:
            found: dict[str, Any] = await self._json("GET", path)
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return found

    async def pull(self, name: str) -> AsyncIterator[tuple[str, bool]]:
        """Have the engine fetch an image; its progress, line by line, and whether that is a step
        rather than so many bytes more. Raises Refused with the registry's words.
        """
        params = {"fromImage": with_tag(name)}
        path = f"{_VERSION}/images/create"
        try:
            async with self._http.stream("POST", path, params=params, timeout=_ENDLESS) as answer:
                if answer.status_code >= 400:
                    raise _refusal(answer.status_code, await answer.aread())
                async for line in answer.aiter_lines():
                    told = json.loads(line) if line.strip() else {}
                    if "error" in told:
                        raise Refused(404, str(told["error"]))
                    shown = " ".join(
                        str(told[m]) for m in ("id", "status", "progress") if told.get(m)
                    )
                    if shown or told.get("stream"):
                        yield shown or str(told["stream"]).strip(), not told.get("progress")
        except httpx.HTTPError as error:
            raise self._gone(error) from error

    async def import_image(self, name: str, archive: Path, changes: list[str]) -> None:
        """Make the image ``name`` of a root filesystem in a tar file. ``changes`` are lines of a
        Dockerfile (ENV, ENTRYPOINT, USER…).
        """
        # Podman 4 takes no notice of `tag` here; both take a repository with its tag.
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
        if await self.image(name) is None:
            raise EngineError(f"the engine took the image {name} but does not have it: see its log")

    # Networks

    async def network(self, name: str) -> dict[str, Any] | None:
        """A network; None where there is none."""
        try:
            found: dict[str, Any] = await self._json("GET", f"/networks/{name}")
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return found

    async def create_network(self, name: str, interface: str, labels: Mapping[str, str]) -> None:
        """A bridge of its own, the network interface ``interface`` of this machine (15 characters
        at most); nothing happens when it is there.
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
        except Refused as error:
            if error.status != 409 and "exists" not in str(error) and "in use" not in str(error):
                raise

    async def remove_network(self, name: str) -> None:
        try:
            await self._call("DELETE", f"/networks/{name}")
        except Refused as error:
            if error.status != 404:
                raise

    async def _json(self, method: str, path: str, **how: Any) -> Any:
        return json.loads(await self._call(method, path, **how))

    async def _call(self, method: str, path: str, **how: Any) -> bytes:
        how.setdefault("headers", {"content-type": "application/json"})
        try:
            answer = await self._http.request(method, _VERSION + path, **how)
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        if answer.status_code >= 400:
            raise _refusal(answer.status_code, answer.content)
        return answer.content

    def _gone(self, error: Exception) -> DockerUnavailable:
        return DockerUnavailable(
            f"the container engine at {self.path} does not answer ({type(error).__name__}): start "
            f"it (`podman system service` or dockerd), or set DOCKER_HOST to its socket"
        )


def with_tag(name: str) -> str:
    """The name of an image with the tag that it has where none is given: Docker would pull every
    tag there is. A colon before the last slash is that of a registry's port.
    """
    return name if ":" in last_part(name) else f"{name}:latest"


def _refusal(status: int, content: bytes) -> Refused:
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        message = content.decode(errors="replace").strip() or f"HTTP {status}"
    return Refused(status, message)


async def _chunks(archive: Path) -> AsyncIterator[bytes]:
    with archive.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 1 << 20):
            yield chunk
