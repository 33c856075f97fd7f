"""What the comparison is told of a window, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arm:
    """One side: how many requests there were, and how many of them were bad."""

    requests: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.requests:
            raise ValueError(f"{self.bad} bad requests of {self.requests}")

    def __add__(self, other: Arm) -> Arm:
        return Arm(self.requests + other.requests, self.bad + other.bad)


@dataclass(frozen=True)
class Pair:
    """Both sides at the same time."""

    old: Arm = field(default_factory=Arm)
    new: Arm = field(default_factory=Arm)

    def __add__(self, other: Pair) -> Pair:
        return Pair(self.old + other.old, self.new + other.new)

    @property
    def share(self) -> float:
        """The new side's share of the requests, 0 to 1; 0 without any."""
        total = self.old.requests + self.new.requests
        return self.new.requests / total if total else 0.0


@dataclass(frozen=True)
class Observation:
    """A window of one metric, with one weight throughout."""

    old: Arm
    new: Arm
    seconds: tuple[Pair, ...] = ()
    """The same requests in parts of about a second, in order of time, quiet ones included. Without
    them the window is one bet."""

    @property
    def whole(self) -> Pair:
        return Pair(self.old, self.new)

    @property
    def parts(self) -> tuple[Pair, ...]:
        """Its seconds if there are any, or the whole."""
        return self.seconds or (self.whole,)
