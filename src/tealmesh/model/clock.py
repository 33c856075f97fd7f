"""Time and identity, as arguments."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

Clock = Callable[[], float]
"""Now, in seconds since the epoch."""

NewId = Callable[[], str]
"""A fresh identifier: 32 lower-case hexadecimal digits."""


def random_id() -> str:
    """A fresh random identifier of 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


system_clock: Clock = time.time
