"""What a Terraform plan changes, and whether that is what a step of a deployment is for. Pure.

https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from tealmesh.model import wire

_ENVOY_ACTION = "appmesh:StreamAggregatedResources"
_POLICIES = ("aws_iam_role_policy", "aws_iam_policy")
_SIDES = ("aws_appmesh_virtual_node", "aws_ecs_service", "aws_ecs_task_definition")
_WORDS = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}


@dataclass(frozen=True)
class Change:
    """A managed resource that a plan changes."""

    address: str
    type: str
    actions: tuple[str, ...]
    before: Mapping[str, object]
    after: Mapping[str, object]
    """As far as it is known before the apply."""

    def __str__(self) -> str:
        return f"{self.address} ({_WORDS.get(self.actions, '/'.join(self.actions))})"


def changes(plan: Mapping[str, object]) -> list[Change]:
    """The managed resources that a plan changes, from `terraform show -json`."""
    return [
        Change(
            _text(one, "address"),
            _text(one, "type"),
            tuple(str(action) for action in _items(change.get("actions"))),
            _mapping(change.get("before")),
            _mapping(change.get("after")),
        )
        for one in map(_mapping, _items(plan.get("resource_changes")))
        if one.get("mode") == "managed"
        for change in (_mapping(one.get("change")),)
        if _items(change.get("actions")) not in (["no-op"], ["read"])
    ]


def variables(plan: Mapping[str, object]) -> dict[str, object]:
    """The values of the root module's variables in a plan."""
    return {
        name: _mapping(one).get("value") for name, one in _mapping(plan.get("variables")).items()
    }


def strangers(
    plan: list[Change], step: wire.TerraformStep, allowed: Collection[str] = ()
) -> list[str]:
    """What a plan changes that is not the step's own, one line each, for people. ``allowed``: the
    addresses of resources that it may change too.
    """
    own = _Own(step)
    return [
        f"{change}{why}"
        for change in plan
        if change.address not in allowed and (why := own.against(change)) is not None
    ]


class _Own:
    """What belongs to a step."""

    def __init__(self, step: wire.TerraformStep) -> None:
        self._step = step
        self._kind, self._side = step["kind"], step["side"]
        self._of = {side["side"]: side for side in step["sides"]}

    def against(self, change: Change) -> str | None:
        """Why the change is not the step's, to follow its name; None if it is."""
        if change.type == "aws_appmesh_route":
            return self._against_route(change)
        if self._kind != "SHIFT":
            if change.type in _POLICIES and change.actions == ("update",):
                return None if _ENVOY_ACTION in _text(change.before, "policy") else ""
            if self._is_of_side(change):
                return self._against_side(change)
        return ""

    def _against_route(self, change: Change) -> str | None:
        where = change.before or change.after
        mine = (
            _text(where, "mesh_name") == self._step["mesh"]
            and _text(where, "virtual_router_name") == self._step["router"]
            and _text(where, "name") in self._step["routes"]
        )
        if not mine:
            return ""
        if change.actions != ("update",):
            return ": the route is to stay, and be updated in place"
        before, after = (_weights(spec) for spec in (change.before, change.after))
        if self._kind == "SHIFT":
            names = {side["virtualNode"]: side.get("weight", 0) for side in self._of.values()}
            wanted = {node: weight for node, weight in names.items() if weight}
        else:
            wanted = before
        if _shared(after) != _shared(wanted):
            return f": it would have the weights {_shown(after)}, not {_shown(wanted)}"
        return None

    def _is_of_side(self, change: Change) -> bool:
        side = self._of[self._side]
        name = {
            "aws_appmesh_virtual_node": (("name",), side["virtualNode"]),
            "aws_ecs_service": (("name",), side["ecsService"]),
            "aws_ecs_task_definition": (("family",), side.get("family", "")),
        }
        where = {**change.before, **change.after}
        if change.type in name:
            (key,), mine = name[change.type]
            return bool(mine) and _text(where, key) == mine
        # Scaling, alarms and the like of this side's ECS service.
        return _text(where, "resource_id").endswith(f"/{side['ecsService']}")

    def _against_side(self, change: Change) -> str | None:
        if self._kind == "START":
            destroyed = change.actions == ("delete",)
            return ": it is to be started" if destroyed and change.type in _SIDES else None
        return None if change.actions == ("delete",) else ": it is to be destroyed"


def _weights(route: Mapping[str, object]) -> dict[str, int]:
    """The weights of a route's targets, by virtual node, in any of its protocols."""
    return {
        _text(target, "virtual_node"): _number(target.get("weight"))
        for target in _blocks(route, lambda name: name == "weighted_target")
    }


def _blocks(value: object, wanted: Callable[[str], bool]) -> Iterator[Mapping[str, object]]:
    """The blocks of a name, wherever they are in a resource."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if wanted(str(name)):
                yield from map(_mapping, _items(inner))
            else:
                yield from _blocks(inner, wanted)
    elif isinstance(value, list):
        for one in value:
            yield from _blocks(one, wanted)


def _shared(weights: Mapping[str, int]) -> dict[str, float]:
    """Of the whole weight, the part of each target that has some."""
    whole = sum(weights.values())
    return {node: weight / whole for node, weight in weights.items() if weight}


def _shown(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{node} = {weight:g}" for node, weight in sorted(weights.items())) or "none"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: Mapping[str, object], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else "" if found is None else json.dumps(found)


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) else 0
