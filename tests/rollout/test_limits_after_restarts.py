"""A wait for a person goes on while no control plane runs, and after a reboot."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tealmesh.model.clock import MomentBody
from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.documents import deployments
from tests.rollout.test_controller import stop, until_state
from tests.rollout.world import Bench, Clock, running_world, system, until_finished

LIMIT = 3600.0
WAITED = 610.0
LOOKS = 60.0
"""The clock of the bench goes on with each look at it: on a busy machine, by as much as this."""


class Machine:
    """Its boot, and the seconds since then, which a test lets pass."""

    def __init__(self) -> None:
        self.boot, self.at = "first", 100.0

    def __call__(self) -> MomentBody:
        return {"boot": self.boot, "at": self.at}


def waiting(path: Path) -> tuple[Bench, Machine]:
    """A deployment that waits for approval at most for `LIMIT`, and whose control plane died
    when it had done so for `WAITED`.
    """
    clock, machine = Clock(tick=0.0001), Machine()
    gates = Gates(approval=True, approval_timeout=LIMIT)
    b = Bench(path, clock, running_world(clock), system(gates=gates), boot=machine)

    async def life() -> None:
        store, controller = b.open()
        await b.put_system(store)
        running = asyncio.create_task(controller.run())
        await controller.deploy("tester", "web", "web:2")
        while not (d := controller.running("web")) or d.state is not State.AWAITING_APPROVAL:
            pass_time(b, machine, 0.1)
            await asyncio.sleep(0.001)
        for _ in range(10):
            pass_time(b, machine, WAITED / 10)
            revision = store.revision
            async for _ in store.watch():
                if store.revision > revision:
                    break
        await stop(running)
        store.close()

    asyncio.run(life())
    return b, machine


def pass_time(b: Bench, machine: Machine, seconds: float) -> None:
    b.clock.now += seconds
    machine.at += seconds


def after_the_restart(b: Bench, machine: Machine, seconds: float) -> tuple[float, Deployment]:
    """What is left of the limit at first, and the deployment ``seconds`` later."""

    async def life() -> tuple[float, Deployment]:
        store, controller = b.open()
        running = asyncio.create_task(controller.run())
        while not (d := controller.running("web")) or d.sequence == before:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        left = d.seconds_left
        if seconds:
            pass_time(b, machine, seconds)
            await until_state(controller, State.AWAITING_APPROVAL, State.ROLLING_BACK)
            d = await until_finished(store, "web")
        await stop(running)
        store.close()
        return left or 0.0, d

    store, _ = b.open()
    before = deployments(store.view, "web")[0].sequence
    store.close()
    return asyncio.run(life())


def test_a_wait_for_approval_goes_on_while_no_control_plane_runs(tmp_path: Path) -> None:
    b, machine = waiting(tmp_path)
    # Its clock begins anew with each control plane: what is left is by the machine's.
    machine.at += 1000.0
    b.clock.now -= 86_400.0
    left, d = after_the_restart(b, machine, LIMIT - WAITED - 1000.0 + 5.0)
    assert LIMIT - WAITED - 1000.0 - LOOKS < left <= LIMIT - WAITED - 1000.0 + 1.0
    assert d.state is State.ROLLED_BACK
    assert "approval_timeout of 3600 s exceeded" in d.reason


def test_a_wait_for_approval_goes_on_after_the_machine_is_started_anew(tmp_path: Path) -> None:
    b, machine = waiting(tmp_path)
    machine.boot, machine.at = "second", 30.0
    store, _ = b.open()  # The first control plane of this boot, which found nothing to do.
    store.close()
    machine.at += 1000.0
    left, d = after_the_restart(b, machine, LIMIT - WAITED - 1000.0 + 5.0)
    assert LIMIT - WAITED - 1000.0 - LOOKS < left <= LIMIT - WAITED - 1000.0 + 1.0
    assert d.state is State.ROLLED_BACK
