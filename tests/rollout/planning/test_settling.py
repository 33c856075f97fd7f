"""What Terraform has made a moment ago is waited for, and what nobody makes is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import SideTasks
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.drivers.fake import FakeDriver, Side
from tealmesh.rollout.operations import Operations
from tealmesh.rollout.planning.settling import settled
from tealmesh.rollout.system import Service
from tealmesh.store import Store, Transaction
from tests.rollout.states import State, article
from tests.rollout.world import Bench, Clock, system

LONG = 600.0
"""Seconds: nobody waits for its end here."""


def made(tx: Transaction) -> None:
    """Both sides, of which green's ECS service is not known yet."""
    article("blue", state=State(tx))
    State(tx).node("sample-green", "m.local/sample", "m-sample-green")


def seen(tx: Transaction) -> None:
    State(tx).ecs("m-sample-green", "sample-green")


async def read_meanwhile(store: Store) -> None:
    await store.write("terraform", "CreateVirtualNode", made)
    waiting = asyncio.create_task(settled(store, "sample", LONG))
    await store.write("somebody", "Else", lambda tx: State(tx).node("other"))
    assert not waiting.done()
    await store.write("workloads", "CopyWorkloads", seen)
    assert problem_of(await waiting) == ""


async def never_made(store: Store) -> None:
    await store.write("terraform", "CreateVirtualNode", made)
    problem = problem_of(await settled(store, "sample", 0.0))
    assert "no ECS service runs virtual node sample-green" in problem


async def not_there(store: Store) -> None:
    with pytest.raises(AwsError, match="other"):
        await settled(store, "other", LONG)


@pytest.mark.parametrize("case", [read_meanwhile, never_made, not_there])
def test_what_is_unclear(
    case: Callable[[Store], Coroutine[None, None, None]], tmp_path: Path
) -> None:
    with contextlib.closing(Store.open(tmp_path / "state.db")) as store:
        asyncio.run(case(store))


def problem_of(service: Service) -> str:
    assert isinstance(service, MeshService)
    return service.problem


class Elsewhere(FakeDriver):
    """It can ask an ECS only for services that are known here."""

    async def observe(self, service: Service, side: str) -> SideTasks:
        known = service.ecs_service(side)[1]
        return await super().observe(service, side) if known else SideTasks()

    async def definition(self, service: Service, side: str) -> tuple[str, str]:
        return service.ecs_service(side)[1], ""


def operations(path: Path, store: Store, lag: float) -> Operations:
    clock = Clock()
    sides = {side: Side("example/sample:1", 1) for side in ("blue", "green")}
    driver: Any = Elsewhere(clock, sides, {"blue": 1, "green": 0})
    bench = Bench(path, clock, driver, system())

    async def can_run(image: str) -> str:
        return ""

    controller = bench.controller(store)
    return Operations(store, controller, driver, driver.traffic, clock, can_run, lag=lag)


async def weighted(made: Operations) -> str:
    _, weights = await made.set_weights("sample", {"green": 1})
    return str(weights)


async def adopted(made: Operations) -> str:
    told: Any = {"sides": {"green": {"ecsService": "c/m-sample-green"}}}
    return str(await made.adopt("somebody", "sample", told))


async def described(made: Operations) -> str:
    service = await made.describe("sample")
    if service.problem:
        raise AwsError("BadRequestException", service.problem)
    return str(service)


@pytest.mark.parametrize("operation", [weighted, adopted, described])
def test_what_is_asked_for_right_after_an_apply_is_waited_for(
    operation: Callable[[Operations], Awaitable[str]], tmp_path: Path
) -> None:
    async def ask(store: Store) -> None:
        await store.write("terraform", "CreateVirtualNode", made)
        with pytest.raises(AwsError, match=r"green|no ECS service"):
            await operation(operations(tmp_path, store, 0.0))
        waiting = asyncio.ensure_future(operation(operations(tmp_path, store, LONG)))
        for name in ("one", "other"):
            await store.write("somebody", "Else", lambda tx, n=name: State(tx).node(n))
            assert not waiting.done()
        await store.write("workloads", "CopyWorkloads", seen)
        assert "green" in await waiting

    with contextlib.closing(Store.open(tmp_path / "state.db")) as store:
        asyncio.run(ask(store))
