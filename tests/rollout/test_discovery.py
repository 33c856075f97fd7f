"""Services that others made are found with their sides; what is unclear is said and can be told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.rollout.adopted import MeshService, MeshSide
from tealmesh.rollout.discovery import discover, find, without_targets
from tealmesh.store import tables
from tests.rollout.states import State, article
from tests.rollout.world import system


def only(state: State) -> MeshService:
    (service,) = discover(state.view)
    return service


def test_the_users_system_with_both_sides() -> None:
    service = only(article("blue", "green"))
    assert (service.name, service.mesh, service.hostname) == ("sample", "m", "sample.m.local")
    assert (service.router, service.routes, service.port) == ("sample", ("r0",), 8080)
    assert (service.protocol, service.container, service.problem) == ("http", "app", "")
    assert service.found == (
        MeshSide("blue", "sample-blue", "c", "m-sample-blue", "m.local", "sample", container="app"),
        MeshSide(
            "green", "sample-green", "c", "m-sample-green", "m.local", "sample", container="app"
        ),
    )
    assert MeshService.from_json(json.loads(json.dumps(service.to_json()))) == service


def test_the_inactive_side_has_the_names_that_the_users_would_give_it() -> None:
    service = only(article("green"))
    assert service.found == (
        MeshSide(
            "green", "sample-green", "c", "m-sample-green", "m.local", "sample", container="app"
        ),
        MeshSide("blue", "sample-blue", "c", "m-sample-blue", "m.local", "sample", False, "app"),
    )
    assert service.problem == ""


def test_a_node_that_stands_ready_is_the_other_side() -> None:
    state = article("north")
    state.node("sample-south", "m.local/sample", "m-sample-south")
    state.ecs("m-sample-south", "sample-south")
    state.node("other-north", "m.local/other")
    assert only(state).sides == ("north", "south")
    state.node("sample-east", "m.local/sample")
    problem = only(state).problem
    assert "any of sample-east, sample-south could be it" in problem
    assert "teal adopt sample --node SIDE=sample-north" in problem


@pytest.mark.parametrize("how", ["attribute", "envoy", "registry", "dns"])
def test_the_ecs_service_of_a_side_is_found_by(how: str) -> None:
    state = State()
    for side in ("a", "b"):
        arn = state.registry(f"d.local/web-{side}")
        place = f"web-{side}.d.local" if how == "dns" else f"d.local/web-{side}"
        name = f"tasks-{side}"
        state.node(f"web-{side}", place, name if how == "attribute" else "")
        registered = arn if how in ("registry", "dns") else ""
        state.ecs(name, f"web-{side}" if how == "envoy" else "", registered)
    state.service("web.d.local", "web", {"web-a": 1, "web-b": 0})
    service = only(state)
    assert service.problem == ""
    assert [side.ecs_service for side in service.found] == ["tasks-a", "tasks-b"]


def test_what_is_ambiguous_names_its_candidates_and_can_be_told() -> None:
    state = article("blue", "green")
    state.ecs("m-sample-blue", "sample-blue", state.registry("m.local/sample"), cluster="d")
    problem = only(state).problem
    assert "can be any of c/m-sample-blue, d/m-sample-blue" in problem
    assert "teal adopt sample --side blue=[CLUSTER/]ECS_SERVICE" in problem
    state.told("sample", sides={"blue": {"ecsService": "d/m-sample-blue"}})
    service = only(state)
    assert (service.problem, service.ecs_service("blue")) == ("", ("d", "m-sample-blue"))
    state.told("sample", sides={"blue": {"ecsService": "e/nothing"}})
    assert only(state).problem == "there is no ECS service e/nothing, which was told for side blue"


def test_the_sides_can_be_told() -> None:
    state = article("blue")
    state.node("canary", "m.local/sample", "tasks-2")
    sides = {"old": {"virtualNode": "sample-blue"}, "new": {"virtualNode": "canary"}}
    state.ecs("tasks-2", "canary")
    state.told("sample", sides=sides)
    assert [(s.name, s.ecs_service) for s in only(state).found] == [
        ("old", "m-sample-blue"),
        ("new", "tasks-2"),
    ]


def test_several_routes_several_targets_and_several_applications() -> None:
    state = article("blue", "green")
    state.service("sample.m.local", "sample", {"sample-blue": 1}, {"sample-green": 1})
    service = only(state)
    assert (service.routes, service.sides) == (("r0", "r1"), ("blue", "green"))
    state.told("sample", route="r1")  # As an earlier version has stored it.
    assert (only(state).routes, only(state).problem) == (("r1",), "")

    state = article("one", "two", "three")
    assert only(state).sides == ("one", "two", "three")
    assert "a deployment shifts weight between two" in only(state).problem

    state = article("blue")
    state.ecs("m-sample-blue", "sample-blue", containers=("app", "worker", "envoy"))
    assert "2 containers that may be the application" in only(state).problem
    state.told("sample", container="worker")
    assert (only(state).container, only(state).problem) == ("worker", "")
    state.told("sample", container="wrong")
    assert "no container wrong (known: app, worker, envoy)" in only(state).problem


def test_a_virtual_service_without_weighted_targets_says_why_it_is_not_deployed() -> None:
    state = article("blue", "green")
    provider: Any = {"virtualNode": {"virtualNodeName": "sample-blue"}}
    keys = {"meshName": "m", "name": "direct.m.local", "parent": ""}
    body: Any = {**keys, "spec": {"provider": provider}}
    state.view.put(tables.VIRTUAL_SERVICES, "m", "direct.m.local", body=body)
    for name in ("direct.m.local", "m/direct.m.local", "direct"):
        said = without_targets(state.view, name)
        assert "is provided by virtual node sample-blue without a router" in said
    assert without_targets(state.view, "sample") == ""
    assert without_targets(state.view, "other") == ""
    state.service("bare.m.local", "bare")
    assert "no route in its virtual router bare" in without_targets(state.view, "bare")


def test_each_side_may_call_its_application_as_it_likes() -> None:
    state = article("blue", "green")
    state.ecs("m-sample-green", "sample-green", containers=("web", "envoy"))
    service = only(state)
    assert (service.application("blue"), service.application("green")) == ("app", "web")
    assert service.problem == ""
    state.ecs("m-sample-blue", "sample-blue", containers=("app", "blue-web", "envoy"))
    state.told("sample", container="app")
    assert (only(state).application("green"), only(state).problem) == ("web", "")
    state.ecs("m-sample-green", "sample-green", containers=("green-web", "other", "envoy"))
    state.told("sample", container="blue-web")
    service = only(state)
    assert (service.application("green"), service.problem) == ("green-web", "")
    state.ecs("m-sample-green", "sample-green", containers=("web", "other", "envoy"))
    assert "m-sample-green have 2 containers that may be" in only(state).problem


def test_the_side_that_does_not_exist_calls_its_application_as_the_users_would() -> None:
    state = article("blue")
    state.ecs("m-sample-blue", "sample-blue", containers=("web-blue", "envoy"))
    assert only(state).application("green") == "web-green"


def test_a_side_in_a_target_group_is_not_deployed() -> None:
    state = article("blue")
    arn = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/front/0123"
    state.ecs("m-sample-blue", "sample-blue", loadBalancers=[{"targetGroupArn": arn}])
    assert "target group of a load balancer (front)" in only(state).problem


def test_names_are_short_where_they_are_unique_and_stay() -> None:
    state = article("blue")
    article("blue", state=State(state.view, "n"))
    assert [s.name for s in discover(state.view)] == ["m/sample.m.local", "n/sample.m.local"]
    assert find(state.view, "sample") is None
    found = find(state.view, "n/sample.m.local")
    assert found is not None
    state.view.put(tables.ADOPTED, "sample", body={**found.to_json(), "name": "sample"})
    named = find(state.view, "sample")
    assert named is not None
    assert named.mesh == "n"


def test_services_of_teal_toml_are_not_found_again_and_keep_their_names() -> None:
    state = article("blue")
    ours = replace(system(), config=replace(system().config, name="sample"))
    state.view.put(tables.SYSTEMS, "sample", body=ours.to_json())
    state.service(ours.config.hostname, "web", {"sample-blue": 1})
    assert {s.name for s in discover(state.view)} == {"web", "sample.m.local"}
    body: Any = {**ours.to_json(), "mesh": "m"}
    state.view.put(tables.SYSTEMS, "sample", body=body)
    assert {s.name for s in discover(state.view)} == {"sample.m.local"}


def test_strategy_and_gates_that_were_told() -> None:
    state = article("blue")
    gates = {"success_rate": 0.5, "min_requests": 1, "approval": True}
    state.told("sample", gates=gates, cleanUp="stop")
    assert only(state).gates == Gates(0.5, 1, approval=True)
    assert only(state).clean_up == "stop"


def test_an_idle_side_that_could_not_be_told_apart_is_not_made() -> None:
    state = State()
    state.node("web-a", "d.local/web")
    state.ecs("web-a", "web-a", state.registry("d.local/web"))
    state.service("web.d.local", "web", {"web-a": 1})
    assert "nothing would tell them apart" in only(state).problem
    state.node("web-a", "web-a.d.local")
    state.ecs("web-a", "web-a", state.registry("d.local/web-a"))
    assert "Cloud Map service web-b of d.local, which does not exist" in only(state).problem
    state.registry("d.local/web-b")
    assert only(state).problem == ""
    state.ecs("tasks", "web-a", state.registry("d.local/web-a"))
    state.view.delete(tables.ECS_SERVICES, "c", "web-a")
    assert "teal adopt web --side b=ECS_SERVICE" in only(state).problem
    state.told("web", sides={"b": {"ecsService": "tasks-2"}})
    assert (only(state).problem, only(state).ecs_service("b")) == ("", ("c", "tasks-2"))
