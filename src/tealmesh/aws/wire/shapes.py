"""What readers, writers and checkers of shapes share: paths, and one closure per shape.

Shapes are botocore's and values are JSON of any shape, so both are Any here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def child(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if path else name


class ShapeCache:
    """One closure per shape, compiled on first use.

    ``make(shape, remember)`` compiles one, and calls ``remember`` with it before it compiles the
    members, since a shape may contain itself. The names of shapes are unique within a service.
    """

    def __init__(self, make: Callable[[Any, Callable[[Any], None]], Any]) -> None:
        self._make = make
        self._made: dict[tuple[int, str], Any] = {}
        self._resolvers: list[Any] = []  # kept alive, so that their ids stay unique

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
