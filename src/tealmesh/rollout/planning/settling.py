"""What has just been made for a service is waited for: what another ECS has is read now and then,
and Terraform may have made it a moment ago.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tealmesh.model.errors import NotKnownYet
from tealmesh.rollout import documents
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.system import Service
from tealmesh.store import Store

T = TypeVar("T")


async def settled(store: Store, name: str, seconds: float) -> Service:
    """The service of this name. What is unclear about it counts only if it still is after
    ``seconds``. Raises NotFoundException.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for view in store.watch():
                found = documents.service(view, name)
                if not isinstance(found, MeshService) or not found.problem:
                    return found
    return documents.service(store.view, name)


async def once_known(store: Store, seconds: float, attempt: Callable[[], Awaitable[T]]) -> T:
    """What ``attempt`` returns. While it raises NotKnownYet it is made again after each change of
    the store, for ``seconds``.
    """
    clock, changed = asyncio.get_running_loop().time, asyncio.Event()
    late = clock() + seconds
    with store.waking(changed):
        while True:
            changed.clear()
            try:
                return await attempt()
            except NotKnownYet:
                if clock() >= late:
                    raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(late):
                    await changed.wait()
