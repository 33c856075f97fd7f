"""What is to be written of a cluster that has been read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tealmesh.model.ecs.names import revision_key
from tealmesh.store import Reader, tables
from tealmesh.store.tables import Collection
from tealmesh.workloads.reading import definition_key

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ServiceBody, TaskBody, TaskDefinitionBody

MOST_REVISIONS = 100
"""Of a family, the newest that are kept besides those in use: earlier deployments show how
definitions differed."""


@dataclass(frozen=True)
class Cluster:
    """One cluster, as it was read."""

    name: str
    services: Mapping[str, ServiceBody] = field(default_factory=dict)
    """By name."""
    tasks: Mapping[str, TaskBody] = field(default_factory=dict)
    """By id; stopped ones too, for as long as ECS shows them."""
    definitions: Mapping[str, TaskDefinitionBody] = field(default_factory=dict)
    """By ARN, those that were not known."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing that could take a request."""
        live = any(task["lastStatus"] != "STOPPED" for task in self.tasks.values())
        return not live and not self.services


@dataclass(frozen=True)
class Change:
    """One document."""

    collection: Collection[Any]
    key: tuple[str, ...]
    body: object | None
    """None to delete it."""


def changes(known: Reader, read: Cluster) -> Iterator[Change]:
    """What differs from what is ``known``."""
    for arn, definition in read.definitions.items():
        family, revision = definition_key(arn)
        yield from _put(
            known, tables.TASK_DEFINITIONS, (family, revision_key(revision)), definition
        )
    of_cluster: tuple[tuple[Collection[Any], Mapping[str, object]], ...] = (
        (tables.ECS_SERVICES, read.services),
        (tables.TASKS, read.tasks),
    )
    for collection, found in of_cluster:
        there = {one.key.partition("/")[2] for one in known.list(collection, read.name)}
        for name, body in found.items():
            yield from _put(known, collection, (read.name, name), body)
        for name in sorted(there - found.keys()):
            yield Change(collection, (read.name, name), None)
    families = {definition_key(arn)[0] for arn in read.definitions}
    used = set(_used(known, read)) if families else set()
    for family in families:
        yield from _too_many(known, family, used)


def had_any(known: Reader, cluster: str) -> bool:
    """Whether something could take requests in a cluster, as far as known."""
    tasks = known.list(tables.TASKS, cluster)
    live = any(document.body["lastStatus"] != "STOPPED" for document in tasks)
    return live or bool(known.list(tables.ECS_SERVICES, cluster))


def _put(
    known: Reader, collection: Collection[Any], key: tuple[str, ...], body: object
) -> Iterator[Change]:
    document = known.get(collection, *key)
    if document is None or document.body != body:
        yield Change(collection, key, body)


def _used(known: Reader, read: Cluster) -> Iterator[str]:
    """The revisions of services and of tasks that run, which would be read again if they were not
    kept.
    """
    stored = [document.body for document in known.list(tables.ECS_SERVICES)]
    yield from (service["taskDefinition"] for service in (*stored, *read.services.values()))
    tasks = [document.body for document in known.list(tables.TASKS)]
    for task in (*tasks, *read.tasks.values()):
        if task["lastStatus"] != "STOPPED":
            yield task["taskDefinitionArn"]


def _too_many(known: Reader, family: str, used: Set[str]) -> Iterator[Change]:
    kept = [document.body for document in known.list(tables.TASK_DEFINITIONS, family)]
    for body in sorted(kept, key=lambda one: one["revision"])[:-MOST_REVISIONS]:
        if body["taskDefinitionArn"] not in used:
            yield Change(tables.TASK_DEFINITIONS, (family, revision_key(body["revision"])), None)
