"""Terraform's state (version 4), and what ``terraform show -json`` prints of a state or a plan.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.json import Json, Made, list_of, name_of, object_of, objects_of
from tealmesh.migration.spelling import SHARED, from_terraform, pairs, snake, spec_shape
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

TYPES = {f"aws_appmesh_{snake(kind.value)}": kind for kind in Kind}


@dataclass(frozen=True)
class _Instance:
    """A resource of Terraform's, or a data source."""

    address: str
    kind: Kind
    values: Json
    read_only: bool = False
    """Whether it is a data source."""
    tainted: bool = False
    unknown: Any = None
    """Of a plan, what is known after apply: true in the place of each value."""


def is_ours(document: Any) -> bool:
    """Whether a JSON document is Terraform's."""
    return isinstance(document, Mapping) and (
        "terraform_version" in document
        or ("serial" in document and "lineage" in document)
        or "encrypted_data" in document
        or document.keys() == {"format_version"}  # what `show` prints where there is no state
    )


def read(document: Json, origin: str) -> Found:
    """Raises TealError for a state of another version, and for what is no state."""
    found = Found()
    for instance in _instances(document, origin, found):
        values, kind = instance.values, instance.kind
        where = f"{origin}: {instance.address}"
        name = _name(kind, values)
        if name is None:
            found.remark(where, "its mesh or name is not known yet: apply first, or read the state")
            continue

        def tell(_path: str, text: str, name: Name = name) -> None:
            found.remark(name, text)

        spec = from_terraform(spec_shape(kind), _renewed(values.get("spec"), tell), tell)
        for path in _unknown(instance.unknown):
            found.remark(name, f"{path} is known after apply: left out")
        _tell_state(found, name, instance)
        tags = dict(pairs(values.get("tags_all") or values.get("tags") or {}))
        arn = name_of(values.get("arn"))
        one = Resource(name, spec, where, tags, arn, borrowed=instance.read_only)
        found.resources.append(one)
    return found


def _tell_state(found: Found, name: Name, instance: _Instance) -> None:
    owner, account = instance.values.get("mesh_owner"), instance.values.get("resource_owner")
    if owner and account and owner != account:
        found.remark(name, SHARED.format(owner))
    if instance.tainted:
        found.remark(name, "is tainted: Terraform would have replaced it; here it is as it was")


def _name(kind: Kind, values: Json) -> Name | None:
    name = name_of(values.get("name"))
    mesh = name if kind is Kind.MESH else name_of(values.get("mesh_name"))
    parent = PARENTS.get(kind)
    above = name_of(values.get(f"{snake(parent.value)}_name")) if parent else ""
    if not name or not mesh or (parent and not above):
        return None
    return Name(kind, mesh, name, above)


def _instances(document: Json, origin: str, found: Found) -> Iterator[_Instance]:
    if "encrypted_data" in document:
        raise TealError(
            f"{origin} is encrypted: `tofu state pull` or `tofu show -json` has it in plain text"
        )
    if "backend" in document and not document.get("resources"):
        kind = name_of(object_of(document["backend"], f"{origin}: backend").get("type"))
        raise TealError(
            f"{origin} only says where the state is (backend {kind}): `terraform state pull` "
            "prints it"
        )
    if "values" in document or "planned_values" in document:
        yield from _of_show(document, origin, found)
        return
    version = document.get("version")
    if version != 4 and ("version" in document or "modules" in document):
        old = isinstance(version, int) and version < 4
        raise TealError(
            f"{origin}: a state of version {version}"
            + (", of Terraform before 0.12: let a newer Terraform write it (terraform refresh)"
               if old else ", where 4 is read")
        )  # fmt: skip
    for one in objects_of(document.get("resources"), f"{origin}: resources"):
        yield from _of_state(one, origin, found)


def _of_state(one: Json, origin: str, found: Found) -> Iterator[_Instance]:
    kind = TYPES.get(name_of(one.get("type")))
    if kind is None:
        return
    data = "data" if one.get("mode") == "data" else ""
    parts = (one.get("module"), data, one.get("type"), one.get("name"))
    address = ".".join(str(part) for part in parts if part)
    for instance in objects_of(one.get("instances"), f"{origin}: {address}: instances"):
        key = instance.get("index_key")
        full = address if key is None else f"{address}[{json.dumps(key)}]"
        if instance.get("deposed"):
            found.remark(
                f"{origin}: {full}", "was replaced, and is still to be destroyed: left out"
            )
            continue
        values = object_of(instance.get("attributes"), f"{origin}: {full}: attributes")
        tainted = instance.get("status") == "tainted"
        yield _Instance(full, kind, values, bool(data), tainted)


