"""Two JSON values compared, for people: one line for each value that differs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

NOTHING = "(none)"
"""Stands for a value that is not there."""


def differences(before: object, after: object, *, only_in_wanted: bool = False) -> list[str]:
    """Lines such as ``listeners[0].healthCheck.path: "/" → "/health"``; empty for equal values.

    ``only_in_wanted``: leave out what ``after`` does not name at all.
    """
    found = [
        (path, NOTHING if old is None else old, NOTHING if new is None else new)
        for path, old, new in pairs(before, after)
        if new is not None or not only_in_wanted
    ]
    return [f"{path}: {old} → {new}" for path, old, new in found]


def pairs(before: object, after: object) -> list[tuple[str, str | None, str | None]]:
    """The path of each value that differs with its text before and after, as JSON; None for a value
    that is not there. What has gone comes last.
    """
    old, new = dict(_leaves(before)), dict(_leaves(after))
    paths = [path for path in new if old.get(path) != new[path]]
    paths += [path for path in old if path not in new]
    return [(path, old.get(path), new.get(path)) for path in paths]


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The path and the text of every leaf. What is empty has none, as if it were not there."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        yield from _items(value, path)
    elif value is not None:
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        yield path, json.dumps(number, ensure_ascii=False)


def _items(value: list[object] | tuple[object, ...], path: str) -> Iterator[tuple[str, str]]:
    """Those of a list: by name where the items have names, as environment variables do, on one
    line where they are plain values, else by number.
    """
    names = [item.get("name") for item in value if isinstance(item, Mapping)]
    named = len(set(map(str, names))) == len(value) and None not in names
    if value and not any(isinstance(item, Mapping | list | tuple) for item in value):
        yield path, json.dumps(list(value), ensure_ascii=False)
        return
    for number, item in enumerate(value):
        if named and isinstance(item, Mapping):
            rest = {member: inner for member, inner in item.items() if member != "name"}
            where = f"{path}[{item['name']}]"
            if set(rest) == {"value"}:
                yield from _leaves(rest["value"], where)
            else:
                yield from _leaves(rest or item, where)
        else:
            yield from _leaves(item, f"{path}[{number}]")
