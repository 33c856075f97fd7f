"""Commands in processes of their own, forked from one that has imported what they need already.

Importing a control plane, or the AWS CLI, takes more of the processor than most tests need for all
the rest. What runs is the same: the command's own `main` with its arguments, environment, signals
and sockets. Tests of `tests/cli` that look at terminals, streams and signals start the installed
program.

The workers of a run share that process (`forking`), which ends with the last of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.support.machine import REPOSITORY
from tests.support.planes.forking import LARGEST, Order

PROGRAMS = {
    "teal": "tealmesh.cli.main",
    "aws": "awscli.clidriver",
    "load": "tealmesh.cli.demo.load",
    "killed_plane": "tests.e2e.killed_plane",
    "shifted": "tests.drills.shifted",
}
"""The module with the `main` of each."""

PRELOADED = (
    *PROGRAMS.values(),
    "tealmesh.cli.commands.plane.run",
    "tealmesh.cli.commands.plane.serve",
    "tealmesh.app.control_plane",
    "tealmesh.app.serve",
    "moto.moto_server.werkzeug_app",
    "moto.ec2.responses",
    "moto.elbv2.responses",
)
"""What they import, also at ``teal up``'s first requests to moto."""

_NAME = os.environ.setdefault("TEALMESH_TEST_WARM", f"tealmesh-warm-{os.getpid()}-{time.time()}")
"""Where that process listens. Workers of xdist inherit it."""

_BEGIN = """
import os, sys
sys.path[0] = os.getcwd()
from tests.support.planes.forking import begin
begin(*sys.argv[1:])
"""
"""Not by ``-m``: programs take their own name from that."""

_held: set[socket.socket] = set()
"""The connections of what runs: whose connection ends is ended."""

Stream = Path | int | None
"""A file that is appended to, a file descriptor, or None for the stream of this process."""


class Forked:
    """A process as `subprocess.Popen` has it, as far as tests ask."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Stream,
        errors: Stream,
        directory: Path | None = None,
        given: Stream = Path(os.devnull),
    ) -> None:
        """``given`` is its standard input."""
        self.args = list(command)
        self._code: int | None = None
        order: Order = {
            "module": PROGRAMS[self.args[0]],
            "command": self.args,
            "environment": dict(environment),
            "directory": str(directory or Path.cwd()),
        }
        _alive()
        self._told = _connected()
        _held.add(self._told)
        with contextlib.ExitStack() as opened:
            streams = [
                _opened(stream, number, opened)
                for number, stream in enumerate((given, output, errors))
            ]
            socket.send_fds(self._told, [json.dumps(order).encode()], streams)
        self.pid = int(self._told.recv(LARGEST))

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            self._told.settimeout(timeout)
            try:
                told = self._told.recv(LARGEST)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            assert told, f"the process that {self.args} was forked from is gone"
            self._code = int(told)
            self._told.close()
            _held.discard(self._told)
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout: float,
    directory: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command of `PROGRAMS` in ``directory``, else in this process's, to its end. Raises
    TimeoutExpired.
    """
    with tempfile.TemporaryDirectory() as place:
        output, errors = Path(place) / "output", Path(place) / "errors"
        process = Forked(command, environment, output, errors, directory)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(
            process.args, code, output.read_text(), errors.read_text()
        )


def _opened(stream: Stream, number: int, opened: contextlib.ExitStack) -> int:
    """A file descriptor for the stream of this number."""
    if isinstance(stream, Path):
        how = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(stream, how, 0o600)
        opened.callback(os.close, descriptor)
        return descriptor
    return number if stream is None else stream


@cache
def _alive() -> socket.socket:
    """The connection that keeps the process alive for as long as this one is."""
    # Where costs are counted, what is forked belongs to the worker that asked for it.
    name = f"{_NAME}-{os.getpid()}" if "TEALMESH_TEST_COST" in os.environ else _NAME
    os.environ["TEALMESH_TEST_WARM"] = name
    try:
        return _connected()
    except ConnectionRefusedError:
        command = [sys.executable, "-c", _BEGIN, name, *PRELOADED]
        begun = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL)
        begun.returncode = 0  # It ends by itself, after all who are connected.
    deadline = time.monotonic() + 60
    while True:
        try:
            return _connected()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"{command} does not listen"
            time.sleep(0.02)


def _connected() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        made.connect(f"\0{os.environ['TEALMESH_TEST_WARM']}")
    except OSError:
        made.close()
        raise
    return made
