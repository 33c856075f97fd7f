"""How the sides of a service that others made are named. Pure.

Operators name the two versions of a service by one word in otherwise equal names:
``sample-blue`` and ``sample-green``, ``v1-web-node`` and ``v2-web-node``. That word is the side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_DELIMITER = re.compile(r"[-_.]")
_PAIRS = (
    ("blue", "green"),
    ("stable", "canary"),
    ("primary", "secondary"),
    ("primary", "canary"),
    ("active", "standby"),
    ("old", "new"),
    ("red", "black"),
    ("a", "b"),
    ("v1", "v2"),
    ("1", "2"),
)
_PARTNERS = {word: other for pair in reversed(_PAIRS) for word, other in (pair, pair[::-1])}


def side_names(nodes: Sequence[str]) -> tuple[str, ...]:
    """The sides of these virtual nodes, in their order: the words in which the names differ, or
    the names themselves where one name says nothing of its own (``web`` and ``web-canary``).
    """
    words = [_DELIMITER.split(node) for node in nodes]
    shortest = min((len(w) for w in words), default=0)
    first = _common(words, shortest)
    last = _common([w[first:][::-1] for w in words], shortest - first)
    names = tuple("-".join(w[first : len(w) - last]) for w in words)
    distinct = len(nodes) > 1 and all(names) and len(set(names)) == len(names)
    return names if distinct else tuple(nodes)


def differ_in_one_word(node: str, other: str) -> bool:
    """Whether two names are equal but for one word."""
    words, others = _DELIMITER.split(node), _DELIMITER.split(other)
    if len(words) != len(others) or _DELIMITER.findall(node) != _DELIMITER.findall(other):
        return False
    return len([a for a, b in zip(words, others, strict=True) if a != b]) == 1


def partner(node: str) -> tuple[str, str] | None:
    """The side of a virtual node that stands alone and the name of the other side, by the last of
    its words that has a counterpart (blue and green, v1 and v2, …); None if none has.
    """
    for word in reversed(_DELIMITER.split(node)):
        if word.lower() in _PARTNERS:
            other = _PARTNERS[word.lower()]
            return word, other.upper() if word.isupper() and len(word) > 1 else other
    return None


def renamed(text: str, side: str, other: str) -> str:
    """``text`` with the word ``side`` replaced by ``other`` wherever it stands by itself."""
    alone = rf"(?<![A-Za-z0-9]){re.escape(side)}(?![A-Za-z0-9])"
    return re.sub(alone, lambda match: other, text)


def short_names(hostnames: Iterable[tuple[str, str]], taken: Iterable[str]) -> list[str]:
    """A name for each (mesh, virtual service): its first label where nobody else has that, else
    the whole name, else with the mesh before it. None is among ``taken``.
    """
    services = list(hostnames)
    forms = [
        (hostname.partition(".")[0], hostname, f"{mesh}/{hostname}") for mesh, hostname in services
    ]
    used = [form for triple in forms for form in dict.fromkeys(triple)] + list(taken)
    return [
        next((form for form in triple[:2] if used.count(form) == 1), triple[2]) for triple in forms
    ]


def _common(words: Sequence[Sequence[str]], most: int) -> int:
    """How many words, at most ``most``, all the sequences begin with."""
    count = 0
    while count < most and len({w[count] for w in words}) == 1:
        count += 1
    return count
