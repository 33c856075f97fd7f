"""Time and identifiers as arguments: whoever needs one is handed a `Clock` or a `NewId`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns the time in seconds since the epoch."""

NewId = Callable[[], str]
"""Returns a new identifier of 32 lower-case hexadecimal digits."""


def random_id() -> str:
    """A random identifier of 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


system_clock: Clock = time.time
