"""Puts our functions in the place of moto's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


# Any: moto has no types.
def instead_of(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the decorated function take the place of the one that ``owner`` has as ``name``. It gets
    that one as its first argument, before those of the call.

    Raises AttributeError if there is none: a newer moto may have renamed it.
    """
    former = getattr(owner, name)

    def put(ours: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(former)
        def called(*arguments: Any, **named: Any) -> Any:
            return ours(former, *arguments, **named)

        setattr(owner, name, called)
        return called

    return put
