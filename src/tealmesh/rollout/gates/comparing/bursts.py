"""How the old side's failures come: one by one, or in bursts, and how long those last.

If failures come in bursts, a bet for each of them is over-confident. The old side shows it before:
a failure is then followed by more in the next second, or in the next window, than chance would
have. The length of the next cell follows from that. Only what happened before a cell decides about
it, so bets stay fair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from tealmesh.model.teal import known_members
from tealmesh.rollout.gates.comparing.bodies import BurstsBody

WINDOWS_OF_A_LONG_CELL = 6
"""About a minute."""

SHORT_BURSTS = 0.15
"""Followers per failure among seconds, above which a cell is no second any more."""

LONG_BURSTS = 0.4
"""Followers per failure within `LATER`, above which a cell is no single window any more."""

LATER = range(3, 10)
"""By how many seconds a failure follows another one in a burst that lasts long: some would go on in
the next window."""

PRIOR = 2.0
"""As many failures are assumed at first: half of them with a follower in the next second, and none
with a later one."""

KEPT = 0.5 ** (1 / 30)
"""What of the past still counts after another window: half of it after 30, some five minutes."""

HEAVIEST = 20.0
"""A window with more failures weighs no more than with so many: no outage decides alone."""

MOST_FOLLOWERS = 3.0
"""A window shows no more followers per failure than so many, for the same reason."""

FEWEST_SECONDS = 6
"""In fewer, nothing is seen of bursts."""


class Length(IntEnum):
    """How long a cell is."""

    SECOND = 0
    WINDOW = 1
    MINUTE = 2


@dataclass(frozen=True)
class Bursts:
    """What the old side has shown so far. All sums forget slowly."""

    failures: float = 0.0
    """Bad requests in windows whose seconds are known."""
    followers: float = 0.0
    """Pairs of bad requests in adjacent seconds, beyond chance."""
    together: float = 0.0
    """Ordered pairs of bad requests up to two seconds apart, beyond chance."""
    long_failures: float = 0.0
    """Bad requests in whole minutes."""
    long_followers: float = 0.0
    """Pairs of bad requests that are as far apart as `LATER`, beyond chance."""
    minute: tuple[int, ...] = ()
    """Bad requests in the seconds of the minute that has begun."""
    windows: int = 0
    """How many windows that minute has so far."""
    sizes: float = 0.0
    """Bad requests in all parts."""
    parts: float = 0.0
    """Parts with a bad request."""

    @classmethod
    def from_json(cls, body: BurstsBody) -> Bursts:
        """What ``dataclasses.asdict`` made of it, out of JSON."""
        return cls(**{**known_members(cls, body), "minute": tuple(body.get("minute", ()))})

    @property
    def usual(self) -> float:
        """How many bad requests a second has that has any, at least 1."""
        return max(1.0, self.sizes / self.parts) if self.parts else 1.0

    @property
    def phi(self) -> float:
        """The overdispersion factor φ of the failures within seconds of one another: how many of
        them are as informative as one that came alone. At least 1.
        """
        return 1.0 + max(0.0, self.together) / self.failures if self.failures else 1.0

    @property
    def length(self) -> Length:
        """How long the next cell should be."""
        if max(0.0, self.long_followers) / (self.long_failures + PRIOR) > LONG_BURSTS:
            return Length.MINUTE
        followers = max(0.0, self.followers) + PRIOR / 2
        return (
            Length.WINDOW if followers / (self.failures + PRIOR) > SHORT_BURSTS else Length.SECOND
        )


def seen(bursts: Bursts, bad: Sequence[int], same_step: bool) -> Bursts:
    """``bursts`` after a window with so many bad requests in its parts. ``same_step``: the weights
    are still those of the window before.
    """
    minute = (*(bursts.minute if same_step else ()), *bad)
    windows = 1 + (bursts.windows if same_step else 0)
    after = Bursts(
        failures=bursts.failures * KEPT,
        followers=bursts.followers * KEPT,
        together=bursts.together * KEPT,
        long_failures=bursts.long_failures * KEPT,
        long_followers=bursts.long_followers * KEPT,
        minute=minute,
        windows=windows,
        sizes=bursts.sizes * KEPT + sum(bad),
        parts=bursts.parts * KEPT + sum(1 for count in bad if count),
    )
    if len(bad) >= FEWEST_SECONDS:
        weight = _weight(sum(bad))
        near = beyond_chance(bad, 1)
        together = beyond_chance(bad, 0) + 2 * (near + beyond_chance(bad, 2))
        after = replace(
            after,
            failures=after.failures + weight * sum(bad),
            followers=after.followers + weight * min(near, MOST_FOLLOWERS * sum(bad)),
            together=after.together + weight * together / visible(len(bad)),
        )
    if windows == WINDOWS_OF_A_LONG_CELL and len(minute) <= windows:
        # Without seconds, windows are all that there is.
        after = _longer(after, minute, range(1, 2))
    elif windows == WINDOWS_OF_A_LONG_CELL:
        after = _longer(after, minute, LATER)
    return after


def _longer(bursts: Bursts, minute: Sequence[int], lags: Sequence[int]) -> Bursts:
    """``bursts`` after a whole minute."""
    weight = _weight(sum(minute))
    followers = sum(beyond_chance(minute, lag) for lag in lags)
    followers = min(followers, MOST_FOLLOWERS * sum(minute))
    return replace(
        bursts,
        long_failures=bursts.long_failures + weight * sum(minute),
        long_followers=bursts.long_followers + weight * followers,
        minute=(),
        windows=0,
    )


def beyond_chance(counts: Sequence[int], lag: int) -> float:
    """The ordered pairs of bad requests that are ``lag`` parts apart, the earlier one first, less
    those expected if each had fallen into any part. For a lag of 0, each pair counts twice.
    """
    total, parts = sum(counts), len(counts)
    if lag:
        pairs = sum(a * b for a, b in zip(counts, counts[lag:], strict=False))
    else:
        pairs = sum(count * (count - 1) for count in counts)
    return pairs - (parts - lag) * total * (total - 1) / (parts * parts)


def visible(parts: int) -> float:
    """The share of a burst's pairs that `beyond_chance` shows with lags of up to 2: the mean of the
    window hides the rest.
    """
    return 1 - (parts + 2 * (parts - 1) + 2 * (parts - 2)) / (parts * parts)


def _weight(total: int) -> float:
    return min(1.0, HEAVIEST / total) if total else 1.0
