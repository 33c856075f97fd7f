"""What a deployment has observed, at the replica that works on it and at another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from tealmesh.model.rollout import Deployment, State
from tealmesh.replicas import deployments
from tealmesh.replicas.deployments import SharedDeployments
from tealmesh.rollout.running.live import Live
from tealmesh.store import Store, Transaction, tables
from tests.rollout.test_forgetting import history

(STORED,) = history([State.BAKING])
SERVICE = STORED.service


class _Replica:
    """A control plane's deployments; ``works`` while it has the lease."""

    def __init__(self, url: str, name: str, works: bool) -> None:
        self.store = Store.open(url)
        self.live = Live(self.store)
        self.works = works
        self.shared = SharedDeployments(
            self.store.connect,
            name,
            lambda: self.live.published() if self.works else None,
            self.live.heard,
            lambda: self.live.latest(SERVICE) is not None,
        )

    def shows(self) -> str:
        """What the newest deployment waits for, as people are told."""
        latest = self.live.latest(SERVICE)
        return "" if latest is None else self.live.shown(latest).waiting_for

    def observes(self, d: Deployment, what: str) -> Deployment:
        self.live.put(observed := replace(d, waiting_for=what))
        return observed

    async def close(self) -> None:
        await self.shared.close()
        await asyncio.to_thread(self.store.close)


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def _stored(replica: _Replica, d: Deployment) -> None:
    def put(tx: Transaction) -> None:
        tx.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())

    await replica.store.write("test", "Put", put)


def test_what_is_observed_is_shown_by_every_replica(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "SECONDS", 0.02)

    async def scenario() -> None:
        one, two = _Replica(postgres, "one", True), _Replica(postgres, "two", False)
        running = [asyncio.create_task(each.shared.run()) for each in (one, two)]
        try:
            await _stored(one, STORED)
            d = one.observes(STORED, "90 requests")
            await _until(lambda: two.shows() == "90 requests")
            d = one.observes(d, "50 requests")
            await _until(lambda: two.shows() == "50 requests")
            # A transition is stored: what was observed before says nothing of it.
            moved = replace(d, sequence=d.sequence + 1, waiting_for="its Envoys")
            await _stored(two, moved)
            assert two.shows() == "its Envoys"
            # The other one works on it from now on, and tells the first one.
            one.works, two.works = False, True
            one.live.clear()
            two.observes(moved, "1 Envoy")
            await _until(lambda: one.shows() == "1 Envoy")
            assert two.shows() == "1 Envoy"
            two.live.end(moved.id)
            await _until(lambda: one.shows() == "its Envoys")
        finally:
            for each in running:
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await each
            await one.close()
            await two.close()

    asyncio.run(scenario())
