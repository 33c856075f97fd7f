"""JSON of the API: what the AWS CLI answers and takes, and items of AWS Config.

https://docs.aws.amazon.com/cli/latest/reference/appmesh/
https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.json import Json
from tealmesh.migration.readers.cloudformation import TYPES, of_properties
from tealmesh.migration.spelling import pairs
from tealmesh.model.mesh import Kind

_BY_LENGTH = sorted(Kind, key=lambda kind: -len(kind.value))
_DELETED = ("ResourceDeleted", "ResourceDeletedNotRecorded", "ResourceNotRecorded")


def is_ours(document: Any) -> bool:
    """Whether a document has resources as the API has them, or as AWS Config has."""
    return any(True for _ in _bodies(document)) or any(True for _ in items(document))


def read(documents: Iterable[Any], origin: str) -> Found:
    """Of several items of AWS Config for a resource, the latest counts."""
    found = Found()
    latest: dict[str, Json] = {}
    for document in documents:
        for kind, body in _bodies(document):
            found.resources.append(_resource(kind, body, origin))
        for item in items(document):
            key = str(item.get("resourceId") or item.get("ARN") or item.get("arn"))
            if _at(item) >= _at(latest.get(key, {})):
                latest[key] = item
    for item in latest.values():
        found.add(_of_config(item, origin))
    return found


def _at(item: Json) -> str:
    return str(item.get("configurationItemCaptureTime", ""))


def _bodies(document: Any) -> Iterator[tuple[Kind, Json]]:
    """Answers of Describe, requests of Create, and lists of either."""
    if isinstance(document, list):
        for one in document:
            yield from _bodies(one)
    elif isinstance(document, Mapping):
        for kind in _BY_LENGTH:
            inner = document.get(kind.value)
            if isinstance(inner, Mapping) and f"{kind.value}Name" in inner and "spec" in inner:
                yield kind, inner
                return
        own = _kind_of(document)
        if own is not None:
            yield own, document


def _kind_of(body: Json) -> Kind | None:
    if not isinstance(body.get("spec"), Mapping) and "spec" in body:
        return None
    named = [kind for kind in Kind if f"{kind.value}Name" in body]
    inner = [kind for kind in named if kind is not Kind.MESH and kind not in _parents(named)]
    if inner and "spec" in body:
        return inner[0]
    return Kind.MESH if named == [Kind.MESH] and ("spec" in body or len(body) <= 3) else None


def _parents(named: Iterable[Kind]) -> set[Kind]:
    return {PARENTS[kind] for kind in named if kind in PARENTS}


def _resource(kind: Kind, body: Json, origin: str) -> Resource:
    parent = PARENTS.get(kind)
    name = str(body[f"{kind.value}Name"])
    above = str(body.get(f"{parent.value}Name", "")) if parent else ""
    full = Name(kind, str(body.get("meshName", "")), name, above)
    return Resource(full, body.get("spec") or {}, origin, dict(pairs(body.get("tags"))))


def items(document: Any) -> Iterator[Json]:
    """Items of AWS Config: alone, in a history, in a snapshot, or as Select answers them."""
    if isinstance(document, list):
        for one in document:
            yield from items(one)
    elif isinstance(document, str):
        try:
            yield from items(json.loads(document))
        except ValueError:
            return
    elif isinstance(document, Mapping):
        if document.get("resourceType") in TYPES and "configuration" in document:
            yield document
        for member in ("configurationItems", "baseConfigurationItems", "Results"):
            yield from items(document.get(member) or [])


def _of_config(item: Json, origin: str) -> Found:
    kind = TYPES[item["resourceType"]]
    name = str(item.get("resourceName") or item.get("resourceId"))
    where = f"{origin}: {item['resourceType']} {name}"
    found = Found()
    if item.get("configurationItemStatus") in _DELETED:
        found.remark(where, "was deleted at its latest item: left out")
        return found
    configuration = item["configuration"]
    properties = json.loads(configuration) if isinstance(configuration, str) else configuration
    if not properties:
        found.remark(where, "its item has no configuration: left out")
        return found
    if "spec" in properties:
        found.resources.append(_resource(kind, properties, where))
        return found
    return of_properties(kind, properties, where, name.rpartition("/")[2])
