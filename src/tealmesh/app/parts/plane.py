"""What every control plane has: the App Mesh API and our own, deployments, and the page."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from functools import partial

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tealmesh import __version__
from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.grace import end_grace
from tealmesh.apis.appmesh.shifting import RouteShifts
from tealmesh.apis.tealmesh.api import Tealmesh
from tealmesh.app.callers import login
from tealmesh.app.callers.entrance import Entrance
from tealmesh.app.dashboard.dashboard import Dashboard
from tealmesh.app.dashboard.routes import OPEN
from tealmesh.app.database import watch_database
from tealmesh.app.hearing import Heard
from tealmesh.app.observing import ready, spans
from tealmesh.app.observing.calls import Calls
from tealmesh.app.observing.following import Following
from tealmesh.app.observing.lag import UNREADY_SECONDS, Lag
from tealmesh.app.observing.metrics import Sources, families
from tealmesh.app.observing.spans import Spans
from tealmesh.app.pages import openmetrics
from tealmesh.app.pages.mounted import Pages
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.ports import Cloud, OtherServices, Worker
from tealmesh.app.parts.replication import ROLLOUTS, TIMERS
from tealmesh.app.parts.streams import Streams
from tealmesh.app.retention import Retention
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.clock import random_id, steady_clock, system_clock
from tealmesh.model.identity.rings import keys_in
from tealmesh.rollout.asking.others import connected
from tealmesh.rollout.changes import Changes
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.api import ApiDriver
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.drivers.by_terraform import ByTerraform
from tealmesh.rollout.inventory.whole import Inventory
from tealmesh.rollout.notices import links
from tealmesh.rollout.notices.sending import Sending
from tealmesh.rollout.operations import Operations
from tealmesh.store import tables


class Plane:
    """One control plane, connected with what surrounds it."""

    def __init__(
        self,
        ground: Ground,
        entrance: Entrance,
        aws: OtherServices,
        streams: Streams,
        cloud: Cloud,
    ) -> None:
        config, store = ground.config, ground.store
        self._ground, self._config, self._store = ground, config, store
        self._entrance, self._streams, self._cloud = entrance, streams, cloud
        self._client = aws.client
        self._links = keys_in(config.data_dir / "link-key")
        self._aws = Aws(aws.client)
        self._driver = ApiDriver(aws.fenced, config.region, callers=cloud.callers, xds=cloud.xds_at)
        self._following = Following(store, streams.cache.wait_converged, steady_clock)
        fed = streams.cache.fed
        self._lag = Lag(store.fresh, lambda: fed.revision, steady_clock)
        self._calls = Calls(self._following.wrote)
        self._spans = Spans(entrance.server_id) if spans.wanted(os.environ) else None
        if self._spans is not None:
            self._following.told.append(self._spans.tell)
        metrics = streams.metrics
        self.controller = Controller(
            store,
            ByTerraform(store, self._driver),
            streams.cache.wait_converged,
            metrics.callers_saw,
            metrics.callers_saw_after,
            Changes(store),
            clock=steady_clock,
            new_id=random_id,
            image_problem=cloud.image_problem,
            on_transition=config.on_transition,
            supervisor=ground.supervisor,
            others=connected(store, self._aws.cloudwatch, ground.endpoint, os.environ),
            beside=metrics.callers_saw_beside,
            hearing=Heard(store, metrics),
            missing=metrics.missing,
        )
        controller = self.controller
        ground.replication.show(controller.published, controller.heard, self._deploying)
        self._dashboard = Dashboard(
            config,
            cloud.summary,
            store,
            self.controller,
            metrics,
            streams.cache,
            streams.seen,
            cloud.health,
            ground.supervisor,
            ground.stop,
        )

    def workers(self) -> Iterator[Worker]:
        """What runs as long as the control plane, by its name for people."""
        store, controller = self._store, self.controller
        once = self._ground.replication.once
        yield from self._ground.replication.workers()
        yield from self._streams.workers()
        if store.shared:
            yield "the database", partial(watch_database, store)
        yield "the end of routes' grace periods", once(TIMERS, partial(end_grace, store))
        yield "the deployments", once(ROLLOUTS, controller.run)
        yield "the deployments of groups", once(ROLLOUTS, controller.groups.run)
        yield "the sides kept for a way back", once(ROLLOUTS, controller.keep)
        if store.shared:
            yield "the lag of the view", self._lag.run
        yield "the following of changes", self._following.run
        yield "the sending of notices", once(TIMERS, self._sending().run)
        yield "the stream of the page", self._dashboard.run
        yield "the record of refusals", self._entrance.refusals.run
        yield "the end of sessions", once(TIMERS, self._entrance.forget)
        retention = Retention.of(self._config, store)
        yield "the retention of events, deployments and logs", once(TIMERS, retention.run)
        yield from self._cloud.workers()
        replication = self._ground.replication
        gone = replication.presence.gone if replication.presence is not None else None
        log = self._ground.log
        yield "the log of troubles", partial(log.run, replication.replica, gone)

    def gateway(self) -> ASGIApp:
        """The ASGI application of the HTTP port."""
        ours = self._tealmesh()
        services = {
            "appmesh": self._app_mesh(),
            "tealmesh": ours,
            "xray": self._streams.tracing.xray,
            **self._cloud.apis(),
        }
        models = {name: load_model(name) for name in services}
        of_tasks = tuple(self._cloud.open_paths())
        return build_gateway(
            services,
            models,
            self._health,
            self._cloud.others(services),
            routes=[
                *self._cloud.routes(),
                *self._pages(),
                *self._dashboard.routes(self._entrance, models["tealmesh"], ours),
            ],
            allowed_hosts=self._config.allowed_hosts,
            open_paths=(*of_tasks, links.PATH, login.PATH, ready.PATH, *OPEN),
            loopback_paths=of_tasks,
            certified=self._ground.beyond.certified,
            front=self._entrance.front,
            aliases={at: openmetrics.PATH} if (at := self._cloud.metrics_at) else {},
            observe=self._calls,
            leased=self._ground.replication.carried,
            fresh=self._store.fresh,
        )

    async def listen(self) -> None:
        """Start the servers beside the HTTP port. Raises TealError if a port is in use."""
        await self._streams.listen()
        await self._cloud.listen()

    async def hand_over(self) -> None:
        """Let other replicas do what happens once, and let Envoys go to them. Until the last one
        has gone everything else goes on: they get what changes, and convergence is known.
        """
        async with asyncio.TaskGroup() as handing:
            handing.create_task(self._ground.replication.give_up())
            handing.create_task(self._streams.drain())

    async def close(self) -> None:
        """Detach; tasks and Envoys keep running."""
        await self._cloud.close()
        self._driver.close()
        self._aws.close()
        await self._streams.close()
        await self._ground.replication.close()
        if self._spans is not None:
            await asyncio.to_thread(self._spans.close)

    def why_not_ready(self) -> Iterator[str]:
        """Why it may not be given calls and Envoys, each reason in words; none if it may."""
        if self._ground.stop.is_set():
            yield "it is being stopped"
        if away := self._store.away():
            yield f"the database is away: {away}"
        if self._streams.cache.fed.revision < 0:
            yield "what Envoys get has not been made yet"
        if (lag := self._lag.seconds()) > UNREADY_SECONDS:
            yield f"it has lacked changes of other replicas for {lag:.0f} s"
        yield from self._cloud.why_not_ready()

    def warnings(self) -> Iterator[str]:
        """What does not work although it is ready, in words."""
        if refusing := self._store.refusing():
            yield f"the database takes no writes: {refusing}"

    def _deploying(self) -> bool:
        """Whether a deployment is unfinished."""
        deployments = self._store.view.list(tables.DEPLOYMENTS)
        return any(one.body["finished_at"] is None for one in deployments)

    def _app_mesh(self) -> AppMesh:
        return AppMesh(
            self._store,
            self._config.account,
            system_clock,
            random_id,
            route_grace=self._config.route_grace,
            take_certificate=self._streams.certificates.take,
        )

    def _tealmesh(self) -> Tealmesh:
        store, cloud, metrics = self._store, self._cloud, self._streams.metrics
        operations = Operations(
            store,
            self.controller,
            self._driver,
            metrics.callers_saw,
            steady_clock,
            cloud.image_problem,
            cloud.port_problem,
            cloud.system_problem,
            cloud.lag,
        )
        return Tealmesh(
            store,
            self.controller,
            operations,
            Inventory(store, metrics.traffic, steady_clock),
            self._streams.seen,
            cloud.load_balancers,
            cloud.logs,
            RouteShifts(store, self._config.account, system_clock).shift,
            cloud.shut_down,
            cloud.without_effect,
            self._entrance.sessions,
            self._dashboard.shown,
            self._ground.supervisor.troubles,
            cloud.health,
            self._streams.tracing.traces,
            self._ground.replication.control_planes,
        )

    def _sending(self) -> Sending:
        """The notices of deployments."""
        return Sending(
            self._store,
            self._client,
            self._ground.endpoint,
            self._links,
            system_clock,
            self._ground.supervisor,
        )

    def _pages(self) -> Iterator[BaseRoute]:
        """Our own pages."""
        envoys = self._streams.cache.envoys
        metrics = self._streams.metrics
        sources = Sources(
            self._store,
            self._streams.cache,
            self._calls,
            self._following,
            self._ground.supervisor.troubles,
            self.why_not_ready,
            self._ground.replication.leases.held,
            self._lag.seconds,
            self._dashboard.stream.seconds,
        )
        more = partial(families, sources)
        pages = Pages(self._store, self.controller, metrics, envoys, self._links, more)
        yield from pages.routes()
        yield self._entrance.login.route()
        yield ready.route(self.why_not_ready, self.warnings)

    def _health(self) -> dict[str, str | int | bool]:
        return {
            "status": "ok",
            "pid": os.getpid(),
            "version": __version__,
            "revision": self._store.revision,
            "serverId": self._entrance.server_id,
            "dataDir": str(self._config.data_dir),
            "runtime": self._cloud.summary,
            "engine": self._cloud.engine,
            **self._ground.replication.health(),
        }
