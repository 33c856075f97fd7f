"""Templates whose texts are recognized, as whoever tells them tells no more than a text. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_VALUES = {"code": r"-?\d+", "seconds": r"\d+", "condition": "[A-Z]+", "errno": r"\d+"}
"""What a value of this name may be, where it is not one word."""
_LONG = frozenset(
    {
        "callers",
        "command",
        "containers",
        "images",
        "paths",
        "ports",
        "routes",
        "tried",
        "who",
        "words",
    }
)
"""Values of many words."""
SENTENCES = frozenset({"what", "reason", "error", "owner"})
"""Values of many words that may have a form of their own."""


class Form(NamedTuple):
    """A template of `tealmesh.model.said.say`, and what its texts look like."""

    template: str
    pattern: re.Pattern[str]


def form(template: str) -> Form:
    parts = re.split(r"\{(\w+)\}", template)
    texts, names = parts[::2], parts[1::2]
    groups = [f"(?P<{name}>{_value(name)})" for name in names]
    pattern = "".join(
        re.escape(text) + group for text, group in zip(texts, [*groups, ""], strict=True)
    )
    return Form(template, re.compile(pattern, re.DOTALL))


def _value(name: str) -> str:
    return ".+" if name in _LONG | SENTENCES else _VALUES.get(name, r"[^\s,;]+")
