"""Waiting for what a test has caused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


FIRST, LAST = 0.02, 0.25
"""Seconds between two looks: what comes soon is seen soon, and to look for long is not dear."""


def until(
    look: Callable[[], T],
    why: Callable[[], object] = str,
    seconds: float = 60,
    pause: float | None = None,
) -> T:
    """Wait until ``look`` returns something true, and return that. Fails with ``why`` after
    ``seconds``. ``pause``: between two looks, for what is true for a moment only.
    """
    deadline = time.monotonic() + seconds
    wait = FIRST
    while not (seen := look()):
        assert time.monotonic() < deadline, why()
        time.sleep(wait if pause is None else pause)
        wait = min(wait * 1.5, LAST)
    return seen
