"""A kill -9 between the end of a deployment and the beginning of the one that takes its place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.documents import deployments, unfinished
from tealmesh.rollout.effects import LiveRoute
from tests.rollout.test_control import LONG, play
from tests.rollout.test_controller import Killed, stop, until_state
from tests.rollout.world import Bench, Clock, running_world, system

Ask = Callable[[Controller], Awaitable[object]]


async def replaced(controller: Controller) -> object:
    return await controller.deploy("ann", "web", "web:3", instead=True)


async def gone_back(controller: Controller) -> object:
    return await controller.rollback("ann", "web")


def killed(b: Bench, state: State, nth: int, ask: Ask) -> bool:
    """Ask for another deployment when the first one is in ``state``, and die at the ``nth``
    transition after that. False if all was begun before.
    """

    async def life() -> bool:
        died, asked, seen = asyncio.Event(), False, 0

        def kill(entry: JournalEntry) -> None:
            nonlocal seen
            seen += asked
            if seen == nth:
                died.set()
                raise Killed

        b.on_transition = kill
        store, controller = b.open()
        await b.put_system(store)
        running = asyncio.create_task(controller.run())
        await asyncio.sleep(0)
        await controller.deploy("tester", "web", "web:2")
        await until_state(controller, state)
        asked = True
        asking = asyncio.create_task(_quietly(ask, controller))
        dying = asyncio.create_task(died.wait())
        await asyncio.wait([asking, dying], return_when=asyncio.FIRST_COMPLETED)
        for task in (asking, dying, running):
            await stop(task)
        store.close()
        return died.is_set()

    return asyncio.run(life())


async def _quietly(ask: Ask, controller: Controller) -> None:
    with contextlib.suppress(Killed):
        await ask(controller)


def went_on(b: Bench) -> list[Deployment]:
    """The deployments, newest first, when all that a new control plane finds has ended."""

    async def life() -> list[Deployment]:
        b.on_transition = None
        store, controller = b.open()
        running = asyncio.create_task(controller.run())
        while unfinished(store.view):
            with contextlib.suppress(AwsError):
                await controller.approve("ann", "web")
            with contextlib.suppress(AwsError):
                await controller.promote("ann", "web", full=True)
            await asyncio.sleep(0.001)
        found = deployments(store.view, "web")
        await stop(running)
        store.close()
        return found

    return asyncio.run(life())


@pytest.mark.parametrize(
    ("state", "ask"),
    [
        (State.SCALING_UP, replaced),
        (State.AWAITING_APPROVAL, replaced),
        (State.MEASURING, replaced),
        (State.CLEANING_UP, replaced),
        (State.CLEANING_UP, gone_back),
    ],
)
def test_no_kill_leaves_tasks_without_weight(tmp_path: Path, state: State, ask: Ask) -> None:
    gates = Gates(approval=state is State.AWAITING_APPROVAL)
    strategy = LONG if state is State.MEASURING else replace(LONG, step_time=1.0, bake_time=1.0)
    begun = 0
    for nth in range(1, 20):
        clock = Clock()
        path = tmp_path / str(nth)
        b = Bench(path, clock, running_world(clock), system(strategy, gates))
        if not killed(b, state, nth, ask):
            break
        found = went_on(b)
        weighted = {side for side, weight in b.driver.weights.items() if weight}
        assert set(b.driver.sides) == weighted, (nth, found[0].state, found[0].reason)
        by_ann = [d for d in found if "by ann" in d.reason or "ann went back" in d.reason]
        assert len(found) == 2 or not any(d.state is State.STOPPED for d in by_ann), nth
        begun += len(found) == 2
    assert nth > 1
    assert begun


def test_what_cannot_begin_does_not_end_the_deployment_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_answer(service: object) -> LiveRoute:
        raise DriverError("no answer", retryable=True)

    async def scenario(b: Bench, store: object, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        await until_state(controller, State.AWAITING_APPROVAL)
        monkeypatch.setattr(b.driver, "route", no_answer)
        with pytest.raises(AwsError, match="no answer"):
            await controller.deploy("ann", "web", "web:3", instead=True)
        running = controller.running("web")
        assert running is not None
        return running

    left = play(tmp_path, scenario, gates=Gates(approval=True))
    assert left.state is State.AWAITING_APPROVAL
