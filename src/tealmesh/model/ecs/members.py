"""Copying members from one ECS structure to another that has some of the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

T = TypeVar("T")


def narrowed(kind: type[T], body: Mapping[str, object]) -> T:
    """The members of ``body`` that the TypedDict ``kind`` has too, as such a TypedDict. The values
    are not copied.
    """
    # No checker follows members by name, so this one place vouches for their types: both sides
    # describe the same members of the same API.
    return cast("T", {name: body[name] for name in kind.__annotations__ if name in body})
