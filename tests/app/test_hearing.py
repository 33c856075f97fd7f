"""What deployments hear of: commits that change numbers of tasks, and reports of all callers."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import cast

from tealmesh.app.hearing import Heard
from tealmesh.model.ecs.bodies import ServiceBody
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import Store, Transaction, tables
from tests.rollout.world import Clock, system

SERVICE = system()
CLUSTER, NAME = SERVICE.ecs_service("green")


def put(running: int, events: int) -> ServiceBody:
    return cast(
        "ServiceBody",
        {
            "serviceName": NAME,
            "status": "ACTIVE",
            "runningCount": running,
            "pendingCount": 0,
            "deployments": [],
            "events": ["told"] * events,
        },
    )


def test_commits_wake_and_only_other_numbers_of_tasks_count(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        heard, event = Heard(store, Metrics(Clock())), asyncio.Event()
        with heard.waking(event):
            seen = [heard.tasks(SERVICE)]
            for running, events in ((0, 0), (1, 0), (1, 1), (2, 1)):
                event.clear()

                def change(t: Transaction, running: int = running, events: int = events) -> None:
                    t.put(tables.ECS_SERVICES, CLUSTER, NAME, body=put(running, events))

                await store.write("test", "Put", change)
                await asyncio.wait_for(event.wait(), 10)
                seen.append(heard.tasks(SERVICE))
        assert [a != b for a, b in pairwise(seen)] == [True, True, False, True]
        event.clear()
        await store.write("test", "Put", lambda t: t.delete(tables.ECS_SERVICES, CLUSTER, NAME))
        await asyncio.sleep(0)
        assert not event.is_set()
        store.close()

    asyncio.run(scenario())


def test_the_slowest_caller_says_until_when_all_have_reported(tmp_path: Path) -> None:
    store, clock = Store.open(tmp_path / "state.db"), Clock(0.0)
    metrics = Metrics(clock)
    heard = Heard(store, metrics)

    def report(envoy: str, node: str) -> None:
        message = proto.StreamMetricsMessage()
        name = f"cluster.cds_egress_demo_{node}_http_8080.upstream_rq_completed"
        message.envoy_metrics.add(name=name).metric.add().counter.value = 1.0
        clock.now += 1
        metrics.report(envoy, message.envoy_metrics, False)

    assert heard.reported_until(SERVICE) == 0
    for envoy in ("task/1", "task/2", "task/3"):
        metrics.connected(envoy)
    began, event = clock.now, asyncio.Event()
    with metrics.waking(event):
        report("task/1", SERVICE.node("blue"))
    assert event.is_set()
    report("task/2", SERVICE.node("green"))
    report("task/3", "another")
    assert heard.reported_until(SERVICE) == began + 1
    report("task/1", SERVICE.node("blue"))
    assert heard.reported_until(SERVICE) == began + 2
    metrics.disconnected("task/2")
    assert heard.reported_until(SERVICE) == began + 4
    store.close()
