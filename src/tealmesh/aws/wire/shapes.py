"""What reading, writing and checking of shapes have in common: paths, and one closure a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def child(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if path else name


class ShapeCache:
    """Closures by service and shape name; the shapes of one service have unique names.

    ``make(shape, remember)`` makes one. It calls ``remember`` with it before it looks into
    members, for a shape may hold itself.
    """

    def __init__(self, make: Callable[[Any, Callable[[Any], None]], Any]) -> None:
        self._make = make
        self._made: dict[tuple[int, str], Any] = {}
        self._resolvers: list[Any] = []  # held, so that their ids stay theirs

    def __call__(self, shape: Any) -> Any:
        """The closure of a botocore shape."""
        resolver = shape._shape_resolver
        key = (id(resolver), shape.name)
        if key not in self._made:
            self._resolvers.append(resolver)

            def remember(made: Any) -> None:
                self._made[key] = made

            remember(self._make(shape, remember))
        return self._made[key]
