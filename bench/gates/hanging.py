"""Streams in which requests get no answer: what a window sees of them while they are open, and as
failures once their route's time limit is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from bench.gates.streams import SECONDS, Scenario
from bench.gates.twin import Array, Seen

TIMEOUT = 15
"""Seconds until a request that hangs is answered with 504: App Mesh's default."""

_LOOK_BACK = 60
"""Seconds in which the fewest requests in flight are looked for (`metrics.samples`)."""


@dataclass(frozen=True)
class Hanging:
    """How requests hang, and how long the others take."""

    old: float = 0.0
    """The share of the old side's requests that never get an answer."""
    new: float = 0.0
    latency: float = 0.1
    """Seconds until the others are answered: so many are in flight at any time."""


@dataclass
class _Side:
    """What is open of one side's requests."""

    hung: Array
    """Those that hang, by release and by the second in which they began, of the last `TIMEOUT`."""
    lately: list[Array] = field(default_factory=list)
    """All open requests, by second."""
    open: Array | None = None
    """`SideWindow.open` at the end of the last window."""

    def window(
        self,
        rate: float,
        share: float,
        scenario: Scenario,
        latency: float,
        random: np.random.Generator,
    ) -> tuple[Array, Array, Array]:
        """Requests that ended, failures by second, and all that are open at the end."""
        releases = len(self.hung)
        begun = random.poisson(rate, (releases, SECONDS))
        hung = random.binomial(begun, share).astype(np.float64)
        both = np.concatenate([self.hung, hung], 1)
        timed_out = both[:, :SECONDS]
        failed = random.binomial(begun, scenario.base) + timed_out
        under_way = random.poisson(rate * latency, (releases, SECONDS))
        for second in range(SECONDS):
            still = both[:, second + 1 : second + 1 + TIMEOUT].sum(1)
            self.lately.append(still + under_way[:, second])
        self.lately = self.lately[-_LOOK_BACK:]
        self.hung = both[:, SECONDS:]
        ended = begun.sum(1) - hung.sum(1) + timed_out.sum(1)
        return ended, failed, self.lately[-1]


def windows(
    scenario: Scenario, hanging: Hanging, releases: int, random: np.random.Generator
) -> Iterator[tuple[int, list[Seen]]]:
    """The windows of so many releases: failures, and what `observing.unanswered` makes of requests
    without an answer.
    """
    old, new = (_Side(np.zeros((releases, TIMEOUT))) for _ in range(2))
    for step, (share, minutes) in enumerate(scenario.steps):
        for _ in range(round(minutes * 60 / SECONDS)):
            rate = scenario.rate / 60
            ended, failed, active = old.window(
                rate * (1 - share), hanging.old, scenario, hanging.latency, random
            )
            ended_new, failed_new, active_new = new.window(
                rate * share, hanging.new, scenario, hanging.latency, random
            )
            before = np.zeros(releases) if new.open is None else new.open
            new.open = active_new - np.stack(new.lately).min(0)
            hang = np.maximum(0.0, new.open - before)
            began = np.maximum(ended_new + new.open - before, hang)
            unanswered = Seen(np.maximum(ended, active), began, active[:, None], hang[:, None])
            yield step, [Seen(ended, ended_new, failed, failed_new), unanswered]
