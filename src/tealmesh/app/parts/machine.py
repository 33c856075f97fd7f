"""What the one-machine cloud adds: tasks that run here, load balancers, names, the ECS API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from starlette.routing import BaseRoute

from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.elasticloadbalancing.api import ElasticLoadBalancing, end_draining
from tealmesh.apis.elasticloadbalancing.feed import Feed
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.apis.servicediscovery.dns_server import DnsServer, Resolver
from tealmesh.apis.tealmesh.ports import LoadBalancers
from tealmesh.apis.tealmesh.ports import Logs as TaskLogs
from tealmesh.app.callers.entrance import Entrance
from tealmesh.app.findings import every_member_without_effect, port_problem
from tealmesh.app.host import HOST, RESOLVER_HOST
from tealmesh.app.lost_state import DATABASE, watch_directory
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.own_aws import OwnAws
from tealmesh.app.parts.ports import Worker
from tealmesh.app.parts.streams import Streams
from tealmesh.app.seams import Seams
from tealmesh.app.settings import AppConfig
from tealmesh.app.task_logs import Logs
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.overlay import Overlay
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.engine.context import EngineContext
from tealmesh.engine.engine import Engine
from tealmesh.engine.load_balancers.fleet import Fleet
from tealmesh.engine.load_balancers.health import TargetHealth
from tealmesh.engine.load_balancers.report import Report
from tealmesh.engine.renewal import renew
from tealmesh.engine.runtimes.build import Built
from tealmesh.engine.runtimes.task_urls import CREDENTIALS, METADATA
from tealmesh.engine.task.metadata import Metadata
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.health import TaskHealth
from tealmesh.model.wire import MemberWithoutEffect
from tealmesh.rollout.drivers.base import SeenByCallers
from tealmesh.rollout.system import GatewaySystem
from tealmesh.store import View, tables
from tealmesh.store.snapshot import load_balancer_addresses


class Machine:
    """A `ports.Cloud` on one machine."""

    def __init__(
        self,
        ground: Ground,
        config: AppConfig,
        built: Built,
        aws: OwnAws,
        entrance: Entrance,
        streams: Streams,
    ) -> None:
        store = ground.store
        self._ground, self._config, self._aws = ground, config, aws
        self._store = store
        self._streams = streams
        self._entrance = entrance
        self._database = (config.data_dir / DATABASE).stat().st_ino
        self._dns: list[DnsServer] = []
        self._runtime = built.runtime
        self.summary = built.description
        self.engine = True
        self.xds_at = ""
        self.lag = 0.0
        self.metrics_at = ""  # a bucket of S3 may be called "metrics"
        self._feed = Feed(store, aws.client)
        self._target_health = TargetHealth(store, built.envoys)
        usage = self._runtime.usage
        minute, health = config.scaling_minute, self._target_health
        self._seams = Seams(store, config.account, aws.client, usage, health, minute)
        self._fleet = Fleet(store, built.envoys, config.data_dir, config.lb_port, ground.supervisor)
        self._engine = Engine(self._engine_context())
        self.load_balancers: LoadBalancers = Report(
            store,
            self._fleet,
            self._target_health,
            streams.cache.envoys,
            lambda: streams.certificates.missing,
        )
        self.logs: TaskLogs = Logs(store, self._runtime, config.data_dir).last

    def callers(self) -> SeenByCallers:
        return self._engine.health

    def health(self) -> Sequence[TaskHealth]:
        return self._engine.health.shown()

    async def image_problem(self, image: str) -> str:
        images = [document.body for document in self._store.view.list(tables.IMAGES)]
        return await self._runtime.image_problem(image, images)

    def system_problem(self) -> str:
        return ""

    def port_problem(self, gateway: GatewaySystem) -> str:
        return port_problem(self._config.data_dir.resolve(), gateway)

    def without_effect(self, view: View) -> list[MemberWithoutEffect]:
        return every_member_without_effect(view)

    async def shut_down(self, stop_tasks: bool) -> int:
        stopped = 0
        if stop_tasks:
            stopped = await self._engine.stop_all()
            await self._fleet.stop_all()
        asyncio.get_running_loop().call_later(0.1, self._ground.stop.set)
        return stopped

    def apis(self) -> Mapping[str, object]:
        common = (self._store, self._config.account, system_clock, random_id)
        return {"ecs": Ecs(*common), "servicediscovery": ServiceDiscovery(*common)}

    def others(self, apis: Mapping[str, object]) -> Fallback:
        """moto, and what stands before it."""
        balancing = ElasticLoadBalancing(self._store, self._feed, self._target_health.health)
        seams = self._seams.before(self._aws.moto, apis, self._feed.changed)
        balanced = Overlay(load_model("elbv2"), balancing, seams)
        return self._aws.watching(balanced, self._streams.permissions.forget)

    def routes(self) -> Iterator[BaseRoute]:
        """The task metadata and credentials that tasks request from our port."""
        usage, sts = self._runtime.usage, partial(self._aws.client, "sts")
        keys, task_keys = self._ground.keys, self._entrance.task_keys
        yield from Metadata(self._store, keys, system_clock, usage, sts, task_keys).routes()

    def open_paths(self) -> Sequence[str]:
        return (METADATA, CREDENTIALS)

    def why_not_ready(self) -> Iterator[str]:
        yield from ()

    def workers(self) -> Iterator[Worker]:
        store, data_dir = self._store, self._config.data_dir
        yield "the other AWS services", self._aws.moto.run
        yield "the end of deregistration delays", partial(end_draining, store)
        yield "the data directory", partial(watch_directory, data_dir, self._database)
        yield "the tokens of Envoys", partial(renew, store, data_dir, self._ground.keys)
        yield "the engine", self._engine.run
        yield "the load balancers' Envoys", self._fleet.run
        yield from self._seams.workers()

    async def read_load_balancers(self) -> None:
        """Copy what the API has of load balancers, once it answers."""
        keep = self._ground.supervisor.keep
        await keep("the reading of load balancers", self._feed.run, ends=False)

    async def listen(self) -> None:
        """The name server of Envoys, and the DNS server if one is configured."""

        def view() -> View:
            return self._store.view

        xds_port, dns_port = self._config.xds_port, self._config.dns_port
        names, supervisor = load_balancer_addresses, self._ground.supervisor
        at = (view, RESOLVER_HOST, xds_port, names)
        self._dns.append(Resolver(*at, set_by="--xds-port", supervisor=supervisor))
        if dns_port is not None:
            self._dns.append(DnsServer(view, HOST, dns_port, names, supervisor=supervisor))
        for server in self._dns:
            await server.start()

    async def close(self) -> None:
        for server in self._dns:
            await server.close()
        await self._engine.close()

    def _engine_context(self) -> EngineContext:
        return EngineContext(
            store=self._store,
            runtime=self._runtime,
            clock=system_clock,
            new_id=random_id,
            converged=self._streams.converged,
            client=self._aws.client,
            target_health=self._target_health.health,
            in_flight=self._target_health.in_flight,
            barred=self._streams.admission.barred,
            data_dir=self._config.data_dir,
            region=self._config.region,
            supervisor=self._ground.supervisor,
        )
