"""Clusters are read by boto3 from an ECS, and a look costs what runs, not what has run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.arn import last_part
from tealmesh.store import Store, Transaction, tables
from tealmesh.workloads.changes import MOST_REVISIONS, Cluster, changes
from tealmesh.workloads.clusters import Clusters
from tests.support.planes.ecs import (
    FARGATE,
    NETWORK,
    Endpoint,
    endpoint,
    one_task,
    stopped_tasks,
)

_PAGE = 100
"""Tasks that ECS lists at once."""


@pytest.fixture
def ecs(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as running:
        yield running


class Copy:
    """A store, and what one control plane after another copies into it."""

    def __init__(self, ecs: Endpoint, store: Store) -> None:
        self._ecs = ecs
        self.store = store
        self.client = ecs.client("ecs")
        self.begin()

    def begin(self) -> None:
        """Go on with another control plane's, which has read nothing yet."""
        self._clusters = Clusters(lambda: self.client, lambda: self._ecs.client("servicediscovery"))

    def look(self, cluster: str = "shop") -> tuple[Cluster, int]:
        """Read and write once; what was read, and by how many calls."""
        before = self._clusters.calls
        read = self._clusters.read(cluster, self.store.view)

        def change(tx: Transaction) -> None:
            for one in list(changes(tx, read)):
                if one.body is None:
                    tx.delete(one.collection, *one.key)
                else:
                    tx.put(one.collection, *one.key, body=one.body)

        asyncio.run(self.store.write("test", "Copy", change))
        return read, self._clusters.calls - before

    def ids(self) -> set[str]:
        return {last_part(one.key) for one in self.store.view.list(tables.TASKS, "shop")}


@pytest.fixture
def copy(ecs: Endpoint, tmp_path: Path) -> Iterator[Copy]:
    store = Store.open(tmp_path / "copy.db")
    try:
        yield Copy(ecs, store)
    finally:
        store.close()


def test_a_cluster_is_empty_until_it_is_made(ecs: Endpoint, copy: Copy) -> None:
    assert copy.look()[0].empty
    copy.client.create_cluster(clusterName="shop")
    assert copy.look()[0].empty
    copy.client.register_task_definition(**FARGATE)
    copy.client.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )
    assert list(copy.look()[0].services) == ["web"]
    assert copy.look("another")[0].empty


def test_a_look_costs_the_same_however_many_tasks_have_stopped(ecs: Endpoint, copy: Copy) -> None:
    runs = one_task(ecs)
    copy.look()
    usual = copy.look()[1]
    expected, first = {runs}, 2
    for many in (2 * _PAGE + 1, 5 * _PAGE):
        expected |= stopped_tasks(ecs, runs, first, many)
        first += many
        while copy.ids() != expected:
            assert copy.ids() < expected
            copy.look()
        costs = {copy.look()[1] for _ in range(8)}
        assert max(costs) <= usual + 1, "a second page of those that have stopped"
        # The lease goes to another control plane, which has read nothing.
        copy.begin()
        assert copy.look()[1] <= usual + 1
        assert copy.ids() == expected
    kept = copy.store.view.list(tables.TASK_DEFINITIONS, "web")
    assert 1 in {one.body["revision"] for one in kept}, "the task that runs is of it"
    assert len(kept) <= MOST_REVISIONS + 2 * _PAGE


def test_tasks_that_ecs_shows_no_more_are_forgotten(ecs: Endpoint, copy: Copy) -> None:
    runs = one_task(ecs)
    old = stopped_tasks(ecs, runs, 2, 3 * _PAGE)
    while copy.ids() != {runs, *old}:
        copy.look()
    gone = set(sorted(old)[::2])

    def forget(tx: Transaction) -> None:
        for identity in gone:
            tx.delete(tables.TASKS, "shop", identity)

    ecs.write(forget)
    for _ in range(5):
        copy.look()
    assert copy.ids() == {runs, *old} - gone


def test_a_task_that_stops_is_seen_at_the_next_look(ecs: Endpoint, copy: Copy) -> None:
    runs = one_task(ecs)
    old = stopped_tasks(ecs, runs, 2, 4 * _PAGE)
    while copy.ids() != {runs, *old}:
        copy.look()
    for status in ("STOPPING", "STOPPED"):

        def stop(tx: Transaction, status: str = status) -> None:
            task = tx.get(tables.TASKS, "shop", runs)
            assert task is not None
            body: Any = {**task.body, "desiredStatus": "STOPPED", "lastStatus": status}
            tx.put(tables.TASKS, "shop", runs, body=body)

        ecs.write(stop)
        assert copy.look()[0].tasks[runs]["lastStatus"] == status


def test_a_list_that_cannot_be_gone_on_with_begins_anew(ecs: Endpoint, copy: Copy) -> None:
    runs = one_task(ecs)
    old = stopped_tasks(ecs, runs, 2, 4 * _PAGE)
    refused = []

    def spoil(params: dict[str, Any], **_: object) -> None:
        if "nextToken" in params and not refused:
            refused.append(params["nextToken"])
            params["nextToken"] = "of another time"

    copy.client.meta.events.register("provide-client-params.ecs.ListTasks", spoil)
    for _ in range(5):
        copy.look()
    assert refused
    assert copy.ids() == {runs, *old}
