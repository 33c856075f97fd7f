"""Whether the database is away, or answers and takes no writes. Told by whoever uses it, in any
thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

QUIET_SECONDS = 10.0
"""A database takes writes again when it has taken one and refused none for so long. On a full disk
a small one may succeed between two that fail."""


class Outage:
    """Whether the database does not answer, why, and since when."""

    def __init__(self) -> None:
        self._known: tuple[float, str] | None = None

    def begins(self, reason: str) -> None:
        """It does not answer, or not as it should."""
        since = time.monotonic() if self._known is None else self._known[0]
        self._known = since, reason

    def ends(self) -> None:
        """It has answered."""
        self._known = None

    @property
    def reason(self) -> str:
        """Why it is away; empty while it is not."""
        known = self._known
        return known[1] if known is not None else ""

    def lasts(self, seconds: float) -> bool:
        """Whether it has been away for longer than ``seconds``."""
        known = self._known
        return known is not None and time.monotonic() - known[0] > seconds


class Refusing:
    """Whether a database that answers refuses what is written, and why."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, str] | None = None
        """The last refusal, until it is long over."""
        self._taken = False
        """Whether a write has succeeded since."""

    def failed(self, reason: str) -> bool:
        """It has refused a write; whether that is news: it took them, or was never asked."""
        began = self._last is None
        self._last, self._taken = (self._clock(), reason), False
        return began

    def succeeded(self) -> bool:
        """It has taken a write; whether it takes them again with that."""
        self._taken = True
        if self._last is None or self.reason:
            return False
        self._last = None
        return True

    @property
    def reason(self) -> str:
        """Why it refuses writes; empty while it takes them."""
        last = self._last
        if last is None:
            return ""
        quiet = self._taken and self._clock() - last[0] >= QUIET_SECONDS
        return "" if quiet else last[1]
