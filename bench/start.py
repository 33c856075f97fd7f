"""How long ``teal --help`` and ``teal up`` take to start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
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
    imports = median_seconds(lambda: _run(sys.executable, "-c", _LIBRARIES), 5)
    ready = quantile([_up() for _ in range(6)][1:], 0.5)
    return [
        Measurement("teal --help", shown * 1000, "ms", bare * 1000, "python, import click", 150),
        Measurement("teal up, ready", ready, "s", imports, "python, import its libraries", 1.5),
    ]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _up() -> float:
    with tempfile.TemporaryDirectory() as directory:
        plane = ControlPlane(Path(directory))
        start = time.perf_counter()
        plane.start()
        taken = time.perf_counter() - start
        plane.down()
        return taken
