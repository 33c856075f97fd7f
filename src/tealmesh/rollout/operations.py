"""Apply a teal.toml, set weights by hand, and say how services and gateways stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.model.clock import SteadyClock
from tealmesh.model.config.nouns import Additions, TealConfig
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError, NotKnownYet
from tealmesh.model.rollout import Deployment
from tealmesh.model.rollout.explanation import Explanation
from tealmesh.model.status import (
    Applied,
    AppliedSystem,
    DescribedService,
    DescribedSide,
    GatewayStatus,
    Removed,
    ServiceStatus,
    SideStatus,
)
from tealmesh.rollout import beginning, documents, system
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.applying import alone, freezes
from tealmesh.rollout.applying.locked import Unlocked, unlocked
from tealmesh.rollout.applying.otherwise import of_gateway, of_service
from tealmesh.rollout.applying.removal import begin, finish
from tealmesh.rollout.applying.settings import settings_changes
from tealmesh.rollout.belongings import removal
from tealmesh.rollout.bundles.operations import BundleOperations
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.explaining import explain
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.performer import CallersSaw
from tealmesh.rollout.planning.forecast import Forecast
from tealmesh.rollout.planning.settling import once_known
from tealmesh.rollout.system import GatewaySystem, Service
from tealmesh.store import Store, Transaction, View

if TYPE_CHECKING:
    from tealmesh.model.teal import AdoptionBody


PortProblem = Callable[[GatewaySystem], str]
"""Why a gateway can never listen at its port; empty if it can, or may later."""


class Operations(BundleOperations):
    """Operations on services and gateways by name. Every one raises AwsError."""

    def __init__(
        self,
        store: Store,
        controller: Controller,
        driver: SystemDriver,
        traffic: CallersSaw,
        clock: SteadyClock,
        image_problem: preflight.ImageProblem,
        port_problem: PortProblem = lambda gateway: "",
        system_problem: Callable[[], str] = str,
        lag: float = 0.0,
    ) -> None:
        """``system_problem``: why no service or gateway of a teal.toml can be made; empty if they
        can. ``lag``: for how many seconds what ECS has may not be known here yet.
        """
        self._store = store
        self._controller = controller
        self._driver = driver
        self._traffic = traffic
        self._clock = clock
        self._lag = lag
        looks = (store, controller, driver, traffic, clock, image_problem)
        self.forecast = Forecast(*looks, lag=lag)
        self._port_problem = port_problem
        self._system_problem = system_problem
        self._applying = asyncio.Lock()

    async def apply(
        self, actor: str, config: TealConfig | Additions, base_directory: str
    ) -> AppliedSystem:
        """Create and change resources until they are as ``config`` describes, which is stored
        first. The commands of its images run in ``base_directory``. A service whose deployment runs
        is left as it is, and named; only its freezes hold from now on.
        """
        async with self._applying:
            before = self._store.view
            if isinstance(config, Additions):
                return await alone.apply(self._store, actor, config, base_directory)
            config, part = self._unlocked(system.in_directory(config, base_directory))
            self._refuse_ports(part.config)

            def change(t: Transaction) -> None:
                documents.put_config(t, part.config, base_directory)
                freezes.put(t, config)

            await self._store.write(actor, "Apply", change)
            with self._driver.recording(perform=True) as (driver, changes):
                try:
                    applied = await self._apply(driver, config, part, before)
                except DriverError as error:
                    raise error.answered() from error
            settings = settings_changes(before, part.config, base_directory)
            return replace(applied, changes=(*settings, *changes))

    async def plan(self, config: TealConfig | Additions, base_directory: str) -> AppliedSystem:
        """What `apply` would do now; nothing is changed."""
        async with self._applying:
            before = self._store.view
            if isinstance(config, Additions):
                return alone.plan(before, config, base_directory)
            config, part = self._unlocked(system.in_directory(config, base_directory))
            documents.refuse_other_names(before, part.config)
            against = self._against_ports(part.config)
            with self._driver.recording(perform=False) as (driver, changes):
                try:
                    planned = await self._apply(driver, config, part, before)
                except DriverError as error:
                    raise error.answered() from error
            settings = settings_changes(before, part.config, base_directory)
            notes = (*planned.notes, *against)
            return replace(planned, changes=(*settings, *changes), notes=notes)

    async def remove(self, actor: str, name: str, *, dry_run: bool) -> Removed:
        """Remove a service or gateway of teal.toml: everything that was made for it, and nothing
        else. Its tasks drain first; call it again until it is done. ``dry_run``: only say what
        would be deleted.
        """
        if dry_run:
            wanted = removal(self._store.view, name)
            return Removed(wanted.kind, wanted.changes(), wanted.callers)
        async with self._applying:
            wanted = await self._store.write(
                actor, "Remove", lambda t: begin(t, name, actor, self._clock())
            )
            try:
                waiting = await self._driver.remove(wanted)
            except DriverError as error:
                raise error.answered() from error
            if not waiting:
                await self._store.write(actor, "Remove", lambda t: finish(t, wanted))
        return Removed(
            wanted.kind, wanted.changes(), wanted.callers, tuple(waiting), done=not waiting
        )

    def strategy(self, service: str) -> Strategy:
        """The strategy of a service: teal.toml's, or what was told of it."""
        return self._system(service).strategy

    def explain(self, deployment: Deployment, now: float) -> Explanation:
        """As `explaining.explain`."""
        return explain(deployment, now)

    async def set_weights(
        self, name: str, weights: Mapping[str, int]
    ) -> tuple[int, Mapping[str, int]]:
        """Set the weights of the sides that are named; the others keep theirs.

        Returns the revision that has them, and the weights of all sides.
        """
        return await once_known(self._store, self._lag, lambda: self._set_weights(name, weights))

    async def _set_weights(
        self, name: str, weights: Mapping[str, int]
    ) -> tuple[int, Mapping[str, int]]:
        service = self._system(name)
        documents.refuse_another(self._controller.running(service.name))
        sides = service.sides
        if isinstance(service, MeshService) and not service.routes:
            raise _bad(f"weights: {service.problem}")
        for side in weights:
            if side not in sides:
                raise _bad(f"weights: {side!r} must be one of the sides {', '.join(sides)}")
        try:
            route = await self._driver.route(service)
            if set(weights) != set(sides):
                beginning.refuse_apart(service, route)
            wanted = {**route.weights, **weights}
            if sum(wanted.values()) == 0:
                raise _bad("weights: at least one must be greater than zero")
            for side, weight in weights.items():
                if weight and (await self._driver.observe(service, side)).healthy == 0:
                    raise _unserved(service, side, weight)
            done = await self._driver.set_weights(service, wanted)
            return done.revision, wanted
        except DriverError as error:
            raise error.answered() from error

    async def adopt(self, actor: str, name: str, told: AdoptionBody) -> DescribedService:
        """Store what is told of a service that others made. Raises NotFoundException for an unknown
        service, and BadRequestException if it has no such side, ECS service, container or route.
        """

        async def store() -> None:
            await self._store.write(actor, "Adopt", lambda t: documents.adopt(t, name, told))

        await once_known(self._store, self._lag, store)
        return await self.describe(name)

    async def describe(self, name: str) -> DescribedService:
        """What a service consists of, and what runs."""
        service = await self.forecast.settled(name)
        try:
            route = await self._driver.route(service)
            weights = route.weights
            sides = tuple([await self._described(service, s, weights) for s in service.sides])
        except DriverError as error:
            raise error.answered() from error
        problem = service.problem if isinstance(service, MeshService) else ""
        return DescribedService(
            service.name,
            service.mesh,
            service.hostname,
            service.container,
            sides,
            problem or beginning.apart(service, route.apart),
            service.routes,
        )

    async def _described(
        self, service: Service, side: str, weights: Mapping[str, int]
    ) -> DescribedSide:
        cluster, ecs_service = service.ecs_service(side)
        definition, image = await self._driver.definition(service, side)
        return DescribedSide(
            side=side,
            virtual_node=service.node(side),
            exists=service.side(side).exists if isinstance(service, MeshService) else True,
            cluster=cluster,
            ecs_service=ecs_service,
            task_definition=definition,
            image=image,
            weight=weights.get(side, 0),
        )

    async def status(self, window: float) -> tuple[list[ServiceStatus], list[GatewayStatus]]:
        """The services and gateways of teal.toml, with the traffic of the last ``window`` seconds.
        `inventory` has everything else.
        """
        since = self._clock() - window
        view = self._store.view
        try:
            services = [await self._status(s, since) for s in documents.services(view)]
            gateways = [await self._gateway_status(g) for g in documents.gateways(view)]
        except DriverError as error:
            raise error.answered() from error
        return services, gateways

    def _unlocked(self, config: TealConfig) -> tuple[TealConfig, Unlocked]:
        """The configuration with the times that it changes back to their defaults, and the part of
        it that can be applied now.
        """
        applied = documents.services(self._store.view)
        whole = system.with_former_times(config, applied)
        running = {name: self._controller.running(name) for name in whole.services}
        return whole, unlocked(whole, applied, {n: d for n, d in running.items() if d is not None})

    async def _apply(
        self, driver: SystemDriver, whole: TealConfig, part: Unlocked, before: View
    ) -> AppliedSystem:
        config, told = part.config, documents.desired_counts(before)
        summary = await driver.apply_shared(config.mesh, config.cluster, config.namespace)
        hostnames = {s.name: s.config.hostname for s in documents.services(self._store.view)}
        hostnames |= {s.name: s.hostname for s in config.services.values()}
        services, gateways = [], []
        for service in system.services(config):
            changes = await driver.apply_service(service, told.get(service.name))
            services.append(Applied(service.name, tuple(changes)))
        for gateway in system.gateways(config):
            changes = await driver.apply_gateway(gateway, hostnames, told.get(gateway.name))
            gateways.append(Applied(gateway.name, tuple(changes)))
        summary += [_summary(applied) for applied in (*services, *gateways)]
        notes = [
            *part.notes,
            *[n for one in system.services(config) for n in await of_service(self._driver, one)],
            *[n for one in system.gateways(config) for n in await of_gateway(self._driver, one)],
        ]
        return AppliedSystem(
            tuple(services),
            tuple(gateways),
            (*summary, *part.refused, *notes),
            notes=tuple(notes),
            refused=part.refused,
            left_over=documents.left_over(self._store.view, whole),
        )

    def _refuse_ports(self, config: TealConfig) -> None:
        """Raise BadRequestException for what can never be made, or could never listen."""
        for kind, members in (("services", config.services), ("gateways", config.gateways)):
            for name in members:
                if problem := self._system_problem():
                    raise AwsError("BadRequestException", f"[{kind}.{name}]: {problem}")
        documents.refuse_shared_ports(self._store.view, config)
        for gateway in system.gateways(config):
            problem = self._port_problem(gateway)
            if problem:
                raise AwsError("BadRequestException", f"[gateways.{gateway.name}]: {problem}")

    def _against_ports(self, config: TealConfig) -> list[str]:
        """Why `apply` would be refused for a port, as things are. What has it may be left over, and
        be removed first.
        """
        try:
            self._refuse_ports(config)
        except AwsError as error:
            return [f"as things are, applying it would be refused: {error}"]
        return []

    async def _status(self, service: Service, since: float) -> ServiceStatus:
        weights = (await self._driver.route(service)).weights
        traffic_of = {side: self._traffic(service, side, since) for side in service.sides}
        total = sum(traffic.requests for traffic in traffic_of.values())
        sides = []
        for side, traffic in traffic_of.items():
            tasks = await self._driver.observe(service, side)
            cluster, ecs_service = service.ecs_service(side)
            short = tasks.healthy < tasks.desired or tasks.pending
            sides.append(
                SideStatus(
                    side=side,
                    virtual_node=service.node(side),
                    weight=weights.get(side, 0),
                    tasks=tasks,
                    traffic=traffic,
                    share=traffic.requests / total if total else None,
                    missing=await self._driver.missing(cluster, ecs_service) if short else None,
                )
            )
        return ServiceStatus(
            service.name,
            service.mesh,
            service.hostname,
            service.port,
            tuple(sides),
            self._controller.latest(service.name),
            service.desired_count,
        )

    async def _gateway_status(self, gateway: GatewaySystem) -> GatewayStatus:
        running, desired = await self._driver.running(gateway.cluster, gateway.name)
        missing = None
        if running < desired:
            missing = await self._driver.missing(gateway.cluster, gateway.name)
        config = gateway.config
        return GatewayStatus(
            gateway.name,
            gateway.mesh,
            config.address,
            config.port,
            running,
            desired,
            missing,
            config.routes,
        )

    def _system(self, service: str) -> Service:
        return documents.service(self._store.view, service)


def _summary(applied: Applied) -> str:
    count = len(applied.changes)
    noun = "change" if count == 1 else "changes"
    return f"{applied.name}: {count} {noun}" if count else f"{applied.name}: as described"


def _unserved(service: Service, side: str, weight: int) -> AwsError:
    """That a side has no task that could serve its weight; its ECS service may not be known yet."""
    told = f"weights: {side} = {weight}: it has no healthy task to serve it"
    return _bad(told) if service.ecs_service(side)[1] else NotKnownYet("BadRequestException", told)


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)
