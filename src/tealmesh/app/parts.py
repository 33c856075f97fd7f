"""The parts of one control plane, made and connected: the map of what runs in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tealmesh import __version__
from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.apis.appmesh.grace import end_grace
from tealmesh.apis.appmesh.shifting import RouteShifts
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.elasticloadbalancing.api import ElasticLoadBalancing, end_draining
from tealmesh.apis.elasticloadbalancing.feed import Feed
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.apis.servicediscovery.dns_server import DnsServer, Resolver
from tealmesh.apis.tealmesh.api import Tealmesh
from tealmesh.app import login
from tealmesh.app.dashboard.dashboard import Dashboard
from tealmesh.app.dashboard.routes import OPEN
from tealmesh.app.dashboard.tracing import Tracing
from tealmesh.app.entrance import Entrance
from tealmesh.app.envoys.admission import Admission, SeenEnvoys
from tealmesh.app.envoys.permission import Permissions
from tealmesh.app.envoys.server import EnvoyServer
from tealmesh.app.feed import feed
from tealmesh.app.findings import every_member_without_effect, port_problem
from tealmesh.app.hearing import Heard
from tealmesh.app.host import HOST, RESOLVER_HOST, endpoint
from tealmesh.app.lost_state import DATABASE, JOURNAL, watch_directory
from tealmesh.app.pages import Pages
from tealmesh.app.retention import Retention
from tealmesh.app.seams import Seams
from tealmesh.app.settings import AppConfig
from tealmesh.app.task_logs import Logs
from tealmesh.app.transport.tls import Beyond
from tealmesh.app.troubles import TroubleLog
from tealmesh.aws.clients import client
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.moto.apart.front import Apart
from tealmesh.aws.moto.apart.keeper import Keeper
from tealmesh.aws.overlay import Overlay
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.engine.context import EngineContext
from tealmesh.engine.engine import Engine
from tealmesh.engine.load_balancers.fleet import Fleet
from tealmesh.engine.load_balancers.health import TargetHealth
from tealmesh.engine.load_balancers.report import Report
from tealmesh.engine.load_balancers.serving import serving_load_balancers
from tealmesh.engine.renewal import renew
from tealmesh.engine.runtimes.build import Built
from tealmesh.engine.runtimes.task_urls import CREDENTIALS, METADATA
from tealmesh.engine.serving import ServingTasks
from tealmesh.engine.task.metadata import Metadata
from tealmesh.envoy.translate import Translator
from tealmesh.model.clock import random_id, steady_clock, system_clock
from tealmesh.model.identity.bindings import watched_bindings
from tealmesh.model.identity.keys import Keys
from tealmesh.model.identity.rings import keys_in
from tealmesh.rollout.asking.others import connected
from tealmesh.rollout.changes import Changes
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.api import ApiDriver
from tealmesh.rollout.drivers.aws import Aws, fenced
from tealmesh.rollout.inventory.whole import Inventory
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.rollout.notices import links
from tealmesh.rollout.notices.sending import Sending
from tealmesh.rollout.operations import Operations
from tealmesh.store import Store, View, tables
from tealmesh.store.snapshot import load_balancer_addresses
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.cache import AdsCache


class Parts:
    """The parts of one control plane, connected."""

    def __init__(
        self,
        config: AppConfig,
        store: Store,
        stop: asyncio.Event,
        built: Built,
        supervisor: Supervisor,
        keys: Keys,
        log: TroubleLog,
        moto: Keeper,
        beyond: Beyond,
    ) -> None:
        self.config = config
        self._supervisor = supervisor
        self._database = (config.data_dir / DATABASE).stat().st_ino
        self.endpoint = endpoint(config)
        self._store = store
        self._stop = stop
        self._keys = keys
        self._links = keys_in(config.data_dir / "link-key")
        self._moto = Apart(moto, config.moto_seconds, partial(store.note, JOURNAL))
        self._entrance = Entrance(config, store, keys, self._client, self._moto.key)
        self._permissions = Permissions(
            store,
            self._entrance.policies.role,
            steady_clock,
            system_clock,
            config.region,
            config.account,
        )
        roles = self._entrance.role_identities(self.endpoint)
        named = watched_bindings(config.data_dir)
        self._admission = Admission(
            store, keys, self._permissions, system_clock, log.tell, named, roles
        )
        self.certificates = Certificates(store, self._client, self._moto.certificate)
        self._serving_tasks = ServingTasks()
        self.cache = AdsCache(Translator().translate, self._serving, steady_clock)
        self._metrics = Metrics(steady_clock)
        self._tracing = Tracing(config, self._admission)
        self._envoy_server = EnvoyServer(
            self.cache,
            self._metrics,
            self._admission,
            supervisor,
            config.xds_port,
            built.xds_socket,
            config.listening.envoys,
            beyond.certificates,
            self._tracing.servicer,
        )
        self._beyond = beyond
        self._dns: list[DnsServer] = []
        self._runtime = built.runtime
        self._runtime_summary = built.description
        self.load_balancers = Feed(store, self._client)
        self._aws = Aws(self._client)
        self._driver = ApiDriver(
            lambda service: fenced(self._client(service)),
            config.region,
            callers=lambda: self.engine.health,
        )
        self._target_health = TargetHealth(store, built.envoys)
        self._seams = Seams(
            store,
            config.account,
            self._client,
            self._runtime.usage,
            self._target_health,
            config.scaling_minute,
        )
        self.fleet = Fleet(store, built.envoys, config.data_dir, config.lb_port, supervisor)
        self.engine = Engine(self._engine_context())
        self.controller = Controller(
            store,
            self._driver,
            self.cache.wait_converged,
            self._metrics.callers_saw,
            self._metrics.callers_saw_after,
            Changes(store),
            clock=steady_clock,
            new_id=random_id,
            image_problem=self._image_problem,
            on_transition=config.on_transition,
            supervisor=supervisor,
            others=connected(store, self._aws.cloudwatch, self.endpoint, os.environ),
            beside=self._metrics.callers_saw_beside,
            hearing=Heard(store, self._metrics),
        )
        self._seen = SeenEnvoys(self.cache, self._admission)
        self._dashboard = Dashboard(
            config,
            built.description,
            store,
            self.controller,
            self._metrics,
            self.cache,
            self._seen,
            self.engine.health.shown,
            supervisor,
            stop,
        )

    def workers(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What runs as long as the control plane, by its name for people."""
        store, certificates = self._store, self.certificates
        fed = partial(feed, store, self.cache, certificates, self._supervisor)
        yield "the feed of Envoys", fed
        yield "the other AWS services", self._moto.run
        yield "the fetching of certificates", certificates.run
        yield "the end of routes' grace periods", partial(end_grace, store)
        yield "the end of deregistration delays", partial(end_draining, store)
        yield "the data directory", partial(watch_directory, self.config.data_dir, self._database)
        review = partial(self._envoy_server.review, self._permissions.changed)
        yield "the permissions of Envoys", review
        renewed = partial(renew, store, self.config.data_dir, self._keys)
        yield "the tokens of Envoys", renewed
        yield "the engine", self.engine.run
        yield "the load balancers' Envoys", self.fleet.run
        yield "the deployments", self.controller.run
        yield "the deployments of groups", self.controller.groups.run
        yield "the sides kept for a way back", self.controller.keep
        yield "the sending of notices", self._sending().run
        yield "the stream of the page", self._dashboard.run
        yield "the record of refusals", self._entrance.refusals.run
        yield "the end of sessions", self._entrance.forget
        yield "the retention of events, deployments and logs", Retention.of(self.config, store).run
        yield from self._seams.workers()

    async def read_load_balancers(self) -> None:
        """Copy what the API has of load balancers, once it answers."""
        run = self.load_balancers.run
        await self._supervisor.keep("the reading of load balancers", run, ends=False)

    def gateway(self) -> ASGIApp:
        """The ASGI application of the HTTP port."""
        common = (self._store, self.config.account, system_clock, random_id)
        operations = Operations(
            self._store,
            self.controller,
            self._driver,
            self._metrics.callers_saw,
            steady_clock,
            self._image_problem,
            partial(port_problem, self.config.data_dir.resolve()),
        )
        ours = Tealmesh(
            self._store,
            self.controller,
            operations,
            Inventory(self._store, self._metrics.traffic, steady_clock),
            self._seen,
            Report(
                self._store,
                self.fleet,
                self._target_health,
                self.cache.envoys,
                lambda: self.certificates.missing,
            ),
            Logs(self._store, self._runtime, self.config.data_dir).last,
            RouteShifts(self._store, self.config.account, system_clock).shift,
            self._shut_down,
            every_member_without_effect,
            self._entrance.sessions,
            self._dashboard.shown,
            self._supervisor.troubles,
            self.engine.health.shown,
            self._tracing.traces,
        )
        services = {
            "appmesh": AppMesh(
                *common,
                route_grace=self.config.route_grace,
                take_certificate=self.certificates.take,
            ),
            "ecs": Ecs(*common),
            "servicediscovery": ServiceDiscovery(*common),
            "tealmesh": ours,
            "xray": self._tracing.xray,
        }
        models = {name: load_model(name) for name in services}
        balancing = ElasticLoadBalancing(
            self._store, self.load_balancers, self._target_health.health
        )
        moto = Overlay(
            load_model("elbv2"),
            balancing,
            self._seams.before(self._moto, services, self.load_balancers.changed),
        )
        return build_gateway(
            services,
            models,
            self._health,
            self._entrance.watching(moto, self._permissions.forget),
            routes=[
                *self._routes(),
                *self._dashboard.routes(self._entrance, models["tealmesh"], ours),
            ],
            allowed_hosts=self.config.allowed_hosts,
            open_paths=(METADATA, CREDENTIALS, links.PATH, login.PATH, *OPEN),
            loopback_paths=(METADATA, CREDENTIALS),
            certified=self._beyond.certified,
            front=self._entrance.front,
        )

    async def _image_problem(self, image: str) -> str:
        images = [document.body for document in self._store.view.list(tables.IMAGES)]
        return await self._runtime.image_problem(image, images)

    def _sending(self) -> Sending:
        """The notices of deployments."""
        return Sending(
            self._store,
            self._client,
            self.endpoint,
            self._links,
            system_clock,
            self._supervisor,
        )

    def _routes(self) -> list[BaseRoute]:
        """The task metadata and credentials that tasks request from our port, and our pages."""
        usage, sts = self._runtime.usage, partial(self._client, "sts")
        metadata = Metadata(
            self._store, self._keys, system_clock, usage, sts, self._entrance.task_keys
        )
        pages = Pages(self._store, self.controller, self._metrics, self.cache.envoys, self._links)
        return [*metadata.routes(), *pages.routes(), self._entrance.login.route()]

    async def listen_xds(self) -> None:
        """Start the server that Envoys connect to. Raises TealError if its port is in use."""
        await self._envoy_server.start()

    async def listen_dns(self) -> None:
        """Start the name server of Envoys, and the DNS server if one is configured. Raises
        TealError if a port is in use.
        """

        def view() -> View:
            return self._store.view

        xds_port, dns_port = self.config.xds_port, self.config.dns_port
        names = load_balancer_addresses
        at = (view, RESOLVER_HOST, xds_port, names)
        self._dns.append(Resolver(*at, set_by="--xds-port", supervisor=self._supervisor))
        if dns_port is not None:
            self._dns.append(DnsServer(view, HOST, dns_port, names, supervisor=self._supervisor))
        for server in self._dns:
            await server.start()

    async def close(self) -> None:
        """Detach; tasks and Envoys keep running."""
        for server in self._dns:
            await server.close()
        await self.engine.close()
        self._driver.close()
        self._aws.close()
        await self._envoy_server.close()

    def _client(self, service: str, region: str = "") -> Any:
        """A boto3 client of our own port; by default in our own region."""
        where = region or self.config.region
        return client(service, self.endpoint, where, secret=self._entrance.our_secret)

    def _serving(self, scope: str) -> list[str]:
        """The Envoys that must acknowledge what changes in a mesh, or in a load balancer."""
        view, cut_off = self._store.view, self._admission.cut_off
        tasks = self._serving_tasks.of(view, scope)
        if self._permissions.refuses:
            tasks = [task for task in tasks if not cut_off(task)]
        return [*tasks, *serving_load_balancers(view, scope)]

    async def _converged(self, mesh: str, revision: int, timeout: float) -> bool:
        return (await self.cache.wait_converged(mesh, revision, timeout)).converged

    async def _shut_down(self, stop_tasks: bool) -> int:
        """Stop after answering; returns the number of tasks that were stopped before."""
        stopped = 0
        if stop_tasks:
            stopped = await self.engine.stop_all()
            await self.fleet.stop_all()
        asyncio.get_running_loop().call_later(0.1, self._stop.set)
        return stopped

    def _engine_context(self) -> EngineContext:
        return EngineContext(
            store=self._store,
            runtime=self._runtime,
            clock=system_clock,
            new_id=random_id,
            converged=self._converged,
            client=self._client,
            target_health=self._target_health.health,
            in_flight=self._target_health.in_flight,
            barred=self._admission.barred,
            data_dir=self.config.data_dir,
            region=self.config.region,
            supervisor=self._supervisor,
        )

    def _health(self) -> dict[str, str | int]:
        return {
            "status": "ok",
            "pid": os.getpid(),
            "version": __version__,
            "revision": self._store.revision,
            "serverId": self._entrance.server_id,
            "dataDir": str(self.config.data_dir),
            "runtime": self._runtime_summary,
        }
