"""What GetStatus tells of the control plane's own workers, and of the other control planes: part of
`model.wire`."""

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


class ControlPlaneStatus(TypedDict):
    """One of the control planes on a database, as the one that answers knows it."""

    address: str
    """Where the others reach it; empty if it was not told."""
    standing: str
    """``alive``, ``unknown`` (it is silent), ``cut off`` (it answers, and has no database), or
    ``dead``, which is told for five minutes, unless another one has come at its address."""
    envoys: int
    """That it serves, or served last."""
    silentSeconds: NotRequired[float]
    """How long it has said nothing; absent while it is alive."""
    here: NotRequired[bool]
    """True for the one that answers."""
