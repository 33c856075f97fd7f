"""How often one principal may call, so that none can take the machine from the others. Pure."""

from __future__ import annotations

from dataclasses import dataclass

RATE = 500.0
"""Calls a second that a principal may go on making."""

BURST = 2000.0
"""Calls that it may make at once."""

_MOST = 1000
"""Principals that are remembered; a forgotten one begins with a whole burst."""


@dataclass
class _Bucket:
    left: float
    at: float


class Buckets:
    """A token bucket for each principal, by its name."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, now: float) -> bool:
        """Whether the principal may make one more call at ``now``, in seconds."""
        bucket = self._buckets.pop(name, None) or _Bucket(self._burst, now)
        left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
        may = left >= 1
        # Put back as the newest, so that who has not called for longest is forgotten first.
        self._buckets[name] = _Bucket(left - 1 if may else left, now)
        if len(self._buckets) > _MOST:
            del self._buckets[next(iter(self._buckets))]
        return may
