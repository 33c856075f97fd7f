"""What the comparison of one metric is to decide, and how sure it must be."""

from __future__ import annotations

from dataclasses import dataclass, replace

WORSE = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
"""How many times as many bad requests the new side may have, of those that FAIL bets on."""

WORSE_WEIGHTS = (0.10, 0.25, 0.30, 0.20, 0.10, 0.03, 0.02)
"""The share of the capital on each of `WORSE`."""

ALIKE = (0.25, 0.5, 0.8, 1.0, 1.2)
"""The same for PASS by comparison, each beside `INFERIOR`."""

ALIKE_WEIGHTS = (0.05, 0.1, 0.25, 0.4, 0.2)
"""The share of the capital on each of `ALIKE`: most new versions are as good as the old one."""

INFERIOR = 2.0
"""PASS by comparison says that the new side has not this many times the old one's bad requests."""


@dataclass(frozen=True)
class Settings:
    """The comparison of one metric."""

    alpha: float = 0.01
    """How many of the new sides that are no worse may be rolled back by it, 0 to 1: the metric's
    part of the whole."""
    beta: float = 0.05
    """How many of the new sides that are clearly worse may be passed by it, 0 to 1."""
    margin: float = 0.0
    """How much worse the new side may be: with 0.1, a share of bad requests 1.1 times as large."""
    allowed: float | None = None
    """The share of bad requests, 0 to 1, that shows a new side good when its own is below it,
    whatever the old side's: ``1 - success_rate``. None if there is no such share."""
    pass_needed: bool = True
    """Whether there must be evidence that the new side is no worse. Otherwise it passes as long as
    there is none that it is."""

    def split(self, metrics: int) -> Settings:
        """The settings of each of so many metrics, which share ``alpha``."""
        return replace(self, alpha=self.alpha / max(1, metrics))

    @property
    def tolerated(self) -> float:
        """The ratio of bad shares that is still no worse, at least 1."""
        return 1.0 + self.margin
