"""What the Envoys of this machine's tasks say of a task that they may send to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes.base import TaskNetwork
from tealmesh.engine.state import TaskState
from tealmesh.engine.task import hosts
from tealmesh.engine.task.probes import Probes
from tealmesh.model.ecs.names import task_id
from tealmesh.store import tables


class Callers:
    """Asks them again and again until what is wanted is so for all, for a limited time, because one
    that hangs must not block everything else.
    """

    def __init__(self, context: EngineContext, probes: Probes) -> None:
        self._context, self._probes = context, probes

    async def unsure(self, address: str) -> int:
        """Wait until each that knows the task at ``address`` has health-checked it, those of tasks
        that are starting beside it too. One that starts later checks all hosts before it serves
        anything. Returns how many have not.
        """
        return await self._until_none(
            address, elsewhere=False, look=lambda caller: self._probes.unsure(caller, address)
        )

    async def sending(self, address: str) -> int:
        """Wait until none whose control plane is elsewhere sends new requests to ``address``: only
        that control plane knows what they have acknowledged. Returns how many still do.
        """

        async def sends(caller: TaskNetwork) -> bool:
            seen = await self._probes.hosts(caller)
            return seen is not None and hosts.of_address(seen, address) == ""

        return await self._until_none(address, elsewhere=True, look=sends)

    async def _until_none(
        self, address: str, look: Callable[[TaskNetwork], Awaitable[bool]], *, elsewhere: bool
    ) -> int:
        callers = self._of(address, elsewhere=elsewhere)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._context.times.converge):
                while callers:
                    found = await asyncio.gather(*map(look, callers))
                    callers = [one for one, is_so in zip(callers, found, strict=True) if is_so]
                    if callers:
                        await asyncio.sleep(self._context.times.look)
        return len(callers)

    def _of(self, address: str, *, elsewhere: bool) -> list[TaskNetwork]:
        """Tasks that may send to the one at ``address``; of ``elsewhere`` only those that another
        control plane configures.
        """
        bodies = [document.body for document in self._context.store.view.list(tables.TASKS)]
        return [
            TaskNetwork.of(state, self._context.files(task_id(body)))
            for body in bodies
            for state in [TaskState.of(body)]
            if state.envoy is not None and state.phase.may_send and state.address != address
            if state.envoy.get("elsewhere") or not elsewhere
        ]
