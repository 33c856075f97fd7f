"""``teal up`` in processes of their own that are forked from one which has imported it already.

Importing a control plane takes more of the processor than most tests need for all the rest. What
runs is the same: the command's own `main` with its arguments, environment, signals and sockets.
`tests/cli/commands/test_run.py` and others start the installed program.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

PRELOADED = (
    "tealmesh.cli.commands.run",
    "tealmesh.app.control_plane",
    "moto.moto_server.werkzeug_app",
)
"""What ``teal up`` imports, and what it imports for its first request to moto."""


class Forked:
    """A process as `subprocess.Popen` has it, as far as tests ask."""

    def __init__(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._process: BaseProcess = _server().Process(
            target=_run,
            args=(list(arguments), str(log.resolve()), dict(environment), os.getcwd()),
            daemon=True,
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("teal", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _run(arguments: list[str], log: str, environment: dict[str, str], directory: str) -> None:
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.close(written)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["teal", *arguments]

    from tealmesh.cli.main import main

    main()
