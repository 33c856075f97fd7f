"""What is decided anew when another replica has stored a transition meanwhile."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from tealmesh.model.errors import Fenced

_ATTEMPTS = 5

P = ParamSpec("P")
R = TypeVar("R")


def insisting(act: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """``act``, again from its beginning when it raises Fenced, which it still does if others go on
    with the deployment all the time.
    """

    @functools.wraps(act)
    async def insists(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(Fenced):
                return await act(*args, **kwargs)
        return await act(*args, **kwargs)

    return insists
