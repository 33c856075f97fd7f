"""The state of a service after its deployments, as the page's overview shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model import wire
from tealmesh.model.rollout import State
from tealmesh.rollout import discovery
from tealmesh.rollout.inventory.fleet import Member, standing
from tealmesh.rollout.machine.deciding import aborted, given_up
from tests.rollout.bundles.test_definitions import DEPLOYMENT
from tests.rollout.states import article

WHOLE: wire.SideStatus = {
    "side": "blue",
    "virtualNode": "sample-blue",
    "image": "web:1",
    "weight": 100,
    "running": 2,
    "desired": 2,
    "healthy": 2,
}


def member(side: wire.SideStatus) -> Member:
    service = discovery.find(article("blue", "green").view, "sample")
    assert service is not None
    return Member(service, (side,), "", 1.0)


@pytest.mark.parametrize(
    ("state", "by", "told"),
    [
        (State.SUCCEEDED, "", "serving"),
        (State.ROLLED_BACK, "", "rolled back"),
        (State.ROLLED_BACK, "alice", "aborted"),
        (State.STOPPED, "alice", "aborted"),
        (State.STOPPED, "", "failed"),
        (State.ROLLBACK_FAILED, "alice", "failed"),
    ],
)
def test_what_a_person_ended_has_not_failed(state: State, by: str, told: str) -> None:
    ended = replace(DEPLOYMENT, state=state, ended_by=by, finished_at=9.0, reason="so it was")
    found, sentence, since = standing(member(WHOLE), ended, "")
    assert (found, since) == (told, 9.0)
    assert "serves web:1 from blue" in sentence


def test_missing_tasks_are_more_urgent_than_how_the_last_deployment_ended() -> None:
    ended = replace(DEPLOYMENT, state=State.ROLLED_BACK, ended_by="alice", finished_at=9.0)
    assert standing(member({**WHOLE, "healthy": 0}), ended, "")[0] == "down"


def test_who_ended_it_is_noted() -> None:
    running = replace(DEPLOYMENT, state=State.MEASURING, healthy={"blue": 1, "green": 1})
    assert aborted(running, "alice", 5.0).ended_by == "alice"
    assert given_up(replace(running, state=State.HELD), "bob", 5.0).ended_by == "bob"
