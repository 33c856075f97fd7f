"""How many questions an account may ask: a token bucket that becomes slower where AWS throttles.

https://docs.aws.amazon.com/cloud-map/latest/dg/throttling.html
"""

from __future__ import annotations

_SLOWEST = 1.0
"""Questions a second that are left when AWS goes on throttling."""
_RECOVERY_SECONDS = 60.0
"""From the slowest rate back to the whole one."""
_ROUNDING = 1e-6
"""Of a question: so that one may be asked at `Budget.free_at`."""


class Budget:
    """``rate`` questions a second, and as many at once after a pause. Times are in seconds."""

    def __init__(self, rate: float) -> None:
        self._whole = rate
        self._rate = rate
        self._tokens = rate
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether a question may be asked now; counts it."""
        self._pass(now)
        if self._tokens < 1.0 - _ROUNDING:
            return False
        self._tokens -= 1.0
        return True

    def free_at(self, now: float) -> float:
        """When a question may be asked next."""
        self._pass(now)
        return now + max(0.0, 1.0 - self._tokens) / self._rate

    def throttled(self, now: float) -> None:
        """AWS has refused a question because there were too many: ask half as often, and nothing
        for a moment.
        """
        self._pass(now)
        self._rate = max(_SLOWEST, self._rate / 2.0)
        self._tokens = 0.0

    def _pass(self, now: float) -> None:
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._rate = min(self._whole, self._rate + passed * self._whole / _RECOVERY_SECONDS)
        self._tokens = min(max(1.0, self._rate), self._tokens + passed * self._rate)
