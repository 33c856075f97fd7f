"""Forgets old data of CloudWatch's metrics, of which moto keeps every datum for ever.

Services publish some each minute, so a control plane that runs for weeks would be full of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

KEPT = timedelta(days=1)
MOST = 200_000
"""Data of a region that are kept at most."""


def forget_old(now: float) -> None:
    """Forget what is older than `KEPT`, and the oldest beyond `MOST`. ``now``: seconds since the
    epoch. moto must be loaded.
    """
    from moto.cloudwatch.models import cloudwatch_backends

    limit = datetime.fromtimestamp(now, UTC) - KEPT
    for regions in list(cloudwatch_backends.values()):
        backends: list[Any] = list(regions.values())
        for backend in backends:
            data = backend.metric_data
            old = max(0, len(data) - MOST)
            while old < len(data) and _aware(data[old].timestamp) < limit:
                old += 1
            # In one step, since other threads append.
            del data[:old]


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
