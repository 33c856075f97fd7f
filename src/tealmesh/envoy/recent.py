"""Results of pure builders, kept as long as they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Recent(Generic[P, R]):
    """A builder that remembers its results: those that were asked for since the turn before last.

    Each change of a mesh leaves results behind that nobody will ask for again. A limit to their
    number, which a large mesh would need high, would have a small one keep as many of those.
    """

    __slots__ = ("_build", "_former", "_latest")

    def __init__(self, build: Callable[P, R]) -> None:
        """``build`` must be pure, and take arguments by position that can be hashed."""
        self._build = build
        self._latest: dict[tuple[object, ...], R] = {}
        self._former: dict[tuple[object, ...], R] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return self._latest[args]
        except KeyError:
            pass
        made = self._former.pop(args) if args in self._former else self._build(*args, **kwargs)
        self._latest[args] = made
        return made

    def __len__(self) -> int:
        return len(self._latest) + len(self._former)

    def turn(self) -> None:
        """Forget what was not asked for since the last turn."""
        self._former, self._latest = self._latest, {}
