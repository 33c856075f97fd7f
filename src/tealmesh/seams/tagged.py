"""Everything of ours that has tags, for the Resource Groups Tagging API. Pure.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

from tealmesh.model.appmesh import ResourceBody, S
from tealmesh.model.arn import Arn
from tealmesh.model.cloudmap import TagBody
from tealmesh.store import Reader, tables
from tealmesh.store.tables import Collection

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import Tag

OURS = ("appmesh", "ecs", "servicediscovery", "application-autoscaling")
"""The services in whose ARNs."""


class Mapped(TypedDict):
    """A resource with its tags: ``ResourceTagMapping``."""

    ResourceARN: str
    Tags: list[TagBody]


class TagFilter(TypedDict):
    """A key, and values of which one must match; any value if there are none."""

    Key: NotRequired[str]
    Values: NotRequired[list[str]]


def tagged(reader: Reader, region: str) -> list[Mapped]:
    """The resources of a region that have tags, by ARN."""
    found = dict(_all(reader))
    return [
        {
            "ResourceARN": arn,
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        }
        for arn, tags in sorted(found.items())
        if tags and Arn.parse(arn).region == region
    ]


def tags_of(reader: Reader, arns: Sequence[str]) -> Mapping[str, str] | None:
    """The tags of a resource of ours; None where not exactly one is named that there is."""
    return next((tags for arn, tags in _all(reader) if [arn] == list(arns)), None)


def _all(reader: Reader) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield from _meshed(reader, tables.MESHES)
    yield from _meshed(reader, tables.VIRTUAL_NODES)
    yield from _meshed(reader, tables.VIRTUAL_SERVICES)
    yield from _meshed(reader, tables.VIRTUAL_ROUTERS)
    yield from _meshed(reader, tables.ROUTES)
    yield from _meshed(reader, tables.VIRTUAL_GATEWAYS)
    yield from _meshed(reader, tables.GATEWAY_ROUTES)
    for cluster in reader.list(tables.CLUSTERS):
        if cluster.body["status"] == "ACTIVE":
            yield cluster.body["clusterArn"], _plain(cluster.body.get("tags", []))
    for service in reader.list(tables.ECS_SERVICES):
        if service.body["status"] != "INACTIVE":
            yield service.body["serviceArn"], _plain(service.body.get("tags", []))
    for task in reader.list(tables.TASKS):
        if task.body["lastStatus"] != "STOPPED":
            yield task.body["taskArn"], _plain(task.body.get("tags", []))
    for definition in reader.list(tables.TASK_DEFINITIONS):
        yield definition.body["taskDefinitionArn"], _plain(definition.body.get("tags", []))
    for namespace in reader.list(tables.NAMESPACES):
        yield namespace.body["wire"]["Arn"], _shown(namespace.body["tags"])
    for discovered in reader.list(tables.SD_SERVICES):
        yield discovered.body["wire"]["Arn"], _shown(discovered.body["tags"])
    for target in reader.list(tables.SCALABLE_TARGETS):
        yield target.body["ScalableTargetARN"], target.body["teal"]["tags"]


def _meshed(
    reader: Reader, collection: Collection[ResourceBody[S]]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    for resource in reader.list(collection):
        yield resource.body["arn"], resource.body["tags"]


def _plain(tags: Iterable[Tag]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in tags if "key" in tag}


def _shown(tags: Iterable[TagBody]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def passes(mapped: Mapped, filters: Iterable[TagFilter], types: Sequence[str]) -> bool:
    """Whether a resource has a tag for every filter, and one of the ``types``, if any are given:
    ``ecs``, ``ecs:service``.
    """
    tags = {tag["Key"]: tag["Value"] for tag in mapped["Tags"]}
    for wanted in filters:
        key, values = wanted.get("Key", ""), wanted.get("Values") or []
        if key not in tags or (values and tags[key] not in values):
            return False
    return not types or any(_is_of(mapped["ResourceARN"], kind) for kind in types)


def _is_of(arn: str, kind: str) -> bool:
    service, _, resource = kind.partition(":")
    named = Arn.parse(arn)
    parts = named.resource.split("/")
    # mesh/NAME/virtualNode/NAME is of the type mesh/virtualNode.
    return named.service == service and resource.lower() in (
        "",
        parts[0].lower(),
        "/".join(parts[::2]).lower(),
    )
