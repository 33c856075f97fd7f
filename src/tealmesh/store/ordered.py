"""A dictionary by string that also knows the order of its keys, for the collections of a view.

A copy shares the order with its original for as long as no key comes or goes: most changes of a
document are a new body, and cost no sorting however many documents there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import TypeVar

V = TypeVar("V")


class Ordered(dict[str, V]):
    """Never changed once others have it: `changed` makes the next one."""

    def __init__(self, values: Mapping[str, V], order: list[str] | None = None) -> None:
        super().__init__(values)
        self._order = order

    def changed(self, changes: Mapping[str, V | None]) -> Ordered[V]:
        """A copy in which each key of ``changes`` has its value there, or is gone where that is
        None.
        """
        made = Ordered(self, self._order)
        for key, value in changes.items():
            if value is None:
                made._remove(key, shared=made._order is self._order)
            else:
                made._put(key, value, shared=made._order is self._order)
        return made

    def below(self, prefix: str) -> list[V]:
        """The values whose keys begin with ``prefix``, by key; all for an empty one."""
        order = self._order
        if order is None:
            # Two threads may both sort; they find the same.
            order = self._order = sorted(self)
        if not prefix:
            return [self[key] for key in order]
        start = bisect_left(order, prefix)
        end = bisect_left(order, prefix + "\U0010ffff", start)
        return [self[key] for key in order[start:end]]

    def _put(self, key: str, value: V, *, shared: bool) -> None:
        if self._order is not None and key not in self:
            if shared:
                self._order = list(self._order)
            insort(self._order, key)
        self[key] = value

    def _remove(self, key: str, *, shared: bool) -> None:
        if self.pop(key, None) is None or self._order is None:
            return
        if shared:
            self._order = list(self._order)
        del self._order[bisect_left(self._order, key)]
