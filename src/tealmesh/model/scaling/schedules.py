"""Schedules of scheduled actions: ``at(…)``, ``rate(…)`` and ``cron(…)``. Pure.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tealmesh.model.scaling.cron import Cron

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_FORMS = "must be at(yyyy-mm-ddThh:mm:ss), rate(5 minutes) or cron(0 9 * * ? *)"


@dataclass(frozen=True)
class Schedule:
    """A parsed schedule: one of the three is set."""

    zone: ZoneInfo
    at: datetime | None = None
    """Local time."""
    every: float = 0.0
    """Seconds."""
    cron: Cron | None = None

    @classmethod
    def parse(cls, text: str, timezone: str = "") -> Schedule:
        """Raises ValueError, which says what is wrong."""
        try:
            zone = ZoneInfo(timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"Timezone = {timezone!r}: must be a name such as Europe/Berlin"
            ) from error
        match = re.fullmatch(r"\s*(at|rate|cron)\((.+)\)\s*", text)
        if match is None:
            raise ValueError(f"Schedule = {text!r}: {_FORMS}")
        kind, inner = match.groups()
        try:
            if kind == "cron":
                return cls(zone, cron=Cron.parse(inner))
            if kind == "rate":
                return cls(zone, every=_seconds(inner))
            return cls(zone, at=datetime.strptime(inner.strip(), "%Y-%m-%dT%H:%M:%S"))
        except ValueError as error:
            raise ValueError(f"Schedule = {text!r}: {error}") from error

    def following(self, after: float, begin: float, end: float | None = None) -> float | None:
        """The first time later than ``after``, not before ``begin`` and not after ``end``; None
        if there is none. All in seconds since the epoch.
        """
        after = max(after, begin - 1e-3)
        found: float | None = None
        if self.at is not None:
            found = self._epoch(self.at)
        elif self.every:
            found = begin + self.every * (max(0, (after - begin) // self.every) + 1)
        elif self.cron is not None:
            local = datetime.fromtimestamp(after, self.zone).replace(tzinfo=None)
            times = map(self._epoch, self.cron.following(local))
            # Where the clock is put back, a local time comes twice.
            found = next((one for one in times if one > after), None)
        if found is None or found <= after or (end is not None and found > end):
            return None
        return found

    def _epoch(self, local: datetime) -> float:
        return local.replace(tzinfo=self.zone).timestamp()


def _seconds(text: str) -> float:
    match = re.fullmatch(r"\s*(\d{1,9})\s+(minute|hour|day)(s?)\s*", text)
    if match is None or not int(match[1]) or (match[1] == "1") == bool(match[3]):
        raise ValueError("must be a number of minutes, hours or days, such as 1 hour or 5 minutes")
    return float(int(match[1]) * _UNITS[match[2]])
