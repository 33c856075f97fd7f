"""Commands in processes of their own, forked from one that has imported what they need already.

Importing a control plane, or the AWS CLI, takes more of the processor than most tests need for all
the rest. What runs is the same: the command's own `main` with its arguments, environment, signals
and sockets. Tests of `tests/cli` that look at terminals, streams and signals start the installed
program.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

PROGRAMS = {
    "teal": "tealmesh.cli.main",
    "aws": "awscli.clidriver",
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
    "tests.support.planes.frozen",
)
"""What they import, also at ``teal up``'s first request to moto; `frozen` is the last."""


class Forked:
    """A process as `subprocess.Popen` has it, as far as tests ask."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Path,
        errors: Path,
        directory: Path | None = None,
    ) -> None:
        self.args = list(command)
        self._process: BaseProcess = _server().Process(
            target=_run,
            args=(
                self.args,
                dict(environment),
                str(directory or Path.cwd()),
                str(output),
                str(errors),
            ),
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
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


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


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _run(
    command: list[str], environment: dict[str, str], directory: str, output: str, errors: str
) -> None:
    for stream, path in ((1, output), (2, errors)):
        written = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(written, stream)
        os.close(written)
    # The AWS CLI sets this where it is imported, as its own way to its models.
    kept = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]} if command[0] == "aws" else {}
    os.environ.clear()
    os.environ.update({**kept, **environment})
    os.chdir(directory)
    sys.argv = list(command)
    sys.exit(importlib.import_module(PROGRAMS[command[0]]).main())
