"""Lengths of time in words."""

from __future__ import annotations

from tealmesh.model.said import say


def span(seconds: float) -> str:
    """A length of time for people, such as ``2 min 30 s``."""
    whole = round(seconds)
    if seconds < 1:
        return say("{n} ms", n=f"{seconds * 1000:.0f}")
    if whole < 60:
        return say("{s} s", s=whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        if rest:
            return say("{min} min {s} s", min=minutes, s=rest)
        return say("{min} min", min=minutes)
    hours, minutes = divmod(minutes, 60)
    if minutes:
        return say("{h} h {min} min", h=hours, min=minutes)
    return say("{h} h", h=hours)
