"""The types of what other programs write, and how a value of another type than theirs is refused.

JSON of any shape, which each reader knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tealmesh.model.errors import TealError

Json = Mapping[str, Any]
"""An object of another program's, or of App Mesh's API, as it is read."""

Made = dict[str, Any]
"""One that is being made."""

_LONGEST = 40


def object_of(value: Any, where: str) -> Json:
    """``value``, which has to be an object; an empty one if it is null. Raises TealError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TealError(f"{where} must be an object, not {shown(value)}")
    return value


def list_of(value: Any, where: str) -> Sequence[Any]:
    """``value``, which has to be a list; an empty one if it is null. Raises TealError."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise TealError(f"{where} must be a list, not {shown(value)}")
    return value


def objects_of(value: Any, where: str) -> Sequence[Json]:
    """A list of objects. Raises TealError."""
    return [object_of(one, f"{where}[{index}]") for index, one in enumerate(list_of(value, where))]


def name_of(value: Any) -> str:
    """A name as text; empty if it is none: YAML has names of digits as numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def shown(value: Any) -> str:
    """A value in an error: what kind of thing it is, or its first characters."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def within(value: Any, path: str, where: str) -> Any:
    """What is at a path of members, such as ``route.timeout``; None if it is not there. Raises
    TealError if something on the way is no object.
    """
    at = where
    for member in path.split("."):
        value = object_of(value, at).get(member)
        at = f"{at}.{member}"
    return value
