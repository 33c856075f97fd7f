"""Makes the parts of a control plane, connects them, and runs them in one TaskGroup.

Begin with `run`, then `_Parts`. What each part expects of the others is in docs/design/001.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tealmesh import __version__
from tealmesh.apis.applicationautoscaling.api import ApplicationAutoScaling
from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.apis.appmesh.grace import end_grace
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.ecs.without_effect import without_effect
from tealmesh.apis.elasticloadbalancing.api import ElasticLoadBalancing, end_draining
from tealmesh.apis.elasticloadbalancing.feed import Feed
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.apis.servicediscovery.dns_server import DnsServer, Resolver, respond_in_task
from tealmesh.apis.tealmesh.api import ContainerLine, Tealmesh
from tealmesh.app.feed import feed
from tealmesh.app.host import HOST, RESOLVER_HOST, Http, listen, only_one, token, unusable
from tealmesh.aws.clients import client
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.json_overlay import JsonOverlay
from tealmesh.aws.moto.backend import Moto
from tealmesh.aws.overlay import Overlay
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.engine.context import EngineContext
from tealmesh.engine.engine import Engine
from tealmesh.engine.load_balancers.admin import Admin
from tealmesh.engine.load_balancers.fleet import Fleet
from tealmesh.engine.load_balancers.health import TargetHealth
from tealmesh.engine.load_balancers.report import Report
from tealmesh.engine.load_balancers.serving import serving_load_balancers
from tealmesh.engine.runtimes.build import Built, build
from tealmesh.engine.runtimes.choice import Mode
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.serving import serving_tasks
from tealmesh.engine.task.metadata import Metadata
from tealmesh.envoy.translate import Translator
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION, last_part
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.config.parse import parse_additions
from tealmesh.model.errors import TealError
from tealmesh.rollout.changes import Changes
from tealmesh.rollout.controller import Controller, OnTransition
from tealmesh.rollout.documents import image_body, put_adopted
from tealmesh.rollout.drivers.api import ApiDriver
from tealmesh.rollout.inventory.whole import Inventory
from tealmesh.rollout.metrics.servicer import MetricsServicer
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.rollout.operations import Operations
from tealmesh.seams.scaling.alarms import Alarms
from tealmesh.store import Store, Transaction, View, tables
from tealmesh.store.snapshot import load_balancer_addresses
from tealmesh.xds.cache import AdsCache
from tealmesh.xds.server import AdsServicer


@dataclass(frozen=True)
class AppConfig:
    """The configuration of a control plane."""

    data_dir: Path
    """The database, the tasks' files and the xDS token; for one control plane at a time."""
    port: int = 4566
    """Of the AWS APIs and our own."""
    xds_port: int = 18000
    """Of the gRPC server that Envoys connect to."""
    config_file: Path | None = None
    """A teal.toml whose ``[images]`` and ``[adopted]`` are used from the start."""
    route_grace: float = 5.0
    """Seconds that a router's last route is still served after its deletion; 0 for none."""
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    on_transition: OnTransition | None = None
    """Called at every committed transition of a deployment; for tests."""
    runtime: Mode = "auto"
    """What tasks run as: see `engine.runtimes.choice`."""
    dns_port: int | None = None
    """Of the DNS server for Cloud Map names; None for no server."""
    lb_port: int | None = None
    """Where the Host header selects a load balancer; None for no such port."""


@dataclass(frozen=True)
class AppInfo:
    """What a control plane reports when it is ready."""

    endpoint: str
    data_dir: Path
    runtime: str = ""
    """What tasks run as and why, in words."""


