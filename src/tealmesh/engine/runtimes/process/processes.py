"""Processes that outlive the control plane: started under a shim, found again, waited for.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tealmesh.engine.runtimes import pidfd
from tealmesh.engine.runtimes.base import KILLED, ContainerStatus, Handle
from tealmesh.engine.runtimes.files import log_path
from tealmesh.engine.runtimes.process.marks import VARIABLE
from tealmesh.engine.runtimes.process.sight import NOTHING, Sight, unusable
from tealmesh.engine.runtimes.process.users import LOW_PORTS, RunAs
from tealmesh.model.errors import EngineError

_SHIM = Path(__file__).with_name("shim.sh")
_LIMITS = Path(__file__).with_name("limits.py")
_SHIM_SECONDS = 10.0
"""Allowed to the shim to report that it has started, or how its container ended."""


@dataclass(frozen=True)
class Program:
    """What to start for a container, at most once ever, in ``directory``/``name``."""

    directory: Path
    """The task's."""
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole environment; nothing is inherited from the control plane."""
    cwd: str = ""
    ulimits: tuple[tuple[str, int, int], ...] = ()
    """(name, soft, hard); -1 for no limit."""
    user: RunAs | None = None
    """None for our own."""
    view: Sight = NOTHING
    """What that user sees of directories that are closed to it."""
    low_ports: bool = False
    """Whether it may listen on ports below 1024, as a container may."""


async def start(program: Program) -> Handle:
    """Start the program, or find the one that was started in its place before. Raises EngineError
    if it cannot be started.
    """
    known = await recover(program.directory, program.name)
    if known is not None:
        return known
    _check_command(program)
    home = program.directory / program.name
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    shim = _spawn(program, home)
    try:
        return await _read_handle(home)
    except EngineError:
        _reap(shim)
        raise


async def recover(directory: Path, name: str) -> Handle | None:
    """The handle of what was started in ``directory``/``name``; None if nothing ever was."""
    home = directory / name
    return await _read_handle(home) if (home / "run").exists() else None


async def wait(handle: Handle) -> int:
    """Wait for the end; return the exit code."""
    await _wait_for_end(handle["pid"], handle["started"], handle["boot"])
    # The shim outlives its process by the time that it takes to write one file.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SHIM_SECONDS):
            await _wait_for_end(handle["shim"], None, handle["boot"])
    _reap(handle["shim"])
    code = _exit_code(Path(handle["home"]))
    return KILLED if code is None else code


async def inspect(handle: Handle) -> ContainerStatus:
    if _alive(handle["pid"], handle["started"], handle["boot"]):
        return ContainerStatus(running=True)
    # Its shim may not have written the exit code yet.
    return ContainerStatus(running=False, exit_code=await wait(handle))


def send_signal(handle: Handle, signum: int) -> None:
    """Send a signal to all processes of the container, if it has not ended."""
    if _alive(handle["pid"], handle["started"], handle["boot"]):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(handle["shim"], signum)


async def stop(handle: Handle, timeout: float) -> int:
    """Send SIGTERM, then SIGKILL after ``timeout`` seconds; return the exit code."""
    send_signal(handle, signal.SIGTERM)
    try:
        async with asyncio.timeout(timeout):
            return await wait(handle)
    except TimeoutError:
        send_signal(handle, signal.SIGKILL)
        return await wait(handle)


async def execute(program: Program, command: Sequence[str], timeout: float) -> int:
    """Run ``command`` with the program's environment and directory; return its exit code, `KILLED`
    if it takes longer than ``timeout`` seconds. Raises EngineError if it cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *_as_user(program, tuple(command)),
            cwd=program.cwd or None,
            env=dict(program.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL character
        raise EngineError(
            f"the health check of container {program.name} cannot be run: {error}"
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
            await _wait_uncancelled(process)


def _check_command(program: Program) -> None:
    """Raise EngineError for what the shell would only mention in the container's log."""
    path = program.environment.get("PATH", os.defpath)
    command = program.command[0]
    problem = command_problem(command, program.cwd, path)
    if not problem and program.user is not None:
        problem = unusable(program.user, command, program.cwd, path, program.view)
    if problem:
        raise EngineError(f"container {program.name}: {problem}")


def command_problem(command: str, directory: str, path: str) -> str:
    """Why a command cannot be run in a directory (empty for our own) with this PATH; empty if it
    can be.
    """
    if "\0" in command + directory:
        return "the command and its working directory must not have a NUL character"
    cwd = Path(directory) if directory else Path.cwd()
    if not cwd.is_dir():
        return f"the working directory {cwd} does not exist: create it or correct the image map"
    if shutil.which(str(cwd / command) if os.sep in command else command, path=path) is None:
        return (
            f"the command {command!r} is not there or not executable: install it or correct the "
            f"image map"
        )
    return ""


def _spawn(program: Program, home: Path) -> int:
    """Start the shim and return its pid. A fork would copy the locks of gRPC's threads."""
    log = os.open(
        log_path(program.directory, program.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )
    if program.user is not None:
        # What writes to /dev/stdout opens it anew.
        os.fchown(log, program.user.uid, program.user.gid)
    try:
        return os.posix_spawn(
            "/bin/sh",
            ["/bin/sh", str(_SHIM), str(home), program.cwd or ".", *_command_line(program)],
            {**program.environment, VARIABLE: str(home)},
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL character, such as in a secret
        raise EngineError(f"container {program.name} cannot be started: {error}") from error
    finally:
        os.close(log)


def _command_line(program: Program) -> tuple[str, ...]:
    """The command, behind a program that sets its limits and its user if it has any."""
    limits = tuple(f"{name}={soft}:{hard}" for name, soft, hard in program.ulimits)
    return _as_user(program, program.command, limits)


def _as_user(
    program: Program, command: tuple[str, ...], limits: tuple[str, ...] = ()
) -> tuple[str, ...]:
    user = program.user
    if user is not None:
        ports = (f"keep={LOW_PORTS}",) if program.low_ports and user.uid != 0 else ()
        limits = (*limits, *program.view.words, *ports, *user.words)
    return (
        (sys.executable, "-I", "-S", str(_LIMITS), *limits, "--", *command) if limits else command
    )


async def _wait_uncancelled(process: asyncio.subprocess.Process) -> None:
    """Wait for a killed process, even if cancelled meanwhile: closing the loop before it has seen
    the end would leak the process's transport.
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


async def _read_handle(home: Path) -> Handle:
    """What the shim writes when it starts, as soon as it has."""
    deadline = asyncio.get_running_loop().time() + _SHIM_SECONDS
    while True:
        # ValueError: an earlier version left it empty, as the disk was full.
        with contextlib.suppress(FileNotFoundError, ValueError):
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
            # It never ran, or its shim was killed at once: a container that has ended.
            return {"home": str(home), "pid": 0, "started": 0, "shim": 0, "boot": ""}
        await asyncio.sleep(0.005)


def _exit_code(home: Path) -> int | None:
    try:
        return int((home / "exit").read_text())
    except (FileNotFoundError, ValueError):
        return None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> int | None:
    """Start time of a living process in clock ticks since boot; None if it has ended."""
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


async def _wait_for_end(pid: int, started: int | None, boot: str) -> None:
    """Wait until the process has ended."""
    with pidfd.opened(pid) as process:
        # Checked once the descriptor is open: from then on the id cannot be reused.
        if process is not None and _alive(pid, started, boot):
            await pidfd.ended(process)


def _reap(pid: int) -> None:
    """Remove the shim from the process table if it is our child; an adopted one is not."""
    if pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
