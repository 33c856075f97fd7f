"""Who is alive, dead, or neither for sure; and whether this replica is cut off alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

LEFT = -1
"""The beat of a replica that has stopped in good order."""


@dataclass(frozen=True)
class Pace:
    """Seconds, but for `failures`."""

    beat: float = 1.0
    """How often a replica writes that it is there, and reads who else is."""
    silent: float = 2.0
    """One that has not written for so long is asked."""
    asks: float = 0.5
    """How often."""
    answers: float = 0.75
    """How long it may take to answer."""
    failures: int = 2
    """One that has not answered so many times in a row is dead."""
    hands_over: float = 12.0
    """A replica without the database, which others have, closes its streams after so long."""
    forgotten: float = 300.0
    """What is known of a dead one is kept for so long."""


PACE = Pace()


class Standing(StrEnum):
    """What is known of another replica."""

    ALIVE = "alive"
    UNKNOWN = "unknown"
    """It is silent, or this replica cannot read the database itself."""
    CUT_OFF = "cut off"
    """It answers, and has not written although the database is there."""
    DEAD = "dead"


@dataclass(frozen=True)
class Row:
    """A replica as the database has it."""

    address: str
    beat: int


@dataclass(frozen=True)
class Seen:
    """A replica as another one knows it. Times by that one's clock."""

    row: Row
    since: float
    """When it was first known so, or later: while nothing could be read nobody was silent."""
    failed: int = 0
    """How often it has not answered in a row since then."""
    answered: bool = False
    """Whether it has answered the last time it was asked since then."""
    dead_at: float | None = None
    """When it was found to be dead."""


@dataclass(frozen=True)
class Picture:
    """All that a replica knows of the others, by id."""

    seen: Mapping[str, Seen]
    read_at: float | None = None
    """When the database was last read."""


def read(before: Picture, rows: Mapping[str, Row], now: float, pace: Pace = PACE) -> Picture:
    """The database has been read. A dead replica that writes again is alive."""
    blind = before.read_at is None or now - before.read_at > pace.silent
    seen = {}
    for identity, row in rows.items():
        known = before.seen.get(identity)
        if known is None or known.row != row:
            left = now if row.beat == LEFT else None
            seen[identity] = Seen(row, now, dead_at=left)
        elif blind and known.dead_at is None:
            seen[identity] = replace(known, since=now, failed=0, answered=False)
        else:
            seen[identity] = known
    return Picture(seen, now)


def asked(before: Picture, identity: str, answers: bool, now: float, pace: Pace = PACE) -> Picture:
    """A replica was asked, and has answered or not."""
    known = before.seen.get(identity)
    if known is None or known.dead_at is not None:
        return before
    failed = 0 if answers else known.failed + 1
    dead = failed >= pace.failures and silent(known, now, pace) and sees(before, now, pace)
    after = replace(known, failed=failed, answered=answers, dead_at=now if dead else None)
    return replace(before, seen={**before.seen, identity: after})


def silent(seen: Seen, now: float, pace: Pace = PACE) -> bool:
    """Whether it has not written for so long that it is asked."""
    return now - seen.since >= pace.silent


def sees(picture: Picture, now: float, pace: Pace = PACE) -> bool:
    """Whether the database was read lately."""
    return picture.read_at is not None and now - picture.read_at < pace.silent


def standing(picture: Picture, identity: str, now: float, pace: Pace = PACE) -> Standing:
    """What is known of a replica; one that the database does not have is dead."""
    seen = picture.seen.get(identity)
    if seen is None:
        return Standing.DEAD if picture.read_at is not None else Standing.UNKNOWN
    if seen.dead_at is not None:
        return Standing.DEAD
    if not sees(picture, now, pace):
        return Standing.UNKNOWN
    if not silent(seen, now, pace):
        return Standing.ALIVE
    return Standing.CUT_OFF if seen.answered else Standing.UNKNOWN


def forgotten(picture: Picture, now: float, pace: Pace = PACE) -> list[str]:
    """The dead of whom nothing needs to be kept any more."""
    return [
        identity
        for identity, seen in picture.seen.items()
        if seen.dead_at is not None and now - seen.dead_at >= pace.forgotten
    ]


def hands_over(away: float, others_have_it: bool, pace: Pace = PACE) -> bool:
    """Whether this replica closes its streams, so that its Envoys go elsewhere: for ``away``
    seconds it has been without the database, which another one says to have. If nobody has it, or
    nobody can be asked, Envoys go on where they are.
    """
    return others_have_it and away >= pace.hands_over
