"""What GetStatus tells of the control plane's own workers: part of `model.wire`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class WorkerTrouble(TypedDict):
    """A worker of the control plane that fails, and is tried again."""

    worker: str
    """What it is, in words."""
    error: str
    """The last line of the error that it failed with last."""
    since: float
    times: int
    """How often it has failed since then."""
    nextTryAt: NotRequired[float]
    """Absent while it is being tried."""
    service: NotRequired[str]
    """The service that it works for; absent if it works for all, or for none."""
