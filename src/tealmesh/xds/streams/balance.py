"""How many streams a replica lets go so that all have about as many. Pure."""

from __future__ import annotations

from collections.abc import Mapping

TOLERANCE = 0.2
"""By which share of the average a replica may have more than that."""
FEW = 20
"""So many more are not worth a reconnection."""
SHARE = 0.02
"""Of its streams, that a replica lets go at once, at most; but never fewer than ``LEAST``."""
LEAST = 5
SECONDS = 5.0
"""From one look to the next, in which those that went are counted elsewhere."""


def settled(before: Mapping[str, int], streams: Mapping[str, int]) -> bool:
    """Whether no more than a few streams came since the look ``before``. While thousands connect, a
    replica knows its own number at once and the others' later, and would let go whom it has just
    taken up.
    """
    had = sum(before.values())
    return sum(streams.values()) - had <= max(FEW, SHARE * had)


def surplus(own: str, streams: Mapping[str, int]) -> int:
    """How many streams the replica ``own`` lets go now, given the ``streams`` of every replica that
    lives. Half of what it has too many, since nobody chooses where they go.
    """
    if len(streams) < 2 or own not in streams:
        return 0
    average = sum(streams.values()) / len(streams)
    more = streams[own] - average
    if more <= max(FEW, TOLERANCE * average):
        return 0
    return min(int(more / 2), max(LEAST, int(SHARE * streams[own])))
