"""The tag of an ECS service that says when a task which no caller can use is replaced. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tealmesh.model.config.table import MAX_DURATION_SECONDS, duration

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import Tag

REPLACE_AFTER = "teal:replace-after"
DEFAULT_SECONDS = 30.0
NEVER = "never"
ALLOWED = 'a duration such as "30s" or "5m", or "never"'


def read(text: str) -> float | None:
    """The seconds in the tag's value; None for never. Raises ValueError for what is neither."""
    if text.strip().lower() == NEVER:
        return None
    seconds = float(text) if re.fullmatch(r"\d{1,7}", text) else duration(text)
    if seconds is None or seconds > MAX_DURATION_SECONDS:
        raise ValueError(text)
    return seconds or None


def readable(text: str) -> bool:
    """Whether `read` takes it."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def replace_after(tags: Sequence[Tag]) -> float | None:
    """What the tags of a service say; by default, and for a value that is not one, 30 s."""
    text = next((tag.get("value", "") for tag in tags if tag.get("key") == REPLACE_AFTER), None)
    return read(text) if text is not None and readable(text) else DEFAULT_SECONDS
