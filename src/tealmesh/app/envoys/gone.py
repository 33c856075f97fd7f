"""Which Envoys will never connect again, as far as the store tells."""

from __future__ import annotations

from tealmesh.model.arn import task_of
from tealmesh.model.clock import SteadyClock
from tealmesh.store import Store, tables

MISSING_SECONDS = 15.0
"""A task that is not in the store is gone after so long. What runs in an ECS elsewhere is looked at
each 5 s, so a task that has just begun is there by then; its Envoy may be on its way from a replica
that has died."""
_KEPT_SECONDS = 600.0
"""For so long after it was asked for last, one that is missing is remembered."""


class Gone:
    """Of one control plane."""

    def __init__(self, store: Store, clock: SteadyClock) -> None:
        self._store = store
        self._clock = clock
        self._missing: dict[str, tuple[float, float]] = {}
        """By Envoy, since when its task is known to be missing, and when that was seen last."""

    def __call__(self, envoy: str) -> bool:
        """Whether an Envoy is of a task that has stopped, or that its cluster, of which others are
        known, has not had for a while.
        """
        task = task_of(envoy)
        if task is None:
            return False
        view, now = self._store.view, self._clock()
        document = view.get(tables.TASKS, *task)
        if document is not None:
            self._missing.pop(envoy, None)
            return document.body["lastStatus"] == "STOPPED"
        if not view.list(tables.TASKS, task[0]):
            return False
        since, seen = self._missing.get(envoy, (now, now))
        since = now if now - seen > _KEPT_SECONDS else since
        self._missing[envoy] = since, now
        self._forget(now)
        return now - since >= MISSING_SECONDS

    def _forget(self, now: float) -> None:
        if len(self._missing) > 1000:
            self._missing = {
                envoy: (since, seen)
                for envoy, (since, seen) in self._missing.items()
                if now - seen <= _KEPT_SECONDS
            }
