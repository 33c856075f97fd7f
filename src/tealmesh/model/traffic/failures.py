"""The kinds of failed requests, and how people call them."""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "5xx": "answered with a 5xx",
    "overflow": "over the limit of the connection pool",
    "no healthy endpoint": "without a healthy endpoint",
    "gone": "given up by the caller without an answer",
}
"""How kinds are called where that is not their name. See docs/gates.md."""


def by_kind(kinds: Mapping[str, int]) -> str:
    """Counts by kind for people, such as ``3 timed out, 2 reset``."""
    return ", ".join(f"{count} {KINDS.get(kind, kind)}" for kind, count in kinds.items())
