"""The containers of one task: started in order, watched, and stopped in order."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes import containers as rules
from tealmesh.engine.runtimes.base import KILLED, Handle, Runtime
from tealmesh.engine.runtimes.containers import Container, Role, State

_FIRST_LOOK = 0.5
"""Seconds between health checks until the first that passes: ECS's interval of 30 s would make
every start as slow.
"""


@dataclass(frozen=True)
class Care:
    """What a pod asks of its task: how to start a container, and whether it is healthy."""

    start: Callable[[Container], Awaitable[Handle]]
    healthy: Callable[[Container], Awaitable[bool]]
    look: float


class Pod:
    """Containers and what has become of them. ``changed`` is set whenever a state changes."""

    def __init__(
        self,
        runtime: Runtime,
        directory: Path,
        containers: Sequence[Container],
        care: Care,
        changed: asyncio.Event,
    ) -> None:
        self.containers = containers
        self.states = {c.name: State() for c in containers}
        self.handles: dict[str, Handle] = {}
        self.failure: BaseException | None = None
        self._started_at: dict[str, float] = {}
        self._runtime = runtime
        self._directory = directory
        self._care = care
        self._changed = changed
        self._watchers: list[asyncio.Task[None]] = []

    async def recover(self) -> None:
        """Take over the containers that were started before, by whomever."""
        for container in self.containers:
            handle = await self._runtime.recover(self._directory, container.name)
            if handle is not None and container.name not in self.handles:
                await self._adopt(container, handle)

    def miss(self) -> None:
        """All containers have been started before: what is not there any more was removed while
        nobody looked, which ends it as SIGKILL does.
        """
        for container in self.containers:
            if container.name not in self.handles:
                self._set(container, started=True, exit_code=KILLED)

    async def start_due(self) -> bool:
        """Start the containers whose turn it is; whether any was."""
        due = rules.startable(self.containers, self.states)
        for container in due:
            await self._adopt(container, await self._care.start(container))
        return bool(due)

    @property
    def all_started(self) -> bool:
        return all(state.started for state in self.states.values())

    @property
    def start_deadline(self) -> float:
        """Until when, on the event loop's clock, what others wait for must have come about by its
        ``startTimeout``; infinite where none is set.
        """
        limits = [
            self._started_at[name] + by_name.start_timeout
            for name, by_name in ((c.name, c) for c in self.containers)
            if by_name.start_timeout and name in rules.awaited(self.containers, self.states)
        ]
        return min(limits, default=math.inf)

    @property
    def waiting_for(self) -> str:
        """What container health is still missing; empty when none is."""
        for container in self.containers:
            state = self.states[container.name]
            if _is_checked(container) and state.running and not state.healthy:
                return f"container {container.name} is not healthy yet"
        pending = sorted(rules.awaited(self.containers, self.states))
        return f"others wait for {', '.join(pending)}" if pending else ""

    def health(self) -> str:
        """The task's health as ECS shows it: by its essential containers' health checks."""
        verdicts = [
            self.states[c.name].healthy for c in self.containers if c.essential and c.health_check
        ]
        if False in verdicts:
            return "UNHEALTHY"
        return "HEALTHY" if verdicts and all(verdicts) else "UNKNOWN"

    async def stop(self) -> None:
        """Stop what runs, dependents first. Exit codes are then in ``states``."""
        for group in rules.stop_order(self.containers):
            await asyncio.gather(*(self._stop(c) for c in group if c.name in self.handles))

    async def close(self) -> None:
        """Stop watching; the containers go on."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def _stop(self, container: Container) -> None:
        code = await self._runtime.stop(self.handles[container.name], container.stop_timeout)
        self._set(container, exit_code=code)

    async def _adopt(self, container: Container, handle: Handle) -> None:
        self.handles[container.name] = handle
        self._started_at[container.name] = asyncio.get_running_loop().time()
        status = await self._runtime.inspect(handle)
        self._set(container, started=True, exit_code=status.exit_code)
        if status.running:
            self._watch(self._await_exit(container, handle))
            if _is_checked(container):
                self._watch(self._check(container))

    def _watch(self, coroutine: Coroutine[Any, Any, None]) -> None:
        watcher = asyncio.create_task(coroutine)
        watcher.add_done_callback(self._watched)
        self._watchers.append(watcher)

    def _watched(self, watcher: asyncio.Task[None]) -> None:
        if not watcher.cancelled() and watcher.exception() is not None:
            # Handed to the task's worker, which is woken to raise it.
            self.failure = self.failure or watcher.exception()
            self._changed.set()

    async def _await_exit(self, container: Container, handle: Handle) -> None:
        self._set(container, exit_code=await self._runtime.wait(handle))

    async def _check(self, container: Container) -> None:
        """Check until the first success; then, where a check is defined, at its interval."""
        first = self._care.look if container.role is Role.ENVOY else _FIRST_LOOK
        while True:
            if await self._care.healthy(container):
                break
            await asyncio.sleep(first)
        self._set(container, healthy=True)
        check = container.health_check
        if check is None:
            return
        misses = 0
        while self.states[container.name].running:
            await asyncio.sleep(check.interval)
            misses = 0 if await self._care.healthy(container) else misses + 1
            if misses == 0 or misses >= check.retries:
                self._set(container, healthy=misses == 0)

    def _set(self, container: Container, **changes: Any) -> None:
        before: Mapping[str, State] = dict(self.states)
        self.states[container.name] = replace(self.states[container.name], **changes)
        if self.states != before:
            self._changed.set()


def _is_checked(container: Container) -> bool:
    return container.role is Role.ENVOY or container.health_check is not None
