"""How long ``teal --help`` and ``teal up`` take to start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.support.machine import BIN
from tests.support.planes.control_plane import ControlPlane

from bench.measurement import Measurement, median_seconds, quantile

_LIBRARIES = "import grpc.aio, sqlalchemy, starlette.applications, uvicorn, botocore.session"


def measure() -> list[Measurement]:
    """``teal --help`` compared with importing click; ``teal up`` until it answers compared with
    importing its libraries.
    """
    bare = median_seconds(lambda: _run(sys.executable, "-c", "import click"), 7)
    shown = median_seconds(lambda: _run(str(BIN / "teal"), "--help"), 7)
    # A name of a command, its options, and all commands, of which each module is imported.
    words = ("teal dep", "teal status --", "teal ")
    completed = max(median_seconds(partial(_complete, line), 7) for line in words)
    imports = median_seconds(lambda: _run(sys.executable, "-c", _LIBRARIES), 5)
    ready = quantile([_up() for _ in range(6)][1:], 0.5)
    return [
        Measurement("teal --help", shown * 1000, "ms", bare * 1000, "python, import click", 150),
        Measurement(
            "teal, completion", completed * 1000, "ms", bare * 1000, "python, import click", 150
        ),
        Measurement("teal up, ready", ready, "s", imports, "python, import its libraries", 1.5),
    ]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _complete(line: str) -> None:
    """What bash asks for when somebody presses Tab at the end of the line."""
    asked = {"_TEAL_COMPLETE": "bash_complete", "COMP_WORDS": line}
    asked["COMP_CWORD"] = str(len(line.split(" ")) - 1)
    told = subprocess.run(
        [BIN / "teal"], env={**os.environ, **asked}, check=True, capture_output=True
    )
    if not told.stdout:
        raise RuntimeError(f"nothing completes {line!r}")


def _up() -> float:
    with tempfile.TemporaryDirectory() as directory:
        plane = ControlPlane(Path(directory))
        start = time.perf_counter()
        plane.start()
        taken = time.perf_counter() - start
        plane.down()
        return taken
