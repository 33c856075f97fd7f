"""Containers as plain processes of this machine: no privileges, no container engine.

A container is a session of its own under a small shell shim (``shim.sh``), with files instead of
pipes, so it neither dies with the control plane nor notices its death. In ``TASK/CONTAINER/`` are
``pid`` (process, its start time, the shim, the boot), ``exit`` (code) and ``log``. A process is
identified by pid and start time (proc(5), field 22 of /proc/PID/stat): a pid alone may be reused.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tealmesh.engine.runtimes import pidfd
from tealmesh.engine.runtimes.base import (
    KILLED,
    ContainerSpec,
    ContainerStatus,
    Handle,
    Place,
    TaskSpec,
    Tell,
)
from tealmesh.engine.runtimes.files import log_path, tail
from tealmesh.engine.runtimes.process.localhost import rewritten
from tealmesh.model.errors import EngineError

_SHIM = Path(__file__).with_name("shim.sh")
_LIMITS = Path(__file__).with_name("limits.py")
_SHIM_TIME = 10.0
"""Seconds that the shim may take to say that it has started, or how its container has ended."""


class ProcessRuntime:
    """`Runtime` of local processes."""

    def report_to(self, tell: Tell) -> None:
        pass

    async def open(self, task: TaskSpec) -> Place | None:
        return None

    async def release(self, directory: Path) -> None:
        """A task has files only."""

    async def clear(self) -> None:
        """Nothing is shared among tasks."""

    async def sweep(self, known: Sequence[str]) -> list[str]:
        return []

    async def start(self, spec: ContainerSpec) -> Handle:
        home = spec.directory / spec.name
        known = await self.recover(spec.directory, spec.name)
        if known is not None:
            return known
        _check_command(spec)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        shim = _spawn(spec, home)
        try:
            return await _started(home, spec.name)
        except EngineError:
            _reap(shim)
            raise

    async def recover(self, directory: Path, name: str) -> Handle | None:
        home = directory / name
        if not (home / "run").exists():
            return None
        return await _started(home, name)

    async def wait(self, handle: Handle) -> int:
        await _gone(handle["pid"], handle["started"], handle["boot"])
        # The shim outlives its process by the time that it takes to write one file.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SHIM_TIME):
                await _gone(handle["shim"], None, handle["boot"])
        _reap(handle["shim"])
        code = _exit_code(Path(handle["home"]))
        return KILLED if code is None else code

    async def inspect(self, handle: Handle) -> ContainerStatus:
        if _alive(handle["pid"], handle["started"], handle["boot"]):
            return ContainerStatus(running=True)
        # Its shim may not have written the exit code yet.
        return ContainerStatus(running=False, exit_code=await self.wait(handle))

    async def signal(self, handle: Handle, signum: int) -> None:
        if not _alive(handle["pid"], handle["started"], handle["boot"]):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(handle["shim"], signum)

    async def stop(self, handle: Handle, timeout: float) -> int:
        await self.signal(handle, signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout):
                return await self.wait(handle)
        except TimeoutError:
            await self.signal(handle, signal.SIGKILL)
            return await self.wait(handle)

    async def execute(self, spec: ContainerSpec, command: Sequence[str], timeout: float) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *rewritten(command, spec.localhost),
                cwd=spec.cwd or None,
                env=dict(spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                f"the health check of container {spec.name} cannot be run: {error}"
            ) from error
        try:
            async with asyncio.timeout(timeout):
                return await process.wait()
        except TimeoutError:
            return KILLED
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await _seen_out(process)

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        return tail(log_path(directory, name), lines)

    async def close(self) -> None:
        """Nothing is held: every wait ends with its caller."""


def _check_command(spec: ContainerSpec) -> None:
    """Say now, in one line, what the shell would only say in the container's log."""
    program = spec.command[0]
    place = Path(spec.cwd) if spec.cwd else Path.cwd()
    if not place.is_dir():
        raise EngineError(
            f"container {spec.name}: the working directory {place} does not exist: create it or "
            f"correct the image map"
        )
    found = shutil.which(
        str(place / program) if os.sep in program else program,
        path=spec.environment.get("PATH", os.defpath),
    )
    if found is None:
        raise EngineError(
            f"container {spec.name}: the command {program!r} is not there or not executable: "
            f"install it or correct the image map"
        )


def _spawn(spec: ContainerSpec, home: Path) -> int:
    """Start the shim; its pid. posix_spawn, as a fork would copy gRPC's threads' locks."""
    log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return os.posix_spawn(
            "/bin/sh",
            ["/bin/sh", str(_SHIM), str(home), spec.cwd or ".", *_limited(spec)],
            dict(spec.environment),
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
        )
    except OSError as error:
        raise EngineError(f"container {spec.name} cannot be started: {error}") from error
    finally:
        os.close(log)


def _limited(spec: ContainerSpec) -> tuple[str, ...]:
    """The command, with a program before it that sets its limits where there are any."""
    if not spec.ulimits:
        return spec.command
    limits = [f"{name}={soft}:{hard}" for name, soft, hard in spec.ulimits]
    return (sys.executable, "-I", str(_LIMITS), *limits, "--", *spec.command)


async def _seen_out(process: asyncio.subprocess.Process) -> None:
    """Wait for a process that was killed, even when cancelled again meanwhile: the loop must not
    be closed before it knows of the end.
    """
    ended = asyncio.ensure_future(process.wait())
    cancelled = False
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def _started(home: Path, name: str) -> Handle:
    """What the shim wrote about its start, as soon as it is there."""
    deadline = asyncio.get_running_loop().time() + _SHIM_TIME
    while True:
        with contextlib.suppress(FileNotFoundError):
            pid, started, shim, boot = (home / "pid").read_text().split()
            return {
                "home": str(home),
                "pid": int(pid),
                "started": int(started),
                "shim": int(shim),
                "boot": boot,
            }
        code = _exit_code(home)
        if code is not None or asyncio.get_running_loop().time() > deadline:
            # It never ran (or its shim was killed at once): a container that has ended.
            return {"home": str(home), "pid": 0, "started": 0, "shim": 0, "boot": ""}
        await asyncio.sleep(0.005)


def _exit_code(home: Path) -> int | None:
    try:
        return int((home / "exit").read_text())
    except FileNotFoundError:
        return None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int | None:
    """Start time of a process that has not ended, in clock ticks since boot."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _alive(pid: int, started: int | None, boot: str) -> bool:
    if not pid or boot != _boot():
        return False
    now = _start_time(pid)
    return now is not None and (started is None or now == started)


async def _gone(pid: int, started: int | None, boot: str) -> None:
    """Wait until the process has ended."""
    with pidfd.opened(pid) as process:
        # Asked after the descriptor is open: it cannot have become another process since.
        if process is not None and _alive(pid, started, boot):
            await pidfd.ended(process)


def _reap(pid: int) -> None:
    """Take the shim out of the process table, where it is our child (an adopted one is not)."""
    if pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
