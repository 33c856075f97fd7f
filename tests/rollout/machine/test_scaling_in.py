"""Automatic scaling must not take tasks from the sides of a deployment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.documents import scaling_in_held
from tealmesh.store import Transaction, View, tables
from tests.rollout.machine.walking import created
from tests.rollout.world import system


@pytest.mark.parametrize("state", list(State))
def test_scaling_in_is_held_until_a_deployment_has_ended(state: State) -> None:
    service = system()
    made: Deployment = replace(
        created(), service=service.name, old_side="blue", new_side="green", state=state
    )
    tx = Transaction(View(0, {}))
    tx.put(tables.SYSTEMS, service.name, body=service.to_json())
    tx.put(tables.DEPLOYMENTS, service.name, made.id, body=made.to_json())
    for side in ("blue", "green"):
        assert scaling_in_held(tx, "demo", f"web-{side}") is not made.finished
    assert not scaling_in_held(tx, "demo", "front-blue")
    assert not scaling_in_held(tx, "other", "web-blue")
