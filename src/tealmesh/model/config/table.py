"""Reads one TOML table: checks each value where it is taken, and refuses unknown keys."""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from tealmesh.model.errors import ConfigError

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
MAX_DURATION_SECONDS = 7 * 24 * 3600.0


class _NotSet:
    """Takes the place of a missing value in an error."""

    def __repr__(self) -> str:
        return "(not set)"


class _Unprintable:
    """Takes the place of a value that Python cannot print in an error."""

    def __repr__(self) -> str:
        return "(too long to show)"


NOT_SET = _NotSet()


def dotted(path: str, key: str) -> str:
    """``path.key`` as in TOML: a key with special characters is quoted."""
    shown = key if _BARE_KEY.fullmatch(key) else '"' + key.replace('"', '\\"') + '"'
    return f"{path}.{shown}" if path else shown


def duration(value: object) -> float | None:
    """The seconds in a number or in "500ms", "5s", "2m", "1h"; None for anything else.

    Negative, infinite and NaN times are not durations.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        return float(match[1]) * _UNITS[match[2]] if match else None
    if (
        isinstance(value, int | float)
        and 0 <= value <= MAX_DURATION_SECONDS
        and math.isfinite(value)
    ):
        return float(value)
    return None


class Table:
    """The table at ``path`` in a file. Every method raises ConfigError for a value it refuses.

    A key whose default is None is required.
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
        """Raise ConfigError for the value of ``key``; ``allowed`` completes "must be …"."""
        value = self.data.get(key, NOT_SET)
        try:
            repr(value)
        except (ValueError, RecursionError):  # An integer with thousands of digits; deep nesting.
            value = _Unprintable()
        raise ConfigError(self.file, dotted(self.path, key), value, allowed)

    def table(self, key: str, known: Iterable[str] = ()) -> Table:
        """The table under ``key``; empty if there is none."""
        return Table(self.file, dotted(self.path, key), self.data.get(key, {}), known)

    def tables(self, key: str, known: Iterable[str]) -> list[Table]:
        """The tables of the list under ``key``; none if there is no list."""
        value = self.data.get(key, [])
        if not isinstance(value, list | tuple) or not all(isinstance(v, Mapping) for v in value):
            self.fail(key, "a list of tables, such as [{ … }, { … }]")
        path = dotted(self.path, key)
        return [Table(self.file, f"{path}[{n}]", one, known) for n, one in enumerate(value)]

    def text(
        self,
        key: str,
        default: str | None,
        allowed: str,
        accept: Callable[[str], object] = bool,
    ) -> str:
        """A string for which ``accept`` is true; ``allowed`` describes such strings."""
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

    def number(
        self, key: str, default: float | None, low: float, high: float, *, above: bool = False
    ) -> float:
        """A number from ``low``, or above it, to ``high``."""
        value = self.data.get(key, default)
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        if wrong or not low <= value <= high or (above and value == low):
            first = f"a number above {low:g}, up to" if above else f"a number from {low:g} to"
            self.fail(key, f"{first} {high:g}")
        return float(value)

    def boolean(self, key: str, default: bool) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            self.fail(key, "true or false")
        return value

    def seconds(self, key: str, default: float, *, positive: bool = False) -> float:
        """A duration in seconds; more than 0 if ``positive``."""
        value = duration(self.data.get(key, default))
        if value is None or value > MAX_DURATION_SECONDS or (positive and value == 0):
            least = "more than 0" if positive else "from 0"
            self.fail(
                key,
                f'a duration ("500ms", "5s", "2m", "1h" or a number of seconds), {least}, '
                "at most seven days",
            )
        return value

    def seconds_or_none(self, key: str) -> float | None:
        """A duration in seconds; None if there is none."""
        return self.seconds(key, 0.0) if key in self.data else None

    def seconds_or_never(self, key: str) -> float | None:
        """As `seconds_or_none`, with 0 for "never"."""
        return 0.0 if self.data.get(key) == "never" else self.seconds_or_none(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of non-empty strings; empty if there is none."""
        value = self.data.get(key, [])
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
            self.fail(key, "a list of strings")
        return tuple(value)

    def command(self, key: str) -> tuple[str, ...]:
        """A list of arguments, or a string that is split as by a shell. No shell runs it."""
        value = self.data.get(key)
        if isinstance(value, str):
            try:
                value = shlex.split(value)
            except ValueError:
                self.fail(key, "a command with balanced quotes")
        whole = isinstance(value, list) and all(isinstance(v, str) for v in value)
        if not whole or not value or not value[0] or any("\0" in word for word in value):
            self.fail(key, 'a command such as ["python3", "app.py"] or "python3 app.py"')
        return tuple(value)


def _known(key: object, names: list[str]) -> str:
    near = difflib.get_close_matches(str(key), names, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"a known key{hint}: {', '.join(names)}"
