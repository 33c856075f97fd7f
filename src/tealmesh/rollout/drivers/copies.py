"""Copies of what a side of a service consists of, for its next version. Pure.

A copy is the original but for the image and, where the side is made from the other one, for the
side's name: the word ``blue`` becomes ``green`` wherever it stands by itself, as in the operators'
own templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from tealmesh.model.errors import DriverError
from tealmesh.rollout.discovery.routes import route_member
from tealmesh.rollout.naming import renamed
from tealmesh.rollout.system import Service, ServiceSystem, other_side

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import WeightedTargetTypeDef
    from types_boto3_ecs.type_defs import (
        CreateServiceRequestTypeDef,
        DescribeTaskDefinitionResponseTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
        ServiceTypeDef,
    )

    from tealmesh.model.appmesh import RouteSpec, VirtualNodeSpec

T = TypeVar("T")
Rename = Callable[[str], str]

_DEFINITION_MEMBERS = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
)
"""Members of RegisterTaskDefinition's request that are copied as they are."""

_SERVICE_MEMBERS = (
    "platformVersion",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
)
"""Members of CreateService's request that are copied as they are."""

_KEPT = frozenset({"image", "valueFrom", "repositoryCredentials"})
"""Members that name things outside the system, where nothing need have the other side's name."""


def same(text: str) -> str:
    """The renaming that leaves every name as it is."""
    return text


def to_side(side: str, other: str) -> Rename:
    """The renaming from one side to the other, or from one side's node to the other's."""
    return lambda text: renamed(text, side, other)


def renaming(service: Service, side: str) -> Rename:
    """From the other side's names to this side's. Operators name a side by a word, which may stand
    anywhere; in a service of teal.toml only the whole names tell the sides apart.
    """
    other = other_side(service, side)
    if isinstance(service, ServiceSystem):
        return to_side(service.node(other), service.node(side))
    return to_side(other, side)


def renamed_in(value: T, rename: Rename) -> T:
    """A deep copy with every string renamed but those of members in `_KEPT`."""
    if isinstance(value, str):
        return cast("T", rename(value))
    if isinstance(value, list):
        return cast("T", [renamed_in(item, rename) for item in value])
    if isinstance(value, Mapping):
        return cast(
            "T",
            {
                key: item if key in _KEPT else renamed_in(item, rename)
                for key, item in value.items()
            },
        )
    return value


def task_definition(
    present: DescribeTaskDefinitionResponseTypeDef, container: str, image: str, rename: Rename
) -> RegisterTaskDefinitionRequestTypeDef:
    """RegisterTaskDefinition's request for a revision with another image in one container.

    Raises DriverError without such a container: a copy of what there is would pass for new.
    """
    definition = present["taskDefinition"]
    request = _members(definition, _DEFINITION_MEMBERS)
    containers = renamed_in(definition["containerDefinitions"], rename)
    changed = [one for one in containers if one["name"] in (container, rename(container))]
    if not changed:
        text = f"task definition {definition['family']} has no container {container or 'to deploy'}"
        raise DriverError(text, retryable=False)
    for one in changed:
        one["image"] = image
    request |= {"family": rename(definition["family"]), "containerDefinitions": containers}
    if "proxyConfiguration" in definition:
        request["proxyConfiguration"] = renamed_in(definition["proxyConfiguration"], rename)
    if present.get("tags"):
        request["tags"] = renamed_in(present["tags"], rename)
    return cast("RegisterTaskDefinitionRequestTypeDef", request)


def ecs_service(
    present: ServiceTypeDef,
    name: str,
    definition: str,
    count: int,
    registry: str | None,
    rename: Rename,
) -> CreateServiceRequestTypeDef:
    """CreateService's request for a service like ``present`` with ``count`` other tasks.

    ``definition``: ARN of the task definition; ``registry``: ARN of the Cloud Map service in which
    the tasks register, None for none.
    """
    request = _members(present, _SERVICE_MEMBERS)
    # Only one of the two may be given.
    if present.get("capacityProviderStrategy"):
        request["capacityProviderStrategy"] = present["capacityProviderStrategy"]
    elif present.get("launchType"):
        request["launchType"] = present["launchType"]
    if registry and present.get("serviceRegistries"):
        first = renamed_in(present["serviceRegistries"][0], rename)
        request["serviceRegistries"] = [{**first, "registryArn": registry}]
    if present.get("tags"):
        request["tags"] = renamed_in(present["tags"], rename)
    if present.get("propagateTags", "NONE") != "NONE":
        request["propagateTags"] = present["propagateTags"]
    request |= {
        "cluster": present["clusterArn"],
        "serviceName": name,
        "taskDefinition": definition,
        "desiredCount": count,
    }
    return cast("CreateServiceRequestTypeDef", request)


def virtual_node(spec: VirtualNodeSpec, live: str, new: str, rename: Rename) -> VirtualNodeSpec:
    """The specification of a side's virtual node, made from the other side's: the attributes that
    name its ECS service, ``live``, name ``new``.
    """
    copy = dict(spec)
    discovery = renamed_in(spec.get("serviceDiscovery", {}), rename)
    if "awsCloudMap" in discovery:
        for attribute in discovery["awsCloudMap"].get("attributes", []):
            if attribute["value"] in (live, rename(live)):
                attribute["value"] = new
    if discovery:
        copy["serviceDiscovery"] = discovery
    return cast("VirtualNodeSpec", copy)


def reweighted(spec: RouteSpec, weights: Mapping[str, int]) -> RouteSpec:
    """A route with these weights of virtual nodes; all else is as it was, other targets too. A node
    that it does not lead to yet becomes a target like the first one.
    """
    targets = spec[route_member(spec)]["action"]["weightedTargets"]
    present = {target["virtualNode"] for target in targets}
    made: list[WeightedTargetTypeDef] = [
        {**target, "weight": weights.get(target["virtualNode"], target["weight"])}
        for target in targets
    ]
    made += [
        {**targets[0], "virtualNode": node, "weight": weight}
        for node, weight in weights.items()
        if node not in present
    ]
    return _with_targets(spec, made)


def without(spec: RouteSpec, node: str) -> RouteSpec:
    """A route that does not lead to a virtual node any more."""
    targets = spec[route_member(spec)]["action"]["weightedTargets"]
    return _with_targets(spec, [t for t in targets if t["virtualNode"] != node])


def _with_targets(spec: RouteSpec, targets: list[WeightedTargetTypeDef]) -> RouteSpec:
    member = route_member(spec)
    route = spec[member]
    changed = {**route, "action": {**route["action"], "weightedTargets": targets}}
    return cast("RouteSpec", {**spec, member: changed})


def _members(present: Mapping[str, object], members: Iterable[str]) -> dict[str, object]:
    """Those of the members that say something."""
    return {member: present[member] for member in members if present.get(member)}
