"""This machine, as tests use it: the checkout, installed programs and free ports."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

BIN = Path(sys.executable).parent
"""The programs of the virtual environment: ``teal``, ``envoy``, ``aws`` (version 1)."""


def _ports() -> Iterator[int]:
    """Ports below Linux's ephemeral ones (32768 and above), a range for each worker."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")) % 10
    ports = range(12000 + 2000 * worker, 14000 + 2000 * worker)
    begin = os.getpid() % len(ports)
    return itertools.cycle((*ports[begin:], *ports[:begin]))


_candidates = _ports()


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port on which nothing listens, and which no other test of this run will be given."""
    while True:
        port = next(_candidates)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((address, port))
            return port
