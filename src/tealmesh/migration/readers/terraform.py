"""Terraform's state (version 4), and what ``terraform show -json`` prints of a state or a plan.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.json import Json
from tealmesh.migration.spelling import SHARED, from_terraform, pairs, snake, spec_shape
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

TYPES = {f"aws_appmesh_{snake(kind.value)}": kind for kind in Kind}


def is_ours(document: Any) -> bool:
    """Whether a JSON document is Terraform's."""
    return isinstance(document, Mapping) and (
        "terraform_version" in document or ("serial" in document and "lineage" in document)
    )


def read(document: Json, origin: str) -> Found:
    """Raises TealError for a state of another version."""
    found = Found()
    for address, kind, values in _instances(document, origin):
        where = f"{origin}: {address}"
        name = _name(kind, values)
        if name is None:
            found.remark(where, "its mesh or name is not known yet: apply first, or read the state")
            continue

        def tell(_path: str, text: str, name: Name = name) -> None:
            found.remark(name, text)

        spec = from_terraform(spec_shape(kind), values.get("spec"), tell)
        owner, account = values.get("mesh_owner"), values.get("resource_owner")
        if owner and account and owner != account:
            found.remark(name, SHARED.format(owner))
        tags = dict(pairs(values.get("tags_all") or values.get("tags") or {}))
        found.resources.append(Resource(name, spec, where, tags))
    return found


def _name(kind: Kind, values: Json) -> Name | None:
    name = values.get("name")
    mesh = name if kind is Kind.MESH else values.get("mesh_name")
    parent = PARENTS.get(kind)
    above = values.get(f"{snake(parent.value)}_name") if parent else ""
    if not name or not mesh or above is None:
        return None
    return Name(kind, str(mesh), str(name), str(above))


def _instances(document: Json, origin: str) -> Iterator[tuple[str, Kind, Json]]:
    if "values" in document or "planned_values" in document:
        values = document.get("planned_values") or document.get("values") or {}
        yield from _of_module(values.get("root_module") or {})
        return
    if document.get("version") != 4 and "resources" not in document and "modules" in document:
        raise TealError(
            f"{origin}: a state of version {document.get('version')}, of Terraform before 0.12: "
            "let a newer Terraform write it (terraform refresh)"
        )
    for one in document.get("resources") or ():
        if one.get("mode") != "managed" or one.get("type") not in TYPES:
            continue
        for instance in one.get("instances") or ():
            key = instance.get("index_key")
            shown = f"[{key!r}]" if key is not None else ""
            address = ".".join(p for p in (one.get("module"), one["type"], one["name"]) if p)
            values = instance.get("attributes") or {}
            yield address + shown, TYPES[one["type"]], values


def _of_module(module: Json) -> Iterator[tuple[str, Kind, Json]]:
    for one in module.get("resources") or ():
        if one.get("mode") == "managed" and one.get("type") in TYPES:
            yield one["address"], TYPES[one["type"]], one.get("values") or {}
    for inner in module.get("child_modules") or ():
        yield from _of_module(inner)
