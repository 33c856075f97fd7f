"""When a lease may be taken, and how long one lasts that was. Pure.

The holder counts from the moment before it asked the database for a renewal, a watcher from the
moment after it has read the renewal. So the watcher's time ends later, by `Terms.expires` less
`Terms.lasts`, whatever the way to the database takes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """Seconds."""

    expires: float = 10.0
    """A watcher may take a lease that has not been renewed for so long."""
    lasts: float = 8.0
    """So long after a renewal its holder has stopped."""
    renewed: float = 1.0
    """How often the holder renews it, and watchers look at it."""

    def __post_init__(self) -> None:
        if not self.renewed < self.lasts < self.expires:
            raise ValueError(f"{self}: a lease must be renewed before it ends, and end in time")


@dataclass(frozen=True)
class Row:
    """A lease as the database has it."""

    holder: str
    """A replica's id; empty if nobody holds it."""
    number: int
    beat: int


@dataclass(frozen=True)
class Watched:
    """What a watcher has seen of a lease."""

    row: Row | None
    """None: nobody has ever taken it."""
    since: float
    """Since when the watcher knows it so, by its own clock."""


def watched(before: Watched | None, row: Row | None, now: float) -> Watched:
    """What is known after ``row`` has been read. ``now``: a moment after that."""
    if before is not None and before.row == row:
        return before
    return Watched(row, now)


def free(seen: Watched, replica: str, now: float, terms: Terms) -> bool:
    """Whether a replica that does not hold the lease may take it."""
    if seen.row is None or seen.row.holder in ("", replica):
        return True
    return now - seen.since >= terms.expires


def ends(asked: float, terms: Terms) -> float:
    """When a holder has stopped that asked at this moment for the renewal that it got."""
    return asked + terms.lasts
