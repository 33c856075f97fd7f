"""Deployments whose changes Terraform makes, by whoever runs it: design note 056.

What a deployment sees is what there is, as always. What it would change is asked for, as values of
Terraform's variables, and is done once it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tealmesh.model.arn import last_part
from tealmesh.model.errors import DriverError, NotYet
from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.rollout import documents, terraform
from tealmesh.rollout.drivers import copies
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.effects import LiveRoute, WeightsSet
from tealmesh.rollout.machine import shares
from tealmesh.rollout.system import Service, other_side
from tealmesh.store import Store

if TYPE_CHECKING:
    from tealmesh.model.rollout.terraform import (
        SideNames,
        SideValues,
        StepBody,
        StepKind,
        TerraformBody,
    )

URGENT_SECONDS = 30.0
"""Weight that has to leave a side goes through the API if Terraform has not moved it by then."""


class ByTerraform:
    """A `drivers.base.Driver` for all deployments: ``inner`` makes the changes of those that
    nobody runs Terraform for.
    """

    def __init__(self, store: Store, inner: Driver) -> None:
        self._store = store
        self._inner = inner

    async def ensure_side(self, service: Service, side: str, image: str, count: int) -> None:
        """The side has been started once its ECS service runs ``image``; what Terraform's
        configuration leaves to others, more tasks than it says, is given by the API.
        """
        body = self._held(service)
        if body is None:
            await self._inner.ensure_side(service, side, image, count)
            return
        live, tasks = await self._present(service)
        own = tasks[side]
        if own.image == image and own.desired and side not in live.unmade:
            if own.desired < count:
                await self._inner.scale_side(service, side, count)
            return
        wanted: SideValues = {"active": True, "weight": live.weights.get(side, 0), "image": image}
        values = {**_values(service, live, tasks), side: wanted}
        raise self._pending(await self._ask(service, body, "START", side, values, tasks))

    async def scale_side(self, service: Service, side: str, count: int) -> None:
        await self._inner.scale_side(service, side, count)

    async def observe(self, service: Service, side: str) -> SideTasks:
        return await self._inner.observe(service, side)

    async def explain(self, service: Service, side: str, since: float) -> str:
        return await self._inner.explain(service, side, since)

    async def route(self, service: Service) -> LiveRoute:
        return await self._inner.route(service)

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None = None
    ) -> WeightsSet:
        """Where weight has to leave a side, on the way back or because nothing of it is healthy,
        nobody waits long for Terraform: the API moves it, and the next apply has nothing to do.
        """
        body = self._held(service)
        if body is None:
            return await self._inner.set_weights(service, weights, version)
        live, tasks = await self._present(service)
        if shares(live.weights) == shares(weights):
            # As they are written: Terraform may say 1 and 0 where a step says 100 and 0.
            as_they_are = {side: live.weights.get(side, 0) for side in weights}
            return await self._inner.set_weights(service, as_they_are, version)
        present = _values(service, live, tasks)
        values: dict[str, SideValues] = {
            side: {**values, "weight": weights.get(side, 0)} for side, values in present.items()
        }
        side = max(weights, key=lambda side: weights[side] - live.weights.get(side, 0))
        asked = await self._ask(service, body, "SHIFT", side, values, tasks)
        if self._urgent(service, live, tasks) and self._overdue(asked):
            return await self._inner.set_weights(service, weights, version)
        raise self._pending(asked)

    async def stop_side(self, service: Service, side: str) -> bool:
        """Nothing of the side runs any more once it has no ECS service."""
        body = self._held(service)
        if body is None:
            return await self._inner.stop_side(service, side)
        live, tasks = await self._present(service)
        own = tasks[side]
        if not (own.desired or own.running or own.pending):
            return True
        values = _values(service, live, tasks)
        values[side] = {"active": False, "weight": 0}
        raise self._pending(await self._ask(service, body, "STOP", side, values, tasks))

    def _running(self, service: Service) -> Deployment | None:
        unfinished = documents.unfinished(self._store.view)
        return next((d for d in unfinished if d.service == service.name), None)

    def _held(self, service: Service) -> TerraformBody | None:
        running = self._running(service)
        return terraform.held(self._store.view, service.name, running.id) if running else None

    async def _present(self, service: Service) -> tuple[LiveRoute, dict[str, SideTasks]]:
        live = await self._inner.route(service)
        return live, {side: await self._inner.observe(service, side) for side in service.sides}

    async def _ask(
        self,
        service: Service,
        body: TerraformBody,
        kind: StepKind,
        side: str,
        values: dict[str, SideValues],
        tasks: Mapping[str, SideTasks],
    ) -> TerraformBody:
        step: StepBody = {
            "number": 0,
            "kind": kind,
            "side": side,
            "values": values,
            "mesh": service.mesh,
            "router": service.router,
            "routes": list(service.routes),
            "names": {side: _names(service, side, tasks) for side in service.sides},
        }
        last, deployment = body.get("step"), body["deployment"]
        if last is not None and terraform.same(last, step):
            return body
        return await self._store.write(
            f"rollout/{service.name}",
            "AskForTerraformStep",
            lambda t: terraform.ask(
                t, service.name, terraform.held(t, service.name, deployment) or body, step
            ),
        )

    def _pending(self, body: TerraformBody) -> DriverError:
        """What a step that has not come about is, by how far it is."""
        if not _failed(body):
            return NotYet(terraform.waits(body, self._since(body)))
        if body["retryable"]:
            return NotYet(f"a retry of `terraform apply`: {body['error']}")
        return DriverError(f"terraform: {body['error']}", retryable=False)

    def _since(self, body: TerraformBody) -> float:
        return self._store.now().since(body.get("asked"))

    def _overdue(self, body: TerraformBody) -> bool:
        return _failed(body) or self._since(body) > URGENT_SECONDS

    def _urgent(self, service: Service, live: LiveRoute, tasks: Mapping[str, SideTasks]) -> bool:
        dead = any(live.weights.get(side) and not tasks[side].healthy for side in service.sides)
        running = self._running(service)
        return dead or (running is not None and running.state is State.ROLLING_BACK)


def _failed(body: TerraformBody) -> bool:
    """Whether the step could not be applied."""
    return bool(body["error"]) and body["answered"] == body["step"]["number"]


def _values(
    service: Service, live: LiveRoute, tasks: Mapping[str, SideTasks]
) -> dict[str, SideValues]:
    """The sides that exist, as they are."""
    values: dict[str, SideValues] = {}
    for side in service.sides:
        own = tasks[side]
        if own.image or live.weights.get(side):
            values[side] = {"active": True, "weight": live.weights.get(side, 0)}
            if own.image:
                values[side]["image"] = own.image
    return values


def _names(service: Service, side: str, tasks: Mapping[str, SideTasks]) -> SideNames:
    own, other = tasks[side].definition, tasks[other_side(service, side)].definition
    family = _family(own) or copies.renaming(service, side)(_family(other))
    return {
        "virtualNode": service.node(side),
        "ecsService": service.ecs_service(side)[1],
        "family": family,
    }


def _family(definition: str) -> str:
    return last_part(definition).rpartition(":")[0] if definition else ""
