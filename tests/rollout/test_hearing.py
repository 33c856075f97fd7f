"""Deployments that hear what happens do not wait for their next regular look."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tealmesh.model.rollout import State
from tealmesh.rollout.running.hearing import Numbers
from tealmesh.rollout.system import Service
from tests.rollout.world import Bench, Clock, running_world, system, until_finished


class Loud:
    """Everything happens all the time."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.listening = 0

    @contextmanager
    def waking(self, event: asyncio.Event) -> Iterator[None]:
        async def ring() -> None:
            while True:
                event.set()
                await asyncio.sleep(0.001)

        ringing = asyncio.create_task(ring())
        self.listening += 1
        try:
            yield
        finally:
            self.listening -= 1
            ringing.cancel()

    def reported_until(self, service: Service) -> float:
        return math.inf

    def tasks(self, service: Service) -> Numbers:
        return (next(self._numbers),)


@pytest.mark.timeout(60)
def test_no_look_is_waited_for_when_all_is_heard(tmp_path: Path) -> None:
    clock, loud = Clock(), Loud()
    bench = Bench(
        tmp_path, clock, running_world(clock), system(), poll_seconds=3600.0, hearing=loud
    )

    async def scenario() -> State:
        store, controller = bench.open()
        await bench.put_system(store)
        running = asyncio.create_task(controller.run())
        await controller.deploy("tester", "web", "web:2")
        finished = await until_finished(store, "web")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        store.close()
        return finished.state

    assert asyncio.run(scenario()) is State.SUCCEEDED
    assert not loud.listening
