"""Why the modules of ours cannot have a service as it is. Pure.

Two things are refused: what Terraform would have to replace, since the provider changes it in no
other way (``ForceNew`` in hashicorp/aws 3.39) and the module says it otherwise; and what the module
does not have at all, so that an apply would take it away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tealmesh.cli.terraform.moving.facts import COLOURS, PROTOCOLS, Facts, Side, route_spec
from tealmesh.cli.terraform.moving.state import Instance, Json
from tealmesh.migration.found import Resource

TASK_MEMBERS = ("volume", "inference_accelerator", "placement_constraints", "ephemeral_storage")
"""Blocks of a task definition that the module has not."""

_NODE = {"listeners", "backends", "serviceDiscovery", "logging"}
_LISTENER = {"portMapping", "healthCheck"}


def _none(value: Any) -> bool:
    return not value


def _is_our_dns(value: Any) -> bool:
    one: Json = value[0] if value else {}
    records = {str(record.get("type")) for record in one.get("dns_records") or ()}
    return one.get("routing_policy") == "MULTIVALUE" and records == {"A"}


Rule = tuple[str, Callable[[Any], bool], str]
"""A member, whether a value of it is the module's, and what the module has."""


_ECS_SERVICE: tuple[Rule, ...] = (
    ("launch_type", lambda value: value == "FARGATE", "FARGATE"),
    ("scheduling_strategy", lambda value: value in (None, "", "REPLICA"), "REPLICA"),
    ("deployment_controller", lambda value: _types(value) <= {"ECS"}, "ECS"),
    ("load_balancer", _none, "none: load balancers are in front of the gateway"),
    ("capacity_provider_strategy", _none, "none"),
    ("placement_constraints", _none, "none"),
    ("iam_role", lambda value: value in (None, "", "aws-service-role"), "none"),
    ("enable_ecs_managed_tags", _none, "false"),
    ("propagate_tags", lambda value: value in (None, "", "NONE"), "none"),
)
_CLOUD_MAP: tuple[Rule, ...] = (
    ("dns_config", _is_our_dns, "MULTIVALUE, type A"),
    ("health_check_config", _none, "none"),
    ("health_check_custom_config", lambda value: _thresholds(value) == [1], "failure_threshold 1"),
)


def refusals(facts: Facts, *, owned: bool) -> Iterator[str]:
    """One line for each reason, for people."""
    if len(facts.sides) > len(COLOURS):
        yield f"  {len(facts.sides)} sides: the module has two"
    for side in facts.sides:
        if side.service is not None:
            yield from _against(side.service, _ECS_SERVICE)
            registries = list(side.service.values.get("service_registries") or ())
            if len(registries) != 1 or any(registries[0].get(m) for m in _PLACES):
                yield (
                    f"  {side.service.address}: service_registries is {_shown(registries)}; the "
                    "module has one, without container and port"
                )
        yield from _against_node(side)
        if owned:
            yield from _against_task(side, facts)
    yield from _against_route(facts.route)
    if facts.cloud_map is not None:
        yield from _against(facts.cloud_map, _CLOUD_MAP)


_PLACES = ("container_name", "container_port", "port")


def _against(one: Instance, rules: tuple[Rule, ...]) -> Iterator[str]:
    for member, is_ours, ours in rules:
        value = one.values.get(member)
        if not is_ours(value):
            yield (
                f"  {one.address}: {member} is {_shown(value)}; the module has {ours}, and it "
                "cannot be changed in place"
            )


def _against_node(side: Side) -> Iterator[str]:
    name, listeners = side.described["virtualNode"], side.spec.get("listeners") or []
    if not side.spec:
        return
    for member in sorted(set(side.spec) - _NODE):
        yield f"  virtual node {name}: {member} would be taken away, the module has none"
    if len(listeners) != 1:
        yield f"  virtual node {name}: it has {len(listeners)} listeners; the module has one"
        return
    for member in sorted(set(listeners[0]) - _LISTENER):
        yield f"  virtual node {name}: its listener's {member} would be taken away"
    protocol = listeners[0]["portMapping"]["protocol"]
    if protocol not in PROTOCOLS:
        yield f"  virtual node {name}: protocol {protocol}; the module has {', '.join(PROTOCOLS)}"
    if "awsCloudMap" not in (side.spec.get("serviceDiscovery") or {}):
        yield f"  virtual node {name}: it is not discovered by Cloud Map, as the module's are"
    for backend in side.spec.get("backends") or ():
        if "clientPolicy" in backend.get("virtualService", {}):
            yield f"  virtual node {name}: the client policy of a backend would be taken away"


def _against_route(route: Resource) -> Iterator[str]:
    """The module has a time limit of whole seconds, or App Mesh's."""
    timeout = route_spec(route)[1].get("timeout") or {}
    limit = timeout.get("perRequest")
    if "idle" in timeout:
        yield f"  route {route.name.name}: its idle timeout would be taken away"
    if limit is not None:
        seconds = limit["value"] / (1000 if limit["unit"] == "ms" else 1)
        if seconds < 1 or seconds != int(seconds):
            yield (
                f"  route {route.name.name}: a request may take {limit['value']} {limit['unit']} "
                "(0 is for ever); the module has whole seconds, 1 or more"
            )


def _against_task(side: Side, facts: Facts) -> Iterator[str]:
    """Terraform makes a new revision from what the module has."""
    if side.task is None:
        return
    hint = "--source …/bluegreen-service-rollouts leaves task definitions as they are"
    for member in TASK_MEMBERS:
        if side.task.values.get(member):
            yield f"  {side.task.address}: {member} would be taken away; {hint}"
    for container in side.containers:
        name = container["name"]
        if name != facts.service.get("container") and kind(container) == "other":
            yield f"  {side.task.address}: container {name} would be taken away; {hint}"


def kind(container: Json) -> str:
    """What a container beside the application is: ``envoy``, ``xray``, ``otel``, ``drain``, or
    ``other``.
    """
    names = {one.get("name") for one in container.get("environment") or ()}
    image = str(container.get("image", ""))
    if names & {"APPMESH_RESOURCE_ARN", "APPMESH_VIRTUAL_NODE_NAME"}:
        return "envoy"
    if "xray-daemon" in image:
        return "xray"
    if "aws-otel-collector" in image:
        return "otel"
    return "drain" if container.get("command") == ["drain"] else "other"


def _types(value: Any) -> set[str]:
    return {str(one.get("type")) for one in value or ()}


def _thresholds(value: Any) -> list[Any]:
    return [one.get("failure_threshold") for one in value or ()]


def _shown(value: Any) -> str:
    return json.dumps(value)
