"""Turns bytes into texts, choices and values that look like what a door expects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

NASTY = (
    "", " ", "\0", "=", "a=b", "../../x", "/", "\n", "\r\n", "\x1b[2J\x1b]0;x\x07", "%", "%00",
    "%zz", "\u202e", "٣", "é", "\U0001d54f",
    "\ud800", "a" * 300, "-", "--help", "${PATH}", "$(id)", "'",
    '"', "<script>", "*", "[", "[::1", "0x7f000001", "1e999", "nan", "-1", "99999999999999999999",
    "1601-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59", "arn:aws:ecs:us-east-1:123456789012:task/x",
    "mesh/m/virtualNode/web", "127.0.0.1", "::", "default", "COMMIT", "{", "}", "\u2028", "\ufeff",
)  # fmt: skip
"""Texts that have broken programs: of command lines, files, terminals, pages, numbers, times."""


class Source:
    """Reads bytes from the first to the last; afterwards only zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def of(self, choices: Sequence[T]) -> T:
        number = self.byte() << 8 | self.byte() if len(choices) > 256 else self.byte()
        return choices[number % len(choices)]

    def chance(self, percent: int) -> bool:
        return self.byte() * 100 < percent * 256

    def rest(self) -> bytes:
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest

    def text(self) -> str:
        kind = self.byte() % 4
        if kind == 0:
            raw = bytes(self.byte() for _ in range(self.byte() % 12))
            return raw.decode("utf-8", "surrogateescape" if kind else "replace")
        if kind == 1:
            return self.of(NASTY) + self.of(NASTY)
        return self.of(NASTY) if kind == 2 else self.of(("web", "m", "a", "x-1", "1", "8080"))

    def number(self) -> int | float:
        return self.of(
            (0, 1, -1, 80, 8080, 65536, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e300)
        )

    def json(self, depth: int = 3) -> Any:
        """Any value of JSON."""
        kind = self.byte() % 8
        if kind == 0 and depth:
            return [self.json(depth - 1) for _ in range(self.byte() % 3)]
        if kind == 1 and depth:
            return {self.text(): self.json(depth - 1) for _ in range(self.byte() % 3)}
        return self.of((None, True, False, self.number(), self.text(), self.text()))

    def shaped(self, shape: Any, depth: int = 8) -> Any:
        """A value of a shape of botocore, more or less."""
        if self.chance(3):
            return self.json()
        kind = shape.type_name
        if kind == "structure":
            if shape.metadata.get("union") and shape.members:
                names = [self.of(list(shape.members))]
            else:
                needed = set(shape.required_members)
                names = [
                    name
                    for name in shape.members
                    if self.chance(97 if name in needed else 25 if depth > 2 else 8)
                ]
            return {
                shape.members[name].serialization.get("name", name): self.shaped(
                    shape.members[name], depth - 1
                )
                for name in names
                if depth
            }
        if kind == "list":
            return [self.shaped(shape.member, depth - 1) for _ in range(self.byte() % 3)]
        if kind == "map":
            return {
                str(self.shaped(shape.key, 1)): self.shaped(shape.value, depth - 1)
                for _ in range(self.byte() % 3)
            }
        if kind == "boolean":
            return self.chance(50)
        if kind in ("integer", "long", "float", "double"):
            return self.number() if self.chance(30) else self.of((1, 2, 5, 80, 8080, 15000))
        if kind == "timestamp":
            return self.text() if self.chance(50) else self.number()
        if shape.enum and self.chance(90):
            return self.of(shape.enum)
        return self.text()
