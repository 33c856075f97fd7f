"""ELB's wildcards as regular expressions: ``*`` is any number of characters, ``?`` exactly one.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def wildcard(pattern: str, *, character: str = ".", single: str = "") -> str:
    """A regular expression (RE2) for ``pattern``; its wildcards stand for any ``character``, and
    ``?`` for a ``single`` one if that is another.
    """
    parts = {"*": f"{character}*", "?": single or character}
    return "".join(parts.get(one) or re.escape(one) for one in pattern)


def any_of(patterns: Iterable[str]) -> str:
    """A regular expression for any of these regular expressions."""
    return f"(?:{'|'.join(patterns)})"
