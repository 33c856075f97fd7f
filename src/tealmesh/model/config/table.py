"""Reading one TOML table: each value is checked where it is taken, unknown keys are refused."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from tealmesh.model.errors import ConfigError

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LONGEST = 7 * 24 * 3600.0
"""The longest duration that a setting may have, in seconds."""


class _NotSet:
    """Stands in an error for the value of a key that is missing."""

    def __repr__(self) -> str:
        return "(not set)"


class _Unprintable:
    """Stands in an error for a value that Python refuses to print."""

    def __repr__(self) -> str:
        return "(too long to show)"


NOT_SET = _NotSet()


def dotted(path: str, key: str) -> str:
    """``path`` and ``key`` as TOML would write them; keys with other characters are quoted."""
    shown = key if _BARE_KEY.fullmatch(key) else '"' + key.replace('"', '\\"') + '"'
    return f"{path}.{shown}" if path else shown


def duration(value: object) -> float | None:
    """Seconds of a number or of "500ms", "5s", "2m", "1h"; None for anything else.

    A number is in seconds. A negative, endless or undefined time is none.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        return float(match[1]) * _UNITS[match[2]] if match else None
    if isinstance(value, int | float) and 0 <= value <= LONGEST and math.isfinite(value):
        return float(value)
    return None


class Table:
    """The table at ``path`` of a file. Every method raises ConfigError for a value it cannot use.

    A default of None (or `NOT_SET`) makes a key required.
    """

    def __init__(self, file: str, path: str, value: object, known: Iterable[str] = ()) -> None:
        self.file = file
        self.path = path
        if not isinstance(value, Mapping):
            raise ConfigError(file, path, value, "a table")
        self.data: Mapping[str, Any] = value
        names = list(known)
        for key in self.data:
            if names and key not in names:
                self.fail(key, _known(key, names))

    def fail(self, key: str, allowed: str) -> NoReturn:
        """Refuse the value of ``key``; ``allowed`` ends the sentence "must be …"."""
        value = self.data.get(key, NOT_SET)
        try:
            repr(value)
        except (ValueError, RecursionError):  # an integer of thousands of digits; deep nesting
            value = _Unprintable()
        raise ConfigError(self.file, dotted(self.path, key), value, allowed)

    def table(self, key: str, known: Iterable[str] = ()) -> Table:
        """The table under ``key``; empty where there is none."""
        return Table(self.file, dotted(self.path, key), self.data.get(key, {}), known)

    def text(
        self,
        key: str,
        default: str | None,
        allowed: str,
        accept: Callable[[str], object] = bool,
    ) -> str:
        """A string that ``accept`` finds good, as ``allowed`` describes it."""
        value = self.data.get(key, default)
        if not isinstance(value, str) or not accept(value):
            self.fail(key, allowed)
        return value

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self.data.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(key, f"a whole number from {low} to {high}")
        return value

    def share(self, key: str, default: float) -> float:
        """A number from 0 to 1."""
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.fail(key, "a number from 0 to 1")
        return float(value)

    def boolean(self, key: str, default: bool) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            self.fail(key, "true or false")
        return value

    def seconds(self, key: str, default: float, *, positive: bool = False) -> float:
        """A duration in seconds; not nought where ``positive``."""
        value = duration(self.data.get(key, default))
        if value is None or value > LONGEST or (positive and value == 0):
            least = "more than 0" if positive else "from 0"
            self.fail(
                key,
                f'a duration ("500ms", "5s", "2m", "1h" or a number of seconds), {least}, '
                "at most seven days",
            )
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings that are not empty; no list is an empty one."""
        value = self.data.get(key, [])
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
            self.fail(key, "a list of strings")
        return tuple(value)


def _known(key: object, names: list[str]) -> str:
    near = difflib.get_close_matches(str(key), names, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"a known key{hint}: {', '.join(names)}"
