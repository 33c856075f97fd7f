"""Specifications as Terraform's provider writes them into a state."""

from __future__ import annotations

from typing import Any

from tealmesh.migration.endpoint import meaning
from tealmesh.migration.spelling import AS_MAPS, block

_DEFAULTS = {"enforce": True}
_ZEROS = {"string": "", "integer": 0, "long": 0, "boolean": False, "list": []}


def as_state(shape: Any, value: Any) -> list[Any]:
    """A structure as the provider writes it: every member is there, what is not set
    as zero or as the provider's own default."""
    made: dict[str, Any] = {}
    for member, inner in shape.members.items():
        name = block(member)
        if member not in value:
            zero = {} if member in AS_MAPS else _ZEROS.get(inner.type_name, [])
            made[name] = _DEFAULTS.get(member, zero)
        elif member in AS_MAPS:
            made[name] = {one["key"]: one["value"] for one in value[member]}
        elif inner.type_name == "structure":
            made[name] = as_state(inner, value[member])
        elif inner.type_name == "list" and inner.member.type_name == "structure":
            made[name] = [as_state(inner.member, one)[0] for one in value[member]]
        else:
            made[name] = value[member]
    return [made] if made else [None]


def zeroless(value: Any) -> Any:
    """A specification without what Terraform takes for the same as not set: a duration of 0."""
    if isinstance(value, dict):
        made = {name: zeroless(one) for name, one in value.items()}
        return meaning({name: one for name, one in made.items() if (name, one) != ("value", 0)})
    return meaning([zeroless(one) for one in value] if isinstance(value, list) else value)
