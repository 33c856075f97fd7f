"""Task definitions: images, dependencies, the order of stopping."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.engine.runtimes.containers import (
    Container,
    Role,
    State,
    blocked,
    command_for,
    containers,
    ended,
    startable,
    stop_order,
)
from tealmesh.model.errors import EngineError


def parse(*bodies: dict[str, Any], overrides: dict[str, Any] | None = None) -> list[Container]:
    defaults = {"image": "team/app:1"}
    return containers(
        {"containerDefinitions": [{**defaults, **b} for b in bodies]}, overrides or {}, 30
    )


RUNNING, HEALTHY = State(started=True), State(started=True, healthy=True)


def exited(code: int) -> State:
    return State(started=True, exit_code=code)


@pytest.mark.parametrize(
    ("image", "role"),
    [
        ("840364872350.dkr.ecr.us-west-2.amazonaws.com/aws-appmesh-envoy:v1.20", Role.ENVOY),
        ("docker.io/envoyproxy/envoy:v1.30", Role.ENVOY),
        ("amazon/aws-xray-daemon", Role.XRAY),
        ("team/web:1", Role.APPLICATION),
    ],
)
def test_roles_are_known_by_image(image: str, role: Role) -> None:
    assert parse({"name": "x", "image": image})[0].role is role


def test_the_longest_pattern_of_the_image_map_is_taken() -> None:
    images = [
        {"pattern": "*", "command": ["any"]},
        {"pattern": "*/app:1", "command": ["one", "x"], "cwd": "/c", "environment": {"A": "1"}},
        {"pattern": "*/app:*", "command": ["some"]},
    ]
    (container,) = parse({"name": "app", "command": ["--more"]})
    command = command_for(container, images)
    assert (command.argv, command.cwd, command.environment) == (
        ("one", "x", "--more"),
        "/c",
        {"A": "1"},
    )
    (container,) = parse({"name": "app", "entryPoint": ["other"]})
    assert command_for(container, images).argv == ("other",)


def test_an_unknown_image_names_what_is_known() -> None:
    (container,) = parse({"name": "app", "image": "x/y:3"})
    with pytest.raises(EngineError, match=r"'x/y:3' of container app .*known: b:\*"):
        command_for(container, [{"pattern": "b:*", "command": ["b"]}])


def test_overrides_win() -> None:
    (container,) = parse(
        {
            "name": "app",
            "command": ["a"],
            "environment": [{"name": "X", "value": "1"}, {"name": "Y", "value": "1"}],
        },
        overrides={
            "containerOverrides": [
                {"name": "app", "command": ["b"], "environment": [{"name": "X", "value": "2"}]}
            ]
        },
    )
    assert container.arguments == ("b",)
    assert container.environment == {"X": "2", "Y": "1"}


@pytest.mark.parametrize(
    ("condition", "state", "starts"),
    [
        ("START", State(), False),
        ("START", RUNNING, True),
        ("START", exited(1), True),
        ("HEALTHY", RUNNING, False),
        ("HEALTHY", HEALTHY, True),
        ("COMPLETE", RUNNING, False),
        ("COMPLETE", exited(1), True),
        ("SUCCESS", exited(1), False),
        ("SUCCESS", exited(0), True),
    ],
)
def test_dependencies(condition: str, state: State, starts: bool) -> None:
    all_of = parse(
        {"name": "first"},
        {"name": "then", "dependsOn": [{"containerName": "first", "condition": condition}]},
    )
    due = startable(all_of, {"first": state, "then": State()})
    assert ("then" in [c.name for c in due]) is starts


def test_a_dependency_that_can_never_be_met_is_reported() -> None:
    all_of = parse(
        {"name": "migrate", "essential": False},
        {"name": "app", "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}]},
    )
    assert blocked(all_of, {"migrate": RUNNING, "app": State()}) == ""
    assert "migrate has exited with code 1" in blocked(
        all_of, {"migrate": exited(1), "app": State()}
    )


def test_an_essential_container_ends_its_task() -> None:
    all_of = parse({"name": "app"}, {"name": "side", "essential": False})
    assert ended(all_of, {"app": RUNNING, "side": exited(1)}) is None
    assert ended(all_of, {"app": exited(0), "side": RUNNING}) == all_of[0]
    none_essential = parse({"name": "a", "essential": False}, {"name": "b", "essential": False})
    assert ended(none_essential, {"a": exited(0), "b": RUNNING}) is None
    assert ended(none_essential, {"a": exited(0), "b": exited(0)}) is not None


def test_what_drains_a_task_is_stopped_before_all_else() -> None:
    all_of = parse(
        {"name": "envoy", "image": "registry/tealmesh-envoy:1"},
        {"name": "app"},
        # Only what depends on it is stopped before it.
        {"name": "last", "dependsOn": [{"containerName": "drain", "condition": "START"}]},
        {"name": "drain", "image": "registry/tealmesh-envoy:1", "command": ["drain"]},
    )
    roles = [container.role for container in all_of]
    assert roles == [Role.ENVOY, Role.APPLICATION, Role.APPLICATION, Role.DRAIN]
    groups = [[container.name for container in group] for group in stop_order(all_of)]
    assert groups == [["last"], ["drain"], ["app"], ["envoy"]]


def test_dependents_stop_first_and_envoy_last() -> None:
    all_of = parse(
        {"name": "envoy", "image": "x/aws-appmesh-envoy:1"},
        {"name": "db"},
        {"name": "app", "dependsOn": [{"containerName": "db", "condition": "START"}]},
    )
    assert [[c.name for c in group] for group in stop_order(all_of)] == [["app"], ["db"], ["envoy"]]