async def run(
    config: AppConfig,
    *,
    ready: Callable[[AppInfo], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a control plane until ``stop`` is set. Its tasks keep running.

    Raises TealError, which says what to do, if it cannot start.
    """
    stop = stop or asyncio.Event()
    with only_one(config.data_dir), listen(config.port, "--port") as listener:
        store = Store.open(config.data_dir / "state.db")
        try:
            await _run(config, store, listener, ready, stop)
        except OSError as error:
            # From starting: errors of running parts arrive in an exception group.
            raise unusable(config.data_dir, error) from error
        finally:
            store.close()


async def _run(
    config: AppConfig,
    store: Store,
    listener: socket.socket,
    ready: Callable[[AppInfo], None] | None,
    stop: asyncio.Event,
) -> None:
    plane = ControlPlane(
        endpoint=_endpoint(config),
        xds_address=f"{HOST}:{config.xds_port}",
        xds_token=token(config.data_dir),
        dns_address=(RESOLVER_HOST, config.xds_port),
        region=config.region,
    )

    def respond(question: bytes, fixed: Mapping[str, str], udp: bool) -> bytes | None:
        return respond_in_task(question, store.view, fixed, udp=udp)

    built = await build(config.runtime, config.data_dir, store, plane, respond, os.environ)
    parts = _Parts(config, store, stop, built)
    await parts.store_images()
    await parts.listen_xds()
    await parts.listen_dns()
    http = Http(parts.gateway(), listener)
    try:
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(feed(store, parts.cache, parts.certificates)),
                group.create_task(parts.certificates.run()),
                group.create_task(end_grace(store, system_clock)),
                group.create_task(end_draining(store, system_clock)),
                group.create_task(parts.engine.run()),
                group.create_task(parts.fleet.run()),
                group.create_task(parts.controller.run()),
            ]
            serving = group.create_task(http.run_until_stopped())
            await http.listening()
            running.append(group.create_task(parts.load_balancers.run()))
            if ready is not None:
                ready(AppInfo(parts.endpoint, config.data_dir, built.description))
            await stop.wait()
            http.should_exit = True
            await serving
            for task in running:
                task.cancel()
    except* TealError as group_error:
        raise group_error.exceptions[0] from group_error
    finally:
        await parts.close()


class _Parts:
    """The parts of one control plane, connected."""

    def __init__(self, config: AppConfig, store: Store, stop: asyncio.Event, built: Built) -> None:
        self.config = config
        self.endpoint = _endpoint(config)
        self._store = store
        self._stop = stop
        self._token = token(config.data_dir)
        self._moto = Moto(config.data_dir / "moto.jsonl")
        self.certificates = Certificates(store, self._client, self._moto.certificate)
        self.cache = AdsCache(Translator().translate, self._serving, system_clock)
        self._ads = AdsServicer(self.cache, self._token)
        self._metrics = Metrics(system_clock)
        self._counted = MetricsServicer(self._metrics, self._token)
        self._dns: list[DnsServer] = []
        self._grpc = grpc.aio.server()
        self._runtime = built.runtime
        self._runtime_summary = built.description
        self._xds_socket = built.xds_socket
        self.load_balancers = Feed(store, self._client)
        self._driver = ApiDriver(self._client, config.region)
        self._admin = Admin()
        self._alarms = Alarms(store, self._client)
        self._target_health = TargetHealth(store, built.envoys, self._admin)
        self.fleet = Fleet(store, built.envoys, self._admin, config.data_dir, config.lb_port)
        self.engine = Engine(self._engine_context())
        self.controller = Controller(
            store,
            self._driver,
            self.cache.wait_converged,
            self._metrics.callers_saw,
            Changes(store),
            clock=system_clock,
            new_id=random_id,
            on_transition=config.on_transition,
        )

    def gateway(self) -> ASGIApp:
        """The ASGI application of the HTTP port."""
        common = (self._store, self.config.account, system_clock, random_id)
        operations = Operations(
            self._store, self.controller, self._driver, self._metrics.callers_saw, system_clock
        )
        services = {
            "appmesh": AppMesh(
                *common,
                route_grace=self.config.route_grace,
                take_certificate=self.certificates.take,
            ),
            "ecs": Ecs(*common),
            "servicediscovery": ServiceDiscovery(*common),
            "tealmesh": Tealmesh(
                self._store,
                self.controller,
                operations,
                Inventory(self._store, self._metrics.traffic, system_clock),
                self.cache,
                Report(self._store, self.fleet, self._target_health, self.cache.envoys),
                self._logs,
                self._shut_down,
                without_effect,
            ),
        }
        models = {name: load_model(name) for name in services}
        balancing = ElasticLoadBalancing(
            self._store, self.load_balancers, self._target_health.health, system_clock
        )
        scaling = ApplicationAutoScaling(*common, self._alarms)
        moto = Overlay(
            load_model("elbv2"),
            balancing,
            JsonOverlay(load_model("application-autoscaling"), scaling, self._moto),
        )
        return build_gateway(services, models, self._health, moto, routes=self._task_routes())

    def _task_routes(self) -> list[BaseRoute]:
        """The task metadata and credentials that tasks request from our port."""
        usage = self._runtime.usage
        metadata = Metadata(
            self._store, self._token, system_clock, usage, lambda: self._client("sts")
        )
        return [*metadata.routes()]

    async def store_images(self) -> None:
        """Store ``[images]`` and ``[adopted]`` of the configuration file. Raises TealError if it is
        wrong.
        """
        file = self.config.config_file
        if file is None:
            return
        try:
            additions = parse_additions(file.read_text(), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise TealError(f"{file} cannot be read: {error}") from error
        bodies = {image.pattern: image_body(image, str(file.parent)) for image in additions.images}

        def put(transaction: Transaction) -> None:
            for pattern, body in bodies.items():
                transaction.put(tables.IMAGES, pattern, body=body)
            put_adopted(transaction, additions.adopted)

        await self._store.write("teal up", "TakeImages", put)

    async def listen_xds(self) -> None:
        """Start the gRPC server that Envoys connect to. Raises TealError if its port is in use."""
        self._ads.add_to(self._grpc)
        self._counted.add_to(self._grpc)
        with listen(self.config.xds_port, "--xds-port"):
            pass  # Its error says what is wrong with the port; gRPC's does not.
        try:
            self._grpc.add_insecure_port(f"{HOST}:{self.config.xds_port}")
        except RuntimeError as error:
            raise TealError(f"port {self.config.xds_port}, for Envoys: {error}") from error
        if self._xds_socket is not None:
            # Its directory is mounted into containers, so that they see a new socket too.
            self._xds_socket.parent.mkdir(exist_ok=True)
            self._xds_socket.parent.chmod(0o755)
            self._xds_socket.unlink(missing_ok=True)
            self._grpc.add_insecure_port(f"unix:{self._xds_socket}")
        await self._grpc.start()
        if self._xds_socket is not None:
            # Envoys in containers run as other users. They are authenticated by the token.
            self._xds_socket.chmod(0o666)

    async def listen_dns(self) -> None:
        """Start the name server of Envoys, and the DNS server if one is configured. Raises
        TealError if a port is in use.
        """

        def view() -> View:
            return self._store.view

        xds_port, dns_port = self.config.xds_port, self.config.dns_port
        names = load_balancer_addresses
        self._dns.append(Resolver(view, RESOLVER_HOST, xds_port, names, set_by="--xds-port"))
        if dns_port is not None:
            self._dns.append(DnsServer(view, HOST, dns_port, names))
        for server in self._dns:
            await server.start()

    async def close(self) -> None:
        """Detach; tasks and Envoys keep running."""
        for server in self._dns:
            await server.close()
        await self.engine.close()
        await self._admin.close()
        self._driver.close()
        self._ads.close()
        self._counted.close()
        await self._grpc.stop(grace=0.2)
        self._moto.close()

    def _client(self, service: str, region: str = "") -> Any:
        """A boto3 client of our own port; by default in our own region."""
        return client(service, self.endpoint, region or self.config.region)

    def _serving(self, scope: str) -> list[str]:
        """The Envoys that must acknowledge what changes in a mesh, or in a load balancer."""
        view = self._store.view
        return [*serving_tasks(view, scope), *serving_load_balancers(view, scope)]

    async def _converged(self, mesh: str, revision: int, timeout: float) -> bool:
        return (await self.cache.wait_converged(mesh, revision, timeout)).converged

    async def _logs(self, task_arn: str, lines: int) -> list[ContainerLine]:
        """The last lines of each container of a task."""
        for document in self._store.view.list(tables.TASKS):
            if document.body["taskArn"] == task_arn:
                names = [container["name"] for container in document.body.get("containers", [])]
                break
        else:
            return []
        directory = self.config.data_dir / "tasks" / last_part(task_arn)
        return [
            ContainerLine(name, line)
            for name in names
            for line in await self._runtime.logs(directory, name, lines)
        ]

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
            data_dir=self.config.data_dir,
            region=self.config.region,
        )

    def _health(self) -> dict[str, str | int]:
        return {
            "status": "ok",
            "pid": os.getpid(),
            "version": __version__,
            "revision": self._store.revision,
            "dataDir": str(self.config.data_dir),
            "runtime": self._runtime_summary,
        }


def _endpoint(config: AppConfig) -> str:
    return f"http://{HOST}:{config.port}"
