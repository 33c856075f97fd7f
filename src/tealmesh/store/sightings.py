"""What moments mean that another machine has stored.

Clocks of two machines share no beginning. A moment that is seen lies in the past, so the moment it
is first seen at bounds it: ``offset = seen here - stored there`` is never less than the true
difference of the two clocks, and the smallest one that was ever found is the best. Replicas follow
each other's commits, each with the moment of its commit, within milliseconds: the smallest is
hardly larger than the truth. A wait judged by it ends late by that much, and never early.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tealmesh.model.clock import MomentBody


class Sightings:
    """The clocks of other boots as this boot has seen them. Used by several threads: they may lose
    a sighting to one another, which only leaves an offset larger.
    """

    def __init__(self, offsets: Mapping[str, float]) -> None:
        self._offsets = dict(offsets)
        self._news: set[str] = set()

    def placed(self, stored: MomentBody, now: float) -> float:
        """Where a moment of another boot is on this one's clock, which shows ``now``. It is seen by
        that, if it had not been.
        """
        return stored["at"] + self.see(stored, now)

    def see(self, stored: MomentBody, now: float) -> float:
        """Take notice that ``stored`` is not later than ``now``; the smallest offset until now."""
        offset = now - stored["at"]
        known = self._offsets.get(stored["boot"], float("inf"))
        if offset < known:
            self._offsets[stored["boot"]] = offset
            self._news.add(stored["boot"])
        return min(offset, known)

    def forget(self, boots: Iterable[str]) -> None:
        """Know nothing of these boots, until a moment of theirs is seen."""
        for boot in boots:
            self._news.discard(boot)
            self._offsets.pop(boot, None)

    def news(self) -> dict[str, float]:
        """The offsets that have changed since this was last asked, by boot."""
        news, self._news = self._news, set()
        return {boot: self._offsets[boot] for boot in news if boot in self._offsets}
