"""JSON of the API: what the AWS CLI answers and takes, and items of AWS Config.

https://docs.aws.amazon.com/cli/latest/reference/appmesh/
https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.json import Json, name_of, object_of, shown
from tealmesh.migration.readers.cloudformation import TYPES, of_properties
from tealmesh.migration.spelling import SHARED, from_any_case, pairs, spec_shape
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

_BY_LENGTH = sorted(Kind, key=lambda kind: -len(kind.value))
_DELETED = ("ResourceDeleted", "ResourceDeletedNotRecorded", "ResourceNotRecorded")
_CONFIG = (
    "configurationItems",
    "baseConfigurationItems",
    "configurationItem",
    "Results",
    "ConfigurationItem",
    "BaseConfigurationItems",
)
"""Members that hold items of AWS Config: of a history, a snapshot, a notice, a query's answer, and,
with a capital, of an aggregator."""
_DISCOVERED = ("resourceIdentifiers", "ResourceIdentifiers")
"""Members of what Config has discovered, which has names alone."""

_DEEPEST = 8
"""Levels below which no answer has a resource."""


def is_ours(document: Any) -> bool:
    """Whether a document has resources as the API has them, or is AWS Config's."""
    return (
        any(True for _ in _bodies(document))
        or any(True for _ in _names_only(document))
        or any(True for _ in items(document))
        or any(True for _ in _discovered(document))
        or (isinstance(document, Mapping) and any(member in document for member in _CONFIG))
    )


def read(documents: Iterable[tuple[str, Any]]) -> Found:
    """Pairs of origin and document. Of several items of AWS Config for a resource, the latest
    counts, wherever it is. Raises TealError for what is not as AWS writes it.
    """
    found = Found()
    latest: dict[tuple[str, ...], tuple[float, str, Json]] = {}
    named: list[tuple[str, Name]] = []
    discovered: list[tuple[str, tuple[str, str]]] = []
    for origin, document in documents:
        for kind, body in _bodies(document):
            found.add(_resource(kind, body, origin))
        named += [(origin, name) for name in _names_only(document)]
        discovered += [(origin, one) for one in _discovered(document)]
        for item in items(document):
            key = _key(item)
            at = _at(item)
            if key not in latest or at >= latest[key][0]:
                latest[key] = (at, origin, item)
    for _, origin, item in latest.values():
        found.add(_of_config(item, origin))
    known = {resource.name for resource in found.resources}
    for origin, name in named:
        if name not in known:
            command = f"describe-{_dashed(name.kind.value)}"
            found.remark(name, f"{origin} has its name alone: give what `{command}` says")
    described = [(item["resourceType"], item.get("resourceId")) for _, _, item in latest.values()]
    for origin, one in discovered:
        if one not in described:
            told = "has its name alone: give what `batch-get-resource-config` says"
            found.remark(f"{origin}: {' '.join(one)}", told)
    return found


def _dashed(word: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in word)


def _key(item: Json) -> tuple[str, ...]:
    identity = item.get("resourceId") or item.get("ARN") or item.get("arn")
    members = ("resourceType", "accountId", "awsAccountId", "awsRegion")
    return (str(identity), *(str(item.get(member) or "") for member in members))


def _at(item: Json) -> float:
    """When an item was captured, in seconds: as a number, or in ISO 8601 with any zone."""
    value = item.get("configurationItemCaptureTime")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.astimezone()).timestamp()


def _bodies(document: Any, level: int = 0) -> Iterator[tuple[Kind, Json]]:
    """Answers of Describe and requests of Create, wherever they are in a document."""
    if level > _DEEPEST:
        return
    if isinstance(document, list):
        for one in document:
            yield from _bodies(one, level + 1)
    elif isinstance(document, Mapping):
        own = _kind_of(document)
        if own is None and level < 2 and _is_plain_mesh(document):
            own = Kind.MESH
        if own is not None:
            yield own, document
            return
        if document.get("resourceType") in TYPES:
            return  # an item of AWS Config
        for inner in document.values():
            yield from _bodies(inner, level + 1)


def _kind_of(body: Json) -> Kind | None:
    if "spec" not in body:
        return None
    named = [kind for kind in Kind if f"{kind.value}Name" in body]
    inner = [kind for kind in named if kind is not Kind.MESH and kind not in _parents(named)]
    if inner:
        return inner[0]
    return Kind.MESH if named == [Kind.MESH] else None


def _is_plain_mesh(body: Json) -> bool:
    """Whether it is a request for a mesh without a specification, which Create takes."""
    return "meshName" in body and body.keys() <= {"meshName", "clientToken", "tags"}


def _parents(named: Iterable[Kind]) -> set[Kind]:
    return {PARENTS[kind] for kind in named if kind in PARENTS}


def _names_only(document: Any) -> Iterator[Name]:
    """What an answer of List names: it has no specifications."""
    if isinstance(document, list):
        for one in document:
            yield from _names_only(one)
    elif isinstance(document, Mapping):
        for kind in _BY_LENGTH:
            for one in _elements(document.get("meshes" if kind is Kind.MESH else f"{kind.value}s")):
                name = _name(kind, one)
                if name is not None and "spec" not in one:
                    yield name


