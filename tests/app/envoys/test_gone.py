"""An Envoy is not waited for once its task has stopped, or has been missing for a while."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tealmesh.app.envoys.gone import MISSING_SECONDS, Gone
from tealmesh.store import Store, Transaction, tables

ARN = "arn:aws:ecs:us-east-1:123456789012:task/shop"


def _put(store: Store, task: str, status: str) -> None:
    body: Any = {"taskArn": f"{ARN}/{task}", "lastStatus": status}

    def change(tx: Transaction) -> None:
        tx.put(tables.TASKS, "shop", task, body=body)

    asyncio.run(store.write("test", "Put", change))


def test_one_whose_task_is_not_known_yet_is_waited_for(tmp_path: Path) -> None:
    store, now = Store.open(tmp_path / "state.db"), 0.0
    gone = Gone(store, lambda: now)
    assert not gone("of-the-owner")
    assert not gone(f"{ARN}/new"), "nothing is known of the cluster"
    _put(store, "other", "RUNNING")
    assert not gone(f"{ARN}/new"), "the copy of ECS is some seconds old"
    now = 10.0
    assert not gone(f"{ARN}/new")
    _put(store, "new", "RUNNING")
    assert not gone(f"{ARN}/new")
    _put(store, "new", "STOPPED")
    assert gone(f"{ARN}/new")
    assert not gone(f"{ARN}/never")
    now = 10.0 + MISSING_SECONDS
    assert gone(f"{ARN}/never")
    store.close()
