"""The process that starts moto's: forked early, with one thread, so that it can fork at any time.

The control plane has threads that hold locks, and a fork of it would be stuck. The keeper does one
thing: told to begin, it ends the worker that there may be, imports moto if it has not yet, forks a
worker and tells its id. Should the keeper itself be gone, another is started as a new program.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypedDict

from tealmesh.aws.moto.apart import limits, worker

log = logging.getLogger(__name__)

_MODULE = "tealmesh.aws.moto.apart"
_IMPORTED = "moto.moto_server.werkzeug_app"
"""What takes a second to import, and is the same for every worker."""

_ORDER = b"begin"
_LARGEST = 4096


@dataclass(frozen=True)
class Settings:
    """Of moto's process."""

    journal: Path
    memory: int = 2 << 30
    """What it may take, in bytes."""
    ports: tuple[int, ...] = ()
    """Those of loopback that it must not reach."""
    level: int = logging.INFO
    """Of its log."""

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "journal": str(self.journal)})

    @classmethod
    def from_json(cls, text: str) -> Settings:
        given = json.loads(text)
        return replace(cls(**given), journal=Path(given["journal"]), ports=tuple(given["ports"]))


class Begun(TypedDict):
    """What the keeper tells of a worker that it has started."""

    pid: int
    ended: str
    """How the worker before it has ended; empty if there was none."""


class Keeper:
    """The control plane's hold of its keeper."""

    def __init__(self, settings: Settings, control: socket.socket, pid: int) -> None:
        control.setblocking(False)
        self._settings = settings
        self._control = control
        self._pid = pid

    async def begin(self, channels: Sequence[socket.socket]) -> Begun:
        """End moto's process, if there is one, and start another, which serves ``channels``. Raises
        OSError if that is not possible.
        """
        try:
            return await self._order(channels)
        except (OSError, EOFError):
            log.warning("the keeper of moto's process (process %d) is gone: another", self._pid)
            self._begin_anew()
            try:
                return await self._order(channels)
            except EOFError as error:
                raise OSError("the keeper of moto's process ends at once") from error

    def close(self) -> None:
        """End it with its worker."""
        self._control.close()
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)  # its worker ends with it
            os.waitpid(self._pid, 0)
            self._pid = 0

    async def _order(self, channels: Sequence[socket.socket]) -> Begun:
        socket.send_fds(self._control, [_ORDER], [channel.fileno() for channel in channels])
        answer = await asyncio.get_running_loop().sock_recv(self._control, _LARGEST)
        if not answer:
            raise EOFError
        begun: Begun = json.loads(answer)
        return begun

    def _begin_anew(self) -> None:
        """By a new program: this process has threads by now."""
        self.close()
        ours, theirs = _pair()
        with theirs:
            command = [sys.executable, "-m", _MODULE, str(theirs.fileno())]
            command.append(self._settings.to_json())
            started = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self._control, self._pid = ours, started.pid
        self._control.setblocking(False)
        started.returncode = 0  # `close` waits for it


@contextlib.contextmanager
def forked(settings: Settings) -> Iterator[Keeper]:
    """A keeper for as long as the block runs. This process must have no other threads yet."""
    ours, theirs = _pair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            limits.alone(theirs.fileno())
            keep(theirs, settings, parent)
        except BaseException:
            log.exception("the keeper of moto's process has failed")
        finally:
            os._exit(1)
    theirs.close()
    keeper = Keeper(settings, ours, pid)
    try:
        yield keeper
    finally:
        keeper.close()


def keep(control: socket.socket, settings: Settings, parent: int) -> None:
    """Start workers as told, until the control plane, process ``parent``, closes its end."""
    limits.named("teal-keeper")
    limits.end_with(parent)
    running = 0
    while True:
        order, received, _, _ = socket.recv_fds(control, _LARGEST, 64)
        if order != _ORDER:
            _end(running)
            return
        ended = _end(running)
        importlib.import_module(_IMPORTED)
        ours = os.getpid()
        running = os.fork()
        if running == 0:
            _work(control, received, settings, ours)
        for descriptor in received:
            os.close(descriptor)
        control.sendall(json.dumps(Begun(pid=running, ended=ended)).encode())


def _work(control: socket.socket, received: list[int], settings: Settings, parent: int) -> None:
    """The worker's life. Does not return."""
    try:
        control.close()
        limits.named("teal-moto")
        limits.end_with(parent)
        channels = [socket.socket(fileno=descriptor) for descriptor in received]
        limits.apply(settings.memory, settings.ports)
        worker.serve(channels, settings.journal)
    except BaseException:
        log.exception("moto's process has failed")
    finally:
        os._exit(1)


def _end(pid: int) -> str:
    """End a worker and say how it ended, if it has by itself."""
    if pid == 0:
        return ""
    # It may be stuck where no other signal reaches it.
    os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
