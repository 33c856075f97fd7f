"""Lists in pieces, for calls that take so many items and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batches(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The items in their order, in pieces of ``most``; the last one has what is left."""
    for first in range(0, len(items), most):
        yield items[first : first + most]
