"""What a plan may change at each kind of step, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.cli.terraform import plans
from tealmesh.cli.terraform.running import told
from tealmesh.model import wire

SIDES: list[wire.TerraformSide] = [
    {
        "side": "blue",
        "virtualNode": "web-blue",
        "ecsService": "dev-web-blue",
        "family": "web-blue",
        "active": True,
        "weight": 1,
    },
    {
        "side": "green",
        "virtualNode": "web-green",
        "ecsService": "dev-web-green",
        "family": "web-green",
        "active": True,
        "weight": 1,
    },
]


def step(kind: str, side: str = "green") -> wire.TerraformStep:
    return {
        "number": 1,
        "kind": kind,
        "side": side,
        "mesh": "m",
        "router": "web",
        "routes": ["web"],
        "sides": SIDES,
    }


def planned(kind: str, actions: list[str], before: Any, after: Any) -> dict[str, Any]:
    return {
        "mode": "managed",
        "address": f"{kind}.it",
        "type": kind,
        "change": {"actions": actions, "before": before, "after": after},
    }


def route(
    name: str = "web", router: str = "web", protocol: str = "http_route", **weights: int
) -> Any:
    targets = [{"virtual_node": node, "weight": weight} for node, weight in weights.items()]
    return {
        "name": name,
        "mesh_name": "m",
        "virtual_router_name": router,
        "spec": [{"priority": 0, protocol: [{"action": [{"weighted_target": targets}]}]}],
    }


def refused(kind: str, *resources: dict[str, Any], side: str = "green", **rest: Any) -> list[str]:
    changes = plans.changes({"resource_changes": list(resources)})
    return plans.strangers(changes, step(kind, side), **rest)


BLUE = {"web-blue": 1}
BOTH = {"web-blue": 50, "web-green": 50}


def update(before: Any, after: Any) -> dict[str, Any]:
    return planned("aws_appmesh_route", ["update"], before, after)


@pytest.mark.parametrize("protocol", ["http_route", "http2_route", "grpc_route", "tcp_route"])
def test_weights_are_those_of_the_step_as_shares(protocol: str) -> None:
    before, after = route(protocol=protocol, **BLUE), route(protocol=protocol, **BOTH)
    assert refused("SHIFT", update(before, after)) == []
    (line,) = refused("SHIFT", update(before, route(protocol=protocol, **{"web-green": 1})))
    assert line == (
        "aws_appmesh_route.it (update): it would have the weights web-green = 1, not "
        "web-blue = 1, web-green = 1"
    )


@pytest.mark.parametrize(
    "other", [route("other", **BLUE), route(router="other", **BLUE), {**route(), "mesh_name": "n"}]
)
def test_another_route_is_none_of_the_steps(other: Any) -> None:
    assert refused("SHIFT", update(other, {**other, **route(**BOTH)})) == [
        "aws_appmesh_route.it (update)"
    ]


@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"]])
def test_a_route_is_never_replaced(actions: list[str]) -> None:
    gone = planned("aws_appmesh_route", actions, route(**BLUE), route(**BOTH))
    assert "be updated in place" in refused("SHIFT", gone)[0]


def test_a_side_starts_with_all_that_is_its_own_and_no_weight() -> None:
    policy = {"policy": '{"Action": "appmesh:StreamAggregatedResources"}'}
    own = [
        planned("aws_appmesh_virtual_node", ["create"], None, {"name": "web-green"}),
        planned("aws_ecs_service", ["create"], None, {"name": "dev-web-green"}),
        planned("aws_ecs_task_definition", ["create"], None, {"family": "web-green"}),
        planned(
            "aws_appautoscaling_target",
            ["create"],
            None,
            {"resource_id": "service/c/dev-web-green"},
        ),
        planned("aws_iam_role_policy", ["update"], policy, {}),
        update(route(**BLUE), route(**BLUE, **{"web-green": 0})),
    ]
    assert refused("START", *own) == []
    # At the shift of the weights none of them has any business but the route.
    assert len(refused("SHIFT", *own[:5])) == 5


@pytest.mark.parametrize(
    "stranger",
    [
        planned("aws_ecs_service", ["update"], {"name": "dev-web-blue"}, {"name": "dev-web-blue"}),
        planned("aws_ecs_task_definition", ["create", "delete"], {"family": "web-blue"}, {}),
        planned("aws_appmesh_virtual_node", ["delete"], {"name": "web-green"}, None),
        planned("aws_iam_role_policy", ["update"], {"policy": "{}"}, {"policy": "{}"}),
        planned(
            "aws_iam_role_policy", ["delete"], {"policy": "appmesh:StreamAggregatedResources"}, None
        ),
        planned("aws_ecs_cluster", ["create"], None, {"name": "more"}),
        update(route(**BLUE), route(**BOTH)),
    ],
)
def test_what_is_not_the_new_sides_stops_its_start(stranger: dict[str, Any]) -> None:
    assert len(refused("START", stranger)) == 1
    assert refused("START", stranger, allowed=[stranger["address"]]) == []


def test_a_side_that_stops_is_destroyed_and_the_other_one_left() -> None:
    own = planned("aws_ecs_service", ["delete"], {"name": "dev-web-blue"}, None)
    other = planned("aws_ecs_service", ["delete"], {"name": "dev-web-green"}, None)
    changed = planned("aws_ecs_service", ["update"], {"name": "dev-web-blue"}, {"desired_count": 0})
    dropped = update(route(**{"web-green": 100, "web-blue": 0}), route(**{"web-green": 100}))
    assert refused("STOP", own, dropped, side="blue") == []
    assert refused("STOP", other, side="blue") == ["aws_ecs_service.it (destroy)"]
    assert refused("STOP", changed, side="blue") == [
        "aws_ecs_service.it (update): it is to be destroyed"
    ]


def test_what_is_read_or_stays_is_no_change() -> None:
    stays = planned("aws_ecs_cluster", ["no-op"], {}, {})
    data = {**planned("aws_region", ["read"], None, {}), "mode": "data"}
    assert plans.changes({"resource_changes": [stays, data]}) == []
    assert plans.changes({}) == []


def test_what_terraform_says_is_told_in_a_line() -> None:
    text = (
        "╷\n│ Error: creating ECS Service (x): InvalidParameterException: no\n│ \n"
        "│   with aws_ecs_service.x,\n│   on main.tf line 3\n╵\n╷\n│ Error: second\n╵\n"
    )
    assert told(text) == (
        "creating ECS Service (x): InvalidParameterException: no with aws_ecs_service.x, on "
        "main.tf line 3; second"
    )
    assert told("") == "it failed and said nothing"
