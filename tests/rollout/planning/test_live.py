"""What is live of a service that others made, as lint looks at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.linting import Linted, lint
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.rollout.discovery import discover
from tealmesh.rollout.planning.live import linted, with_live
from tealmesh.store import tables
from tests.rollout.states import State, article

TASKS = SideTasks(desired=2, running=2, healthy=2, image="example/sample:1")
SEEN = Traffic(requests=300, seconds=30.0, reporters=1)


def live(state: State) -> Linted:
    (service,) = discover(state.view)
    return linted(service, state.view, TASKS, SEEN)  # type: ignore[arg-type]


def change_node(state: State, **listener: Any) -> None:
    stored = state.view.get(tables.VIRTUAL_NODES, "m", "sample-blue")
    assert stored is not None
    body: Any = stored.body
    listeners = [{**body["spec"]["listeners"][0], **listener}]
    spec = {**body["spec"], "listeners": listeners}
    state.view.put(tables.VIRTUAL_NODES, "m", "sample-blue", body={**body, "spec": spec})


def test_an_adopted_service() -> None:
    state = article("blue", "green")
    found = live(state)
    assert found.key == "adopted.sample"
    assert found.health_check is False
    assert (found.request_timeout, found.retries) == (15.0, 2)
    assert (found.requests_per_second, found.callers, found.desired) == (10.0, 1, 2)
    assert "no health check" in [finding.what for finding in lint([found])]
    change_node(state, healthCheck={"protocol": "http", "path": "/"})
    assert (live(state).health_check, live(state).health_path) == (True, "/")


def test_what_teal_toml_says_goes_before_what_is_live() -> None:
    there = live(article("blue", "green"))
    told = Linted("adopted.sample", Strategy(), Gates(min_requests=7))
    new = Linted("services.new", Strategy(), Gates())
    ours = Linted("services.web", Strategy(), Gates(), desired=3)
    web = replace(there, key="services.web", desired=9)
    by_key = {one.key: one for one in (there, web)}
    adopted, alone, service = with_live([told, new, ours], by_key)
    assert adopted == replace(there, strategy=told.strategy, gates=told.gates)
    assert alone == new
    assert (service.desired, service.requests_per_second, service.callers) == (3, 10.0, 1)