def _of_show(document: Json, origin: str, found: Found) -> Iterator[_Instance]:
    unknown = {}
    for one in objects_of(document.get("resource_changes"), f"{origin}: resource_changes"):
        address = name_of(one.get("address"))
        change = object_of(one.get("change"), f"{origin}: {address}: change")
        unknown[address] = change.get("after_unknown")
        if change.get("actions") == ["delete"] and one.get("type") in TYPES:
            found.remark(f"{origin}: {address}", "is destroyed by the plan: left out")
    planned = document.get("planned_values")
    member = "values" if planned is None else "planned_values"
    root = object_of(document.get(member), f"{origin}: {member}").get("root_module")
    modules = [object_of(root, f"{origin}: {member}.root_module")]
    if planned is not None:  # data sources are read into the state that was there before
        prior = object_of(document.get("prior_state"), f"{origin}: prior_state")
        before = object_of(prior.get("values"), f"{origin}: prior_state.values")
        modules.append(_only_data(object_of(before.get("root_module"), f"{origin}: root_module")))
    for module in modules:
        yield from _of_module(module, origin, unknown)


def _only_data(module: Json) -> Json:
    inner = [_only_data(one) for one in objects_of(module.get("child_modules"), "child_modules")]
    resources = objects_of(module.get("resources"), "resources")
    data = [one for one in resources if one.get("mode") == "data"]
    return {"resources": data, "child_modules": inner}


def _of_module(module: Json, origin: str, unknown: Mapping[Any, Any]) -> Iterator[_Instance]:
    for one in objects_of(module.get("resources"), f"{origin}: resources"):
        kind = TYPES.get(name_of(one.get("type")))
        if kind is None:
            continue
        address = name_of(one.get("address"))
        values = object_of(one.get("values"), f"{origin}: {address}: values")
        data, tainted = one.get("mode") == "data", bool(one.get("tainted"))
        yield _Instance(address, kind, values, data, tainted, unknown.get(address))
    for inner in objects_of(module.get("child_modules"), f"{origin}: child_modules"):
        yield from _of_module(inner, origin, unknown)


def _unknown(value: Any) -> Iterator[str]:
    """The paths within ``spec`` that a plan does not know."""
    if not isinstance(value, Mapping):
        return

    def paths(inner: Any, path: str) -> Iterator[str]:
        if inner is True:
            yield path
        elif isinstance(inner, Mapping):
            for name, one in inner.items():
                yield from paths(one, f"{path}.{name}")
        elif isinstance(inner, list):
            for index, one in enumerate(inner):
                # A block is there once, mostly: its number says nothing.
                yield from paths(one, path if len(inner) == 1 else f"{path}[{index}]")

    yield from paths(value.get("spec"), "spec")


def _renewed(value: Any, tell: Any) -> Any:
    """A specification that a provider before 2.0 wrote, in the words of later ones."""
    spec = value[0] if isinstance(value, list) and value else value
    if not isinstance(spec, Mapping):
        return value
    made: Made = dict(spec)
    names = made.pop("backends", None)
    if names:
        service = [
            {"virtual_service": [{"virtual_service_name": one}]}
            for one in list_of(names, "backends")
        ]
        made["backend"] = [*list_of(made.get("backend"), "backend"), *service]
    services = made.pop("service_names", None)
    if services:
        tell(
            "service_names", f"service_names = {services!r}: a virtual service names its router now"
        )
    made["service_discovery"] = _with_hostname(made.get("service_discovery"))
    return made


def _with_hostname(found: Any) -> Any:
    """``service_name`` of ``dns`` is called ``hostname`` since."""
    discovery = found[0] if isinstance(found, list) and found else None
    dns = discovery.get("dns") if isinstance(discovery, Mapping) else None
    first = dns[0] if isinstance(dns, list) and dns else None
    if not isinstance(discovery, Mapping) or not isinstance(first, Mapping):
        return found
    if not first.get("service_name"):
        return found
    plain = {name: one for name, one in first.items() if name != "service_name"}
    host = {**plain, "hostname": plain.get("hostname") or first["service_name"]}
    return [{**discovery, "dns": [host]}]
