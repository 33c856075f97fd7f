"""What was made of some things, until one of them changes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Generic, TypeVar

from tealmesh.store import View

T = TypeVar("T")


@dataclass
class Kept(Generic[T]):
    """One thing that takes long to make."""

    collections: tuple[str, ...]
    """Those that it is made of."""
    made: T | None = None
    seen: tuple[object, ...] = ()

    def of(self, view: View, make: Callable[[], T], *also: object) -> T:
        """It, made anew if anything has changed that it is made of, among that ``also``."""
        now = (*(view.collections.get(name) for name in self.collections), *also)
        same = len(now) == len(self.seen) and all(
            a is b or a == b if index >= len(self.collections) else a is b
            for index, (a, b) in enumerate(zip(now, self.seen, strict=True))
        )
        if self.made is None or not same:
            self.made, self.seen = make(), now
        return self.made


@dataclass
class Made(Generic[T]):
    """One thing that is made of some objects, until one of them is another object."""

    made: T | None = None
    seen: Sequence[object] = ()

    def of(self, parts: Sequence[object], make: Callable[[], T]) -> T:
        """It, made anew if any of the ``parts`` is not the one that it was made of."""
        same = len(parts) == len(self.seen) and all(map(is_, parts, self.seen))
        if self.made is None or not same:
            self.made, self.seen = make(), parts
        return self.made


@dataclass
class Still(Generic[T]):
    """What is the same object for as long as it is equal to what it was."""

    was: T | None = None

    def of(self, now: T) -> T:
        """``now``, or what it was before, if that is equal."""
        if self.was is None or self.was != now:
            self.was = now
        return self.was
