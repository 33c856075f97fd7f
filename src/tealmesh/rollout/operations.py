"""What the operations of our own API do, beside running deployments: apply, weights, status."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tealmesh.model.clock import Clock
from tealmesh.model.config.nouns import Image, Strategy, TealConfig
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.images import ImageBody
from tealmesh.model.rollout import Deployment
from tealmesh.model.status import (
    Applied,
    AppliedSystem,
    GatewayStatus,
    ServiceStatus,
    SideStatus,
)
from tealmesh.rollout import system
from tealmesh.rollout.controller import CallersSaw, Controller, refuse_another
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.system import GatewaySystem, ServiceSystem
from tealmesh.store import Store, Transaction, View, tables


class Operations:
    """The operations by service name. Every one raises AwsError."""

    def __init__(
        self,
        store: Store,
        controller: Controller,
        driver: SystemDriver,
        traffic: CallersSaw,
        clock: Clock,
    ) -> None:
        self._store = store
        self._controller = controller
        self._driver = driver
        self._traffic = traffic
        self._clock = clock
        self._applying = asyncio.Lock()

    async def apply(self, actor: str, config: TealConfig, base_directory: str) -> AppliedSystem:
        """Bring the system to what ``config`` says; commands of its images run in
        ``base_directory``. What it says is stored before it is acted upon.
        """
        async with self._applying:
            services, gateways = system.services(config), system.gateways(config)
            for service in services:
                self._refuse_while_deploying(service)
            await self._store.write(
                actor, "Apply", lambda t: _put(t, config, services, gateways, base_directory)
            )
            try:
                return await self._apply(config, services, gateways)
            except DriverError as error:
                raise _failure(error) from error

    async def deploy(
        self, actor: str, service: str, image: str, strategy: Strategy | None, token: str
    ) -> Deployment:
        return await self._controller.deploy(actor, self._service(service), image, strategy, token)

    def strategy(self, service: str) -> Strategy:
        """The strategy that teal.toml gives a service."""
        return self._service(service).config.strategy

    async def approve(self, service: str) -> Deployment:
        self._service(service)
        return await self._controller.approve(service)

    async def rollback(self, actor: str, service: str) -> Deployment:
        return await self._controller.rollback(actor, self._service(service))

    async def set_weights(
        self, name: str, weights: Mapping[str, int]
    ) -> tuple[int, Mapping[str, int]]:
        """The revision that has the weights, and the weights of all sides; a side that is not
        named keeps its own.
        """
        service = self._service(name)
        self._refuse_while_deploying(service)
        sides = service.config.sides
        for side in weights:
            if side not in sides:
                raise _bad(f"weights: {side!r} must be one of the sides {', '.join(sides)}")
        try:
            wanted = {**await self._driver.weights(service), **weights}
            if sum(wanted.values()) == 0:
                raise _bad("weights: at least one must be greater than zero")
            for side, weight in weights.items():
                if weight and (await self._driver.observe(service, side)).healthy == 0:
                    raise _bad(f"weights: {side} = {weight}: it has no healthy task to serve it")
            done = await self._driver.set_weights(service, wanted)
            return done.revision, wanted
        except DriverError as error:
            raise _failure(error) from error

    async def status(self, window: float) -> tuple[list[ServiceStatus], list[GatewayStatus]]:
        """All services and gateways, with the traffic of the last ``window`` seconds."""
        since = self._clock() - window
        view = self._store.view
        try:
            services = [await self._status(service, since) for service in known_services(view)]
            gateways = [await self._gateway_status(gateway) for gateway in known_gateways(view)]
        except DriverError as error:
            raise _failure(error) from error
        return services, gateways

    def current(self, service: str) -> Deployment | None:
        """The running deployment with its newest observations, else the latest one."""
        self._service(service)
        return self._controller.latest(service)

    async def _apply(
        self, config: TealConfig, services: list[ServiceSystem], gateways: list[GatewaySystem]
    ) -> AppliedSystem:
        summary = await self._driver.apply_shared(config.mesh, config.cluster, config.namespace)
        hostnames = {s.name: s.config.hostname for s in known_services(self._store.view)}
        applied = []
        for service in services:
            applied.append(Applied(service.name, tuple(await self._driver.apply_service(service))))
        fronts = []
        for gateway in gateways:
            changes = await self._driver.apply_gateway(gateway, hostnames)
            fronts.append(Applied(gateway.name, tuple(changes)))
        for one in (*applied, *fronts):
            count = len(one.changes)
            changed = f"{count} change{'s'[: count != 1]}" if count else "as described"
            summary.append(f"{one.name}: {changed}")
        for service in services:
            summary += await self._other_image(service)
        return AppliedSystem(tuple(applied), tuple(fronts), tuple(summary))

    async def _other_image(self, service: ServiceSystem) -> list[str]:
        """A hint when a service runs another image than teal.toml names."""
        weights = await self._driver.weights(service)
        for side, weight in weights.items():
            image = (await self._driver.observe(service, side)).image if weight else ""
            if image and image != service.config.image:
                wanted = service.config.image
                return [
                    f"{service.name} runs {image}; teal.toml names {wanted}: "
                    f"`teal deploy {service.name} --image {wanted}`"
                ]
        return []

    async def _status(self, service: ServiceSystem, since: float) -> ServiceStatus:
        weights = await self._driver.weights(service)
        seen = {side: self._traffic(service, side, since) for side in service.config.sides}
        total = sum(traffic.requests for traffic in seen.values())
        sides = []
        for side, traffic in seen.items():
            tasks, node = await self._driver.observe(service, side), service.node(side)
            short = tasks.healthy < tasks.desired or tasks.pending
            sides.append(
                SideStatus(
                    side=side,
                    virtual_node=node,
                    weight=weights.get(side, 0),
                    tasks=tasks,
                    traffic=traffic,
                    share=traffic.requests / total if total else None,
                    missing=await self._driver.missing(service.cluster, node) if short else None,
                )
            )
        return ServiceStatus(
            service.name,
            service.mesh,
            service.config.hostname,
            service.config.port,
            tuple(sides),
            self._controller.latest(service.name),
        )

    async def _gateway_status(self, gateway: GatewaySystem) -> GatewayStatus:
        running, desired = await self._driver.running(gateway.cluster, gateway.name)
        missing = None
        if running < desired:
            missing = await self._driver.missing(gateway.cluster, gateway.name)
        config = gateway.config
        return GatewayStatus(
            gateway.name, gateway.mesh, config.address, config.port, running, desired, missing
        )

    def _refuse_while_deploying(self, service: ServiceSystem) -> None:
        refuse_another(self._controller.running(service.name))

    def _service(self, name: str) -> ServiceSystem:
        document = self._store.view.get(tables.SYSTEMS, name)
        if document is None:
            known = ", ".join(s.name for s in known_services(self._store.view))
            hint = f" (there is: {known})" if known else ": describe some and run `teal apply`"
            raise AwsError("NotFoundException", f"there is no service {name}{hint}")
        return ServiceSystem.from_json(document.body)


def known_services(view: View) -> list[ServiceSystem]:
    return [ServiceSystem.from_json(d.body) for d in view.list(tables.SYSTEMS)]


def known_gateways(view: View) -> list[GatewaySystem]:
    return [GatewaySystem.from_json(d.body) for d in view.list(tables.GATEWAYS)]


def _put(
    t: Transaction,
    config: TealConfig,
    services: list[ServiceSystem],
    gateways: list[GatewaySystem],
    base_directory: str,
) -> None:
    for service in services:
        document = t.get(tables.SYSTEMS, service.name)
        if document is not None:
            _refuse_other_sides(ServiceSystem.from_json(document.body), service)
        t.put(tables.SYSTEMS, service.name, body=service.to_json())
    for gateway in gateways:
        t.put(tables.GATEWAYS, gateway.name, body=gateway.to_json())
    for image in config.images:
        t.put(tables.IMAGES, image.pattern, body=image_body(image, base_directory))


def _refuse_other_sides(present: ServiceSystem, wanted: ServiceSystem) -> None:
    """Names by which running resources are found cannot change under them."""
    for member, before, after in (
        ("mesh", present.mesh, wanted.mesh),
        ("cluster", present.cluster, wanted.cluster),
        ("namespace", present.namespace, wanted.namespace),
        ("sides", present.config.sides, wanted.config.sides),
        ("hostname", present.config.hostname, wanted.config.hostname),
    ):
        if before != after:
            raise _bad(
                f"{wanted.name}: {member} = {after!r}: must stay {before!r} while the service is "
                "there"
            )


def image_body(image: Image, base_directory: str) -> ImageBody:
    """An entry of the image map as the store keeps it (``teal.image``)."""
    return {
        "pattern": image.pattern,
        "command": list(image.command),
        "cwd": base_directory,
        "environment": dict(image.environment),
    }


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def _failure(error: DriverError) -> AwsError:
    if error.retryable:
        return AwsError("InternalServerError", f"{error}; try again", status=500)
    return _bad(str(error))
