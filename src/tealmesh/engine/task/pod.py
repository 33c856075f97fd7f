"""The containers of one task: started in order, watched, stopped in order.

Which container is due is decided by the pure rules in `runtimes.containers`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes import base
from tealmesh.engine.runtimes import containers as rules
from tealmesh.engine.runtimes.containers import Container, Role, State

_FIRST_CHECKS_SECONDS = 0.5
"""Between health checks until the first that passes: with ECS's interval, every start would take
30 s.
"""


@dataclass(frozen=True)
class Care:
    """What a pod leaves to its task."""

    start: Callable[[Container], Awaitable[base.Handle]]
    healthy: Callable[[Container], Awaitable[bool]]
    look_seconds: float
    """Between two looks at whether Envoy is ready."""


class Pod:
    """The containers and their states. ``changed`` is set whenever a state changes."""

    def __init__(
        self,
        runtime: base.Containers,
        directory: Path,
        containers: Sequence[Container],
        care: Care,
        changed: asyncio.Event,
    ) -> None:
        self.containers = containers
        self.states = {c.name: State() for c in containers}
        self.handles: dict[str, base.Handle] = {}
        self.failure: BaseException | None = None
        """Why watching a container failed, if it did."""
        self._started_at: dict[str, float] = {}
        self._runtime = runtime
        self._directory = directory
        self._care = care
        self._changed = changed
        self._watchers: list[asyncio.Task[None]] = []

    async def recover(self) -> None:
        """Adopt the containers that were started before, by us or by an earlier control plane."""
        for container in self.containers:
            handle = await self._runtime.recover(self._directory, container.name)
            if handle is not None and container.name not in self.handles:
                await self._adopt(container, handle)

    def end_missing(self) -> None:
        """Every container was started once: one that cannot be found was removed while no control
        plane ran. Count it as ended by SIGKILL.
        """
        for container in self.containers:
            if container.name not in self.handles:
                self._update(container, State(started=True, exit_code=base.KILLED))

    async def start_due(self) -> bool:
        """Start the containers that can be started; return whether there were any."""
        due = rules.startable(self.containers, self.states)
        for container in due:
            await self._adopt(container, await self._care.start(container))
        return bool(due)

    @property
    def all_started(self) -> bool:
        return all(state.started for state in self.states.values())

    @property
    def start_deadline(self) -> float:
        """When the first ``startTimeout`` of a container that others wait for runs out, on the
        event loop's clock; infinite if none has one.
        """
        awaited = rules.awaited(self.containers, self.states)
        deadlines = [
            self._started_at[c.name] + c.start_timeout
            for c in self.containers
            if c.start_timeout and c.name in awaited
        ]
        return min(deadlines, default=math.inf)

    @property
    def waiting_for(self) -> str:
        """Which container health is still awaited; empty if none is."""
        for container in self.containers:
            state = self.states[container.name]
            if _is_checked(container) and state.running and not state.healthy:
                return f"container {container.name} is not healthy yet"
        pending = sorted(rules.awaited(self.containers, self.states))
        return f"others wait for {', '.join(pending)}" if pending else ""

    def health(self) -> str:
        """The task's health as ECS shows it, from the health checks of essential containers."""
        verdicts = [
            self.states[c.name].healthy for c in self.containers if c.essential and c.health_check
        ]
        if False in verdicts:
            return "UNHEALTHY"
        return "HEALTHY" if verdicts and all(verdicts) else "UNKNOWN"

    async def stop(self) -> None:
        """Stop the containers, dependents first. ``states`` then has their exit codes."""
        for group in rules.stop_order(self.containers):
            await asyncio.gather(*(self._stop(c) for c in group if c.name in self.handles))

    async def close(self) -> None:
        """Stop watching; the containers keep running."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def _stop(self, container: Container) -> None:
        code = await self._runtime.stop(self.handles[container.name], container.stop_timeout)
        self._end(container, code)

    async def _adopt(self, container: Container, handle: base.Handle) -> None:
        self.handles[container.name] = handle
        self._started_at[container.name] = asyncio.get_running_loop().time()
        status = await self._runtime.inspect(handle)
        self._update(container, State(started=True, exit_code=status.exit_code))
        if status.running:
            self._watch(self._await_exit(container, handle))
            if _is_checked(container):
                self._watch(self._check(container))

    def _watch(self, coroutine: Coroutine[Any, Any, None]) -> None:
        watcher = asyncio.create_task(coroutine)
        watcher.add_done_callback(self._note_failure)
        self._watchers.append(watcher)

    def _note_failure(self, watcher: asyncio.Task[None]) -> None:
        if not watcher.cancelled() and watcher.exception() is not None:
            # The task's worker wakes up and raises it.
            self.failure = self.failure or watcher.exception()
            self._changed.set()

    async def _await_exit(self, container: Container, handle: base.Handle) -> None:
        self._end(container, await self._runtime.wait(handle))

    async def _check(self, container: Container) -> None:
        """Check often until the first success; then, if a check is defined, at its interval."""
        envoy = container.role is Role.ENVOY
        delay = self._care.look_seconds if envoy else _FIRST_CHECKS_SECONDS
        while True:
            if await self._care.healthy(container):
                break
            await asyncio.sleep(delay)
        self._set_health(container, True)
        check = container.health_check
        if check is None:
            return
        misses = 0
        while self.states[container.name].running:
            await asyncio.sleep(check.interval)
            misses = 0 if await self._care.healthy(container) else misses + 1
            if misses == 0 or misses >= check.retries:
                self._set_health(container, misses == 0)

    def _end(self, container: Container, exit_code: int) -> None:
        self._update(container, replace(self.states[container.name], exit_code=exit_code))

    def _set_health(self, container: Container, healthy: bool) -> None:
        self._update(container, replace(self.states[container.name], healthy=healthy))

    def _update(self, container: Container, state: State) -> None:
        if state != self.states[container.name]:
            self.states[container.name] = state
            self._changed.set()


def _is_checked(container: Container) -> bool:
    return container.role is Role.ENVOY or container.health_check is not None
