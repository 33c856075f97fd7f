"""What was seen of each side's traffic while it was watched, and a line of bars for it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from tealmesh.model import wire

LONGEST = 60
"""So many looks are remembered."""


@dataclass
class Traffic:
    """Of each side of each service, by both names: requests a second, and whether any failed, of
    the last looks. ``window``: the seconds over which a look counts.
    """

    window: int
    seen: dict[tuple[str, str], deque[tuple[float, bool]]] = field(default_factory=dict)

    def add(self, services: Sequence[wire.ServiceStatus]) -> None:
        """Remember a look. A service that is gone is forgotten."""
        now = {(s["name"], side["side"]): side for s in services for side in s["sides"]}
        self.seen = {key: self.seen.get(key, deque(maxlen=LONGEST)) for key in now}
        for key, side in now.items():
            rate = side.get("requests", 0) / self.window
            self.seen[key].append((rate, bool(side.get("errors"))))

    def bars(self, service: str, side: str, columns: int, signs: str, style: str) -> Text:
        """The last ``columns`` looks, each as high as its share of the most that any side of the
        service had among them; red where requests failed.
        """
        if columns < 1:
            return Text()
        looks = list(self.seen.get((service, side), ()))[-columns:]
        most = max(
            (r for (s, _), old in self.seen.items() if s == service for r, _ in [*old][-columns:]),
            default=0.0,
        )
        line = Text(" " * (columns - len(looks)))
        for rate, failed in looks:
            line.append(level(rate, most, signs), style="red" if failed else style)
        return line


def level(rate: float, most: float, signs: str) -> str:
    """The sign for a rate: the first only for nothing, the last only for the most."""
    if rate <= 0 or most <= 0:
        return signs[0]
    return signs[max(1, min(len(signs) - 1, round(rate / most * (len(signs) - 1))))]
