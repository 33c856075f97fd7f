"""Runs the command of a hook: in a process group of its own, bounded in time and output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.model.clock import system_boot
from tealmesh.model.errors import OutsideError
from tealmesh.rollout.hooks.answers import Answer, late, of_command

if TYPE_CHECKING:
    from tealmesh.model.rollout.hooks import ProcessBody

Began = Callable[["ProcessBody"], Awaitable[None]]
"""Called when a command runs, so that it can be found again after a restart."""

_KEPT_BYTES = 16_384
"""Of the output; what is shown are its last lines."""
_GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""
_LOOK_SECONDS = 0.1
_LAST_WORDS_SECONDS = 1.0
"""How long the output of a command that has exited is read, if something else has it open."""


async def run(
    arguments: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    given: bytes,
    limit: float,
    began: Began,
) -> Answer:
    """Run a command with ``given`` on its standard input, for at most ``limit`` seconds. Raises
    `OutsideError` if it cannot be started.
    """
    # The pipe is our own: asyncio's waits for its pipes too, which a background process may keep.
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as standard_input, os.fdopen(reading, "rb") as output:
        standard_input.write(given)
        standard_input.seek(0)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=directory or None,
                env=dict(environment),
                stdin=standard_input,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise OutsideError(f"{arguments[0]} cannot be started: {reason}") from error
        finally:
            os.close(writing)
        kept = bytearray()
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), output
        )
        listening = asyncio.create_task(_keep_end(stream, kept))
        try:
            ticks = _ticks(process.pid)
            if ticks is not None:
                await began({"boot": system_boot()["boot"], "pid": process.pid, "ticks": ticks})
            return await _watched(process, listening, kept, limit)
        finally:
            if process.returncode is None:
                # The deployment does not want to know any more, or the control plane stops.
                await _end_surely(process)
            listening.cancel()
            transport.close()


async def end_former(process: ProcessBody) -> None:
    """End a command that an earlier control plane has left running, with its process group."""
    pid = process["pid"]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(round(_GRACE_SECONDS / _LOOK_SECONDS)):
            if process["boot"] != system_boot()["boot"] or _ticks(pid) != process["ticks"]:
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
            await asyncio.sleep(_LOOK_SECONDS)


def _ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # The fields after the name begin with the third; a zombie has ended.
    return None if fields[0] == "Z" else int(fields[19])


async def _watched(
    process: asyncio.subprocess.Process,
    listening: asyncio.Task[None],
    kept: bytearray,
    limit: float,
) -> Answer:
    try:
        async with asyncio.timeout(limit):
            code = await process.wait()
    except TimeoutError:
        await _end(process)
        return late(limit, bytes(kept))
    await asyncio.wait([listening], timeout=_LAST_WORDS_SECONDS)
    return of_command(code, bytes(kept))


async def _keep_end(stream: asyncio.StreamReader, kept: bytearray) -> None:
    while chunk := await stream.read(65_536):
        kept += chunk
        del kept[:-_KEPT_BYTES]


async def _end_surely(process: asyncio.subprocess.Process) -> None:
    """End it also if this is cancelled meanwhile, as by the end of a control plane that has just
    aborted the deployment; then at once.
    """
    ending = asyncio.create_task(_end(process))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        _signal(process, signal.SIGKILL)
        await ending
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the whole process group."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
