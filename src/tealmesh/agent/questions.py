"""What the agent answers, at port 9902.

| | |
|---|---|
| ``GET /health`` | 200 if Envoy may be given requests, else 503 with the reason |
| ``GET /status`` | what is known of Envoy, as JSON |
| ``GET /stats/prometheus`` | Envoy's statistics; ``?usedonly`` for those that were ever counted |
| ``POST /drain`` | has the task drained; answered in the end, within ``?seconds=`` |
| ``POST /drain_listeners`` | Envoy asks its clients to connect elsewhere |
| ``POST /enableLogging?level=`` | the level of Envoy's log |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tealmesh.agent.answering import Reply, Routes
from tealmesh.agent.asking import Admin
from tealmesh.agent.health import Health
from tealmesh.agent.leaving import DRAIN, Outcome
from tealmesh.agent.settings import Settings
from tealmesh.envoy.bootstrap.environment import number
from tealmesh.model.clock import steady_clock
from tealmesh.model.errors import EngineError, TealError

LEVELS = ("trace", "debug", "info", "warning", "warn", "error", "critical", "off")
MOST_DRAIN_SECONDS = 7 * 24 * 3600.0


class Questions:
    """Answers for one Envoy."""

    def __init__(
        self,
        chosen: Settings,
        status: Callable[[], Awaitable[Health]],
        leave: Callable[[float], Awaitable[Outcome]],
        admin: Callable[[], Admin],
    ) -> None:
        self._chosen = chosen
        self._status = status
        self._leave = leave
        self._admin = admin

    @property
    def routes(self) -> Routes:
        """By method and path."""
        return {
            ("GET", "/health"): self._health,
            ("GET", "/status"): self._told,
            ("GET", "/stats/prometheus"): self._prometheus,
            ("POST", "/drain"): self._drain,
            ("POST", "/drain_listeners"): self._drain_listeners,
            ("POST", "/enableLogging"): self._logging,
        }

    async def _health(self, query: Mapping[str, str]) -> Reply:
        status = (await self._status()).status(steady_clock())
        reason = status["reason"]
        return Reply(503, f"{reason}\n".encode()) if reason else Reply(200, b"HEALTHY\n")

    async def _told(self, query: Mapping[str, str]) -> Reply:
        return Reply.of((await self._status()).status(steady_clock()))

    async def _prometheus(self, query: Mapping[str, str]) -> Reply:
        used = "?usedonly" if "usedonly" in query else ""
        return await self._passed(f"/stats/prometheus{used}")

    async def _drain(self, query: Mapping[str, str]) -> Reply:
        limit = number(query, "seconds", self._chosen.drain_seconds, (0, MOST_DRAIN_SECONDS))
        return Reply.of(await self._leave(limit))

    async def _drain_listeners(self, query: Mapping[str, str]) -> Reply:
        return await self._passed(DRAIN, "POST")

    async def _logging(self, query: Mapping[str, str]) -> Reply:
        level = query.get("level", "")
        if level not in LEVELS:
            raise TealError(f"level = {level!r}: must be one of {', '.join(LEVELS)}")
        return await self._passed(f"/logging?level={level}", "POST")

    async def _passed(self, target: str, method: str = "GET") -> Reply:
        """What Envoy's admin interface answers."""
        try:
            answer = await self._admin().ask(target, method)
        except EngineError as error:
            return Reply(503, f"{error}\n".encode())
        return Reply(answer.status, answer.body)
