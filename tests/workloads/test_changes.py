"""What is written of a cluster brings the store to what was read, and to nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from tealmesh.store import Store, Transaction, tables
from tealmesh.workloads.changes import MOST_REVISIONS, Cluster, changes, had_any

_FAMILY = "arn:aws:ecs:eu-central-1:123456789012:task-definition/orders:"
_names = some.sampled_from(["a", "b", "c"])
_bodies = some.fixed_dictionaries({"lastStatus": some.sampled_from(["RUNNING", "STOPPED"])})
_clusters: Any = some.builds(
    Cluster,
    name=some.sampled_from(["one", "two"]),
    services=some.dictionaries(_names, some.fixed_dictionaries({"taskDefinition": _names})),
    tasks=some.dictionaries(_names, _bodies),
)


def _take(store: Store, read: Cluster) -> int:
    made: list[object] = []

    def change(tx: Transaction) -> None:
        for one in list(changes(tx, read)):
            made.append(one)
            if one.body is None:
                tx.delete(one.collection, *one.key)
            else:
                tx.put(one.collection, *one.key, body=one.body)

    asyncio.run(store.write("test", "Copy", change))
    return len(made)


@given(read=some.lists(_clusters, max_size=5))
@settings(max_examples=25)
def test_the_store_is_as_the_clusters_were_read_last(
    tmp_path_factory: Any, read: list[Cluster]
) -> None:
    store = Store.open(tmp_path_factory.mktemp("copy") / "state.db")
    try:
        latest: dict[str, Cluster] = {}
        for one in read:
            _take(store, one)
            assert _take(store, one) == 0, "nothing is written twice"
            latest[one.name] = one
        for one in latest.values():
            tasks = {
                d.key.partition("/")[2]: d.body for d in store.view.list(tables.TASKS, one.name)
            }
            assert tasks == one.tasks
            assert had_any(store.view, one.name) is not one.empty
        kept = {document.key.partition("/")[0] for document in store.view.list(tables.TASKS)}
        assert kept <= latest.keys()
    finally:
        store.close()


def test_of_a_family_the_newest_and_those_in_use_are_kept(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")
    try:
        definitions: Any = {
            f"{_FAMILY}{n}": {
                "taskDefinitionArn": f"{_FAMILY}{n}",
                "family": "orders",
                "revision": n,
            }
            for n in range(1, MOST_REVISIONS + 6)
        }
        services: Any = {"orders": {"taskDefinition": f"{_FAMILY}2"}}
        _take(store, Cluster("one", services, {}, definitions))
        _take(store, Cluster("one", services, {}, dict(list(definitions.items())[:1])))
        kept = {d.body["revision"] for d in store.view.list(tables.TASK_DEFINITIONS)}
        assert 2 in kept
        assert kept >= set(range(6, MOST_REVISIONS + 6))
        assert not kept & {3, 4, 5}
    finally:
        store.close()
