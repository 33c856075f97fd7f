"""A service as it is once what has just been made for it is known."""

from __future__ import annotations

import asyncio
import contextlib

from tealmesh.rollout import documents
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.system import Service
from tealmesh.store import Store


async def settled(store: Store, name: str, seconds: float) -> Service:
    """The service of this name. What is unclear about it counts only if it still is after
    ``seconds``: what ECS has elsewhere is read now and then, and Terraform may have made it a
    moment ago. Raises NotFoundException.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for view in store.watch():
                found = documents.service(view, name)
                if not isinstance(found, MeshService) or not found.problem:
                    return found
    return documents.service(store.view, name)
