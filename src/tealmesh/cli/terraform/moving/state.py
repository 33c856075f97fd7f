"""The managed resources of a Terraform state, with their addresses. Pure.

https://developer.hashicorp.com/terraform/internals/json-format#state-representation
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.model.errors import TealError

Json = Mapping[str, Any]

_VERSION = 4


@dataclass(frozen=True)
class Instance:
    """A resource instance that Terraform knows."""

    address: str
    """With the keys of ``count`` and ``for_each``."""
    resource: str
    """The address of its block, without its own key: ``removed`` takes no other."""
    type: str
    values: Json


def read(document: object, origin: str) -> list[Instance]:
    """The instances of a state file, or of what ``terraform show -json`` printed of a state.
    Raises TealError if ``document`` is neither.
    """
    if isinstance(document, Mapping):
        if "format_version" in document and "planned_values" not in document:
            return list(_shown((document.get("values") or {}).get("root_module") or {}))
        if document.get("version") == _VERSION and "lineage" in document:
            return list(_kept(document))
    raise TealError(
        f"{origin}: must be Terraform's state (version {_VERSION}), or what `terraform show -json` "
        "prints of it"
    )


def _shown(module: Json) -> Iterator[Instance]:
    for one in module.get("resources") or ():
        if one.get("mode") == "managed" and "deposed_key" not in one:
            block = _block(module.get("address"), one)
            yield Instance(one["address"], block, one["type"], one.get("values") or {})
    for inner in module.get("child_modules") or ():
        yield from _shown(inner)


def _kept(document: Json) -> Iterator[Instance]:
    for one in document.get("resources") or ():
        if one.get("mode") != "managed":
            continue
        block = _block(one.get("module"), one)
        for instance in one.get("instances") or ():
            if "deposed" not in instance:
                key = instance.get("index_key")
                shown = "" if key is None else f"[{json.dumps(key)}]"
                values = instance.get("attributes") or {}
                yield Instance(f"{block}{shown}", block, one["type"], values)


def _block(module: str | None, resource: Json) -> str:
    return ".".join(part for part in (module, resource["type"], resource["name"]) if part)
