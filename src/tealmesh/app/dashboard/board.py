"""Everything that pages show, item by item, with what has changed since when. Pure.

What changes is written as JSON once, however many read it. A reader gets the newest items that have
changed since what it has, so that a slow one costs no memory and misses nothing that still holds.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from tealmesh.model import said

SECTIONS = (
    "control",
    "services",
    "traffic",
    "rest",
    "deployments",
    "groups",
    "tasks",
    "envoys",
    "mesh",
    "edges",
    "events",
)

NUMBERS = frozenset({"traffic", "edges"})
"""The sections that have no sentences, of which nobody need look for what these are made of, and
where traffic flows nearly all items change at each reading: those are written together, which takes
less than half of the time that each for itself takes.
"""

REMEMBERED_SECONDS = 300.0
"""For so long it is known which items have gone."""

_AS_JSON = json.JSONEncoder(separators=(",", ":")).encode
"""`json.dumps` would make an encoder for each item."""

Items = Mapping[str, object]
"""The items of a section, which can be written as JSON, by key."""


@dataclass(slots=True)
class _Item:
    value: object
    text: str
    """JSON, its key included; empty in a section of `NUMBERS`."""
    at: int
    """The number of the change that wrote it."""


class Board:
    """The items of all sections."""

    def __init__(self, name: str) -> None:
        """``name`` tells this board from the one before a restart."""
        self.number = 0
        """Counts the changes."""
        self._name = name
        self._items: dict[str, dict[str, _Item]] = {section: {} for section in SECTIONS}
        self._taken: dict[str, Items] = {}
        """As they were given: they must not be changed after that."""
        self._gone: deque[tuple[int, float, str, str]] = deque()
        self._oldest = 0
        """Changes since this number are known whole."""
        self._written: dict[int, bytes] = {}
        """The events that were asked for since the last change, by what the reader has."""

    def update(self, sections: Mapping[str, Items], now: float) -> bool:
        """Take these sections, whole, in the place of what was; a section that is the same object
        as before has not changed. Return whether anything differs. ``now``: seconds.
        """
        number = self.number + 1
        changed = False
        for section, items in sections.items():
            if self._taken.get(section) is items:
                continue
            numbers = section in NUMBERS
            known = self._items[section]
            for key, value in items.items():
                item = known.get(key)
                if item is not None and (item.value is value or item.value == value):
                    continue
                known[key] = _Item(value, "" if numbers else _text(key, value), number)
                changed = True
            for key in known.keys() - items.keys():
                del known[key]
                self._gone.append((number, now, section, key))
                changed = True
            self._taken[section] = items
        while self._gone and now - self._gone[0][1] > REMEMBERED_SECONDS:
            self._oldest = self._gone.popleft()[0]
        if changed:
            self.number = number
            self._written.clear()
        return changed

    def read(self, known: int | None) -> bytes:
        """The event that brings a reader who has ``known`` to the present; None for nothing."""
        begin = -1 if known is None or not self._oldest <= known <= self.number else known
        if begin not in self._written:
            self._written[begin] = self._event(begin)
        return self._written[begin]

    def resumed(self, last_event_id: str) -> int | None:
        """The number in an id of ours; None if it is none, or of another board."""
        name, _, number = last_event_id.partition("-")
        return int(number) if name == self._name and number.isdecimal() else None

    def _event(self, begin: int) -> bytes:
        if begin < 0:
            kind, parts = "snapshot", [self._whole(section) for section in SECTIONS]
        else:
            kind, parts = "change", [self._since(section, begin) for section in SECTIONS]
        data = "{" + ",".join(part for part in parts if part) + "}"
        return f"id: {self._name}-{self.number}\nevent: {kind}\ndata: {data}\n\n".encode()

    def _whole(self, section: str) -> str:
        return f'"{section}":{{{self._put(section, -1)}}}'

    def _put(self, section: str, begin: int) -> str:
        """The items of a section that have changed since then, as members of a JSON object."""
        items = self._items[section]
        if section in NUMBERS:
            values = {key: item.value for key, item in items.items() if item.at > begin}
            return _AS_JSON(values)[1:-1]
        return ",".join(item.text for item in items.values() if item.at > begin)

    def _since(self, section: str, begin: int) -> str:
        """What has changed in a section; empty if nothing has."""
        known = self._items[section]
        put = self._put(section, begin)
        gone = dict.fromkeys(
            key
            for number, _, of, key in self._gone
            if of == section and number > begin and key not in known
        )
        members = [f'"put":{{{put}}}'] if put else []
        members += [f'"gone":{json.dumps(list(gone))}'] if gone else []
        return f'"{section}":{{{",".join(members)}}}' if members else ""


def _text(key: str, value: object) -> str:
    """An item as JSON, with what its texts are made of."""
    if isinstance(value, dict) and (told := said.collected(value)):
        value = {**value, "said": told}
    return f"{_AS_JSON(key)}:{_AS_JSON(value)}"
