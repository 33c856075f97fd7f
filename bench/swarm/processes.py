"""Programs of the bench that are told what to do by lines, and answer in JSON."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Process:
    """A program of the bench."""

    def __init__(self, module: str, *arguments: str, tree: Path | None = None) -> None:
        """``tree``: another one's files, whose module it is."""
        argv = [sys.executable, "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": f"{tree / 'src'}:{tree}"} if tree else None
        self._program = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tree, env=environment
        )

    def say(self, line: str) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(f"{line}\n".encode())
        self._program.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Its next answer. Raises RuntimeError if it has ended."""
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._program.args!r} has ended: {self._program.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: str) -> dict[str, Any]:
        self.say(line)
        return self.hear()

    def close(self) -> None:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.close()
        try:
            self._program.wait(20)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
        self._program.stdout.close()


@contextlib.contextmanager
def process(module: str, *arguments: str, tree: Path | None = None) -> Iterator[Process]:
    """Run a module until the end of the block."""
    made = Process(module, *arguments, tree=tree)
    try:
        yield made
    finally:
        made.close()
