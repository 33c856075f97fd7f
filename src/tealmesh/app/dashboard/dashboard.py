"""The page's part of a control plane: one stream, and what it and the page's operations show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from starlette.routing import BaseRoute

from tealmesh import __version__
from tealmesh.apis.tealmesh import answers
from tealmesh.apis.tealmesh.api import Tealmesh
from tealmesh.app.callers.entrance import Entrance
from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.files import Files
from tealmesh.app.dashboard.routes import page_routes
from tealmesh.app.dashboard.sight import Sight
from tealmesh.app.dashboard.sources import Sources
from tealmesh.app.dashboard.stream import Stream
from tealmesh.app.envoys.seen import SeenEnvoys
from tealmesh.app.settings import CommonConfig
from tealmesh.aws.wire.apimodel import Model
from tealmesh.model import wire
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import random_id, steady_clock, system_clock
from tealmesh.model.ecs import reasons
from tealmesh.model.health import TaskHealth
from tealmesh.model.identity.caller import OURSELVES, Caller
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.streams.cache import AdsCache


class Dashboard:
    """That of one control plane."""

    def __init__(
        self,
        config: CommonConfig,
        runtime: str,
        store: Store,
        controller: Controller,
        metrics: Metrics,
        cache: AdsCache,
        seen: SeenEnvoys,
        health: Callable[[], Sequence[TaskHealth]],
        supervisor: Supervisor,
        stopping: asyncio.Event,
    ) -> None:
        """``runtime``: how tasks run, in words; ``seen``: the Envoys, refused ones too."""
        self._region = config.region
        self._fresh = store.fresh
        self._api: Tealmesh | None = None

        def troubles() -> list[wire.WorkerTrouble]:
            # Whole seconds: what is as far away as before is no news.
            now = round(system_clock())
            told = [answers.trouble(one, now) for one in supervisor.troubles()]
            for one in told:
                one["error"] = reasons.told(one["error"])
                if "nextTryAt" in one:
                    one["nextTryAt"] = round(one["nextTryAt"])
            return told

        self._files = Files(begun=lambda: self.stream.expect())
        sources = Sources(
            store=store,
            latest=controller.latest,
            grown=lambda since: list(metrics.grown_since(since)),
            envoys=partial(seen.envoys, pending=False),
            unmoved=seen.unmoved,
            convergence=cache.convergence,
            held=cache.held,
            health=health,
            troubles=troubles,
            about={
                "version": __version__,
                "startedAt": system_clock(),
                "dataDir": str(config.data_dir),
                "runtime": runtime,
            },
            page=self._files.script,
        )
        self.shown = Sight(sources, system_clock, steady_clock)
        reads = (self._standing, self.shown.flowing)
        self.stream = Stream(reads, random_id()[:8], steady_clock, stopping)
        self.run = self.stream.run

    def routes(self, entrance: Entrance, model: Model, api: Tealmesh) -> list[BaseRoute]:
        """Where the page is. ``model`` and ``api`` are of our own API."""
        self._api = api
        sessions, people, front = entrance.sessions, entrance.people, entrance.front
        return page_routes(
            sessions, people, front, model, api, self._region, self.stream, self._files, self._fresh
        )

    async def _standing(self) -> dict[str, Items]:
        return await self.shown.standing(partial(_groups, self._api, self._region))


async def _groups(api: Tealmesh | None, region: str) -> Sequence[wire.Group]:
    if api is None:
        return []
    caller = Caller(DEFAULT_ACCOUNT, region, OURSELVES, "")
    return (await api.list_groups(caller, {}))["groups"]
