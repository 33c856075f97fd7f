"""What is live of a service that others made, as lint looks at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

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


def test_an_application_beside_an_envoy_that_has_more_of_the_processor() -> None:
    state = article("blue", "green")
    assert live(state).processor == pytest.approx(1 / 3)
    for side in ("blue", "green"):
        stored = state.view.get(tables.TASK_DEFINITIONS, f"m-sample-{side}", "000001")
        assert stored is not None
        definition: Any = stored.body
        cpu = {"envoy": 32, "xray": 32}
        containers = [
            {**one, **({"cpu": cpu[one["name"]]} if one["name"] in cpu else {})}
            for one in definition["containerDefinitions"]
        ]
        body: Any = {**definition, "containerDefinitions": containers}
        state.view.put(tables.TASK_DEFINITIONS, f"m-sample-{side}", "000001", body=body)
    found = live(state)
    assert found.processor == pytest.approx(2 / 66)
    assert "adopted.sample: cpu" in [finding.key for finding in lint([found])]


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
