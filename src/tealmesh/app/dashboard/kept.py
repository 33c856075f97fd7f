"""What was made of some collections of the store, until one of them changes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
