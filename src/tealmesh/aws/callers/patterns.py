"""Texts of policies: wildcards, and variables such as ``${aws:username}``. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

Context = Mapping[str, tuple[str, ...]]
"""What is known of a request: its values by the name of the key in lower case. No values: such a
request does not have this key. A key that is not in it is one that we know nothing of."""

NOTHING: Context = {}

Maybe = bool | None
"""None: that cannot be told."""

VARIABLES_SINCE = "2012-10-17"
"""The Version of documents that have variables; in older ones they are plain text."""

_VARIABLE = re.compile(r"\$\{\s*([*?$]|[^{},\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")
_LITERAL = {"*": "\ue000", "?": "\ue001"}
"""Stand for characters that are no wildcards, since they come from a variable."""
_MEANT = {stand_in: character for character, stand_in in _LITERAL.items()}


@dataclass(frozen=True)
class Filled:
    """A text whose variables have been replaced."""

    text: str
    unknown: bool = False
    """Whether it has a variable of which we know nothing."""
    empty: bool = False
    """Whether it has a variable that the request does not have: such a text is like nothing."""


def filled(text: str, context: Context | None) -> Filled:
    """The text with its variables replaced; without a context it has none."""
    if context is None or "${" not in text:
        return Filled(text)
    unknown = empty = False

    def value(found: re.Match[str]) -> str:
        nonlocal unknown, empty
        name, instead = found.group(1), found.group(2)
        if name == "$":
            return "$"
        values = (name,) if name in _LITERAL else context.get(name.lower())
        if not values and instead is not None and values is not None:
            return _literally(instead)
        unknown = unknown or values is None
        # A key with several values is none that a variable can have.
        empty = empty or (values is not None and len(values) != 1)
        return _literally(values[0]) if values else ""

    return Filled(_VARIABLE.sub(value, text), unknown, empty)


def plain(text: str) -> str:
    """A filled text, for comparisons that know no wildcards."""
    return "".join(_MEANT.get(c, c) for c in text)


@lru_cache(1024)
def like(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: ``*`` and ``?``, both of which match slashes too."""
    quoted = re.sub(r"\*+", "*", pattern)
    return re.compile("".join(_expression(c) for c in quoted), re.DOTALL)


def any_of(results: Iterable[Maybe]) -> Maybe:
    """Whether one is true, if that can be told."""
    found = set(results)
    return True if True in found else None if None in found else False


def all_of(results: Iterable[Maybe]) -> Maybe:
    """Whether none is false, if that can be told."""
    found = set(results)
    return False if False in found else None if None in found else True


def opposite(result: Maybe) -> Maybe:
    """Not that, if it can be told."""
    return None if result is None else not result


def _literally(value: str) -> str:
    return "".join(_LITERAL.get(c, c) for c in value)


def _expression(character: str) -> str:
    if character == "*":
        return ".*"
    return "." if character == "?" else re.escape(_MEANT.get(character, character))
