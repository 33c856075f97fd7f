"""Waiting for what a test has caused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    look: Callable[[], T], why: Callable[[], object] = str, seconds: float = 60, pause: float = 0.1
) -> T:
    """Wait until ``look`` returns something true, and return that. Fails with ``why`` after
    ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, why()
        time.sleep(pause)
    return seen