def _discovered(document: Any) -> Iterator[tuple[str, str]]:
    """Type and id of what AWS Config has discovered of App Mesh, by itself or by an aggregator."""
    for member in _DISCOVERED if isinstance(document, Mapping) else ():
        for one in _elements(document.get(member)):
            lower = {str(name).lower(): value for name, value in one.items()}
            kind = name_of(lower.get("resourcetype"))
            if kind in TYPES:
                yield kind, name_of(lower.get("resourceid"))


def _elements(value: Any) -> Iterator[Json]:
    yield from (
        one for one in (value if isinstance(value, list) else ()) if isinstance(one, Mapping)
    )


def _name(kind: Kind, body: Json) -> Name | None:
    name = name_of(body.get(f"{kind.value}Name"))
    mesh = name_of(body.get("meshName"))
    parent = PARENTS.get(kind)
    above = name_of(body.get(f"{parent.value}Name")) if parent else ""
    if not name or not mesh or (parent and not above):
        return None
    return Name(kind, mesh, name, above)


def _resource(kind: Kind, body: Json, origin: str) -> Found:
    found = Found()
    full = _name(kind, body)
    if full is None:
        parent = PARENTS.get(kind)
        wanted = ["meshName", *([f"{parent.value}Name"] if parent else []), f"{kind.value}Name"]
        lacking = ", ".join(member for member in wanted if not name_of(body.get(member)))
        found.remark(f"{origin}: a {kind.value}", f"has no {lacking}: left out")
        return found
    if object_of(body.get("status"), f"{origin}: status").get("status") == "DELETED":
        found.remark(full, f"was deleted, says {origin}: left out")
        return found
    metadata = object_of(body.get("metadata"), f"{origin}: metadata")
    owner = metadata.get("meshOwner") or body.get("meshOwner")
    if owner and owner != metadata.get("resourceOwner"):
        found.remark(full, SHARED.format(owner))

    def tell(_path: str, text: str) -> None:
        found.remark(full, text)

    spec = from_any_case(spec_shape(kind), body.get("spec") or {}, tell)
    arn = name_of(metadata.get("arn"))
    found.resources.append(Resource(full, spec, origin, dict(pairs(body.get("tags"))), arn))
    return found


def items(document: Any) -> Iterator[Json]:
    """Items of AWS Config of App Mesh: alone, in a history, in a snapshot, or as Select answers
    them.
    """
    if isinstance(document, list):
        for one in document:
            yield from items(one)
    elif isinstance(document, str):
        try:
            yield from items(json.loads(document))
        except (ValueError, RecursionError):
            return
    elif isinstance(document, Mapping):
        if document.get("resourceType") in TYPES and (
            "configuration" in document or "configurationItemStatus" in document
        ):
            yield document
        for member in _CONFIG:
            yield from items(document.get(member) or [])


def _of_config(item: Json, origin: str) -> Found:
    kind = TYPES[item["resourceType"]]
    arn = str(item.get("ARN") or item.get("arn") or "")
    name = str(item.get("resourceName") or item.get("resourceId") or arn)
    where = f"{origin}: {item['resourceType']} {name}"
    found = Found()
    if item.get("configurationItemStatus") in _DELETED:
        found.remark(where, "was deleted at its latest item: left out")
        return found
    properties = _decoded(item.get("configuration"), where)
    if not properties:
        found.remark(where, "its item has no configuration: left out")
        return found
    tags = {**dict(_item_tags(item, where)), **dict(pairs(properties.get("Tags")))}
    if "spec" in properties:
        made = _resource(kind, properties, where)
    else:
        own = {"ResourceOwner": item.get("accountId") or item.get("awsAccountId")}
        made = of_properties(kind, {**own, **properties}, where, name.rpartition("/")[2])
    for one in made.resources:
        known = one.arn or arn or name_of(properties.get("Arn"))
        found.resources.append(
            Resource(one.name, one.spec, one.origin, {**tags, **one.tags}, known)
        )
    found.remarks += made.remarks
    return found


def _decoded(value: Any, where: str) -> Json:
    """A configuration, which is JSON within JSON or an object."""
    if not isinstance(value, str):
        return object_of(value, f"{where}: configuration")
    try:
        return object_of(json.loads(value) if value else None, f"{where}: configuration")
    except ValueError as error:
        raise TealError(f"{where}: configuration is not JSON: {shown(value)}") from error


def _item_tags(item: Json, where: str) -> Iterator[tuple[str, str]]:
    """Tags beside the configuration."""
    yield from pairs(item.get("tags"))
    more = object_of(item.get("supplementaryConfiguration"), f"{where}: supplementaryConfiguration")
    value = more.get("Tags")
    try:
        yield from pairs(json.loads(value) if isinstance(value, str) else value)
    except ValueError as error:
        raise TealError(f"{where}: its tags are not JSON: {shown(value)}") from error
