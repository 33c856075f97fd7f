"""Specifications in the spelling of other programs, by the shapes of App Mesh's own model. Pure.

Terraform writes ``virtual_service_name``, a structure as a block (in JSON a list of one), and a
list of structures as blocks of its singular; CloudFormation writes ``VirtualServiceName`` and
``TLS``. Both have the structure of the API, so the model says what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tealmesh.aws.wire.apimodel import load_model
from tealmesh.migration.json import Made, shown
from tealmesh.model.mesh import Kind

Tell = Callable[[str, str], None]
"""Called with a path and what cannot be kept there."""

SHARED = "is in a mesh of account {}, shared with this one: it becomes a mesh of this control plane"
"""The remark for a resource with the owner of its mesh."""

SINGULARS = {
    "backends": "backend",
    "headers": "header",
    "listeners": "listener",
    "queryParameters": "query_parameter",
    "weightedTargets": "weighted_target",
}
"""Lists of structures whose blocks have another name than the member."""

AS_MAPS = ("attributes",)
"""Lists of pairs that Terraform has as maps."""


def spec_shape(kind: Kind) -> Any:
    """The shape of a specification, of botocore's."""
    return load_model("appmesh").operation(f"Create{kind.noun}").input_shape.members["spec"]


def snake(member: str) -> str:
    """``virtualServiceName`` as Terraform writes it."""
    return re.sub(r"([A-Z])", r"_\1", member).lower()


def block(member: str) -> str:
    """What Terraform calls a member."""
    return SINGULARS.get(member) or snake(member)


def is_pairs(member: str, shape: Any) -> bool:
    """Whether Terraform has a map where the API has a list of keys and values."""
    return member in AS_MAPS and shape.type_name == "list"


def from_terraform(shape: Any, value: Any, tell: Tell, path: str = "") -> Any:
    """A specification of what Terraform's state has in the place of ``shape``: a structure is a
    list of one, and what is not set is there with the zero value of its type.
    """
    given = value[0] if isinstance(value, list) and value else value
    if given is None or given == []:
        return {}
    if not isinstance(given, Mapping):
        return given
    known = {block(member): member for member in shape.members}
    found: Made = {}
    for name, inner in given.items():
        at = f"{path}.{name}" if path else name
        member = known.get(name)
        if member is None:
            if not _is_unset(inner):
                tell(at, f"{at} = {shown(inner)} is not known to App Mesh")
            continue
        of = shape.members[member]
        if inner == [] and of.type_name == "list" and member in shape.required_members:
            found[member] = []
        elif _is_unset(inner) or (_is_zero(inner) and not _may_be_zero(shape, member, of)):
            continue
        else:
            found[member] = _terraform_value(member, of, inner, tell, at)
    return found


def _terraform_value(member: str, shape: Any, value: Any, tell: Tell, path: str) -> Any:
    if is_pairs(member, shape) and isinstance(value, Mapping):
        return [{"key": key, "value": text} for key, text in sorted(value.items())]
    if shape.type_name == "structure":
        return from_terraform(shape, value, tell, path)
    if shape.type_name != "list" or not isinstance(value, list):
        return scalar(shape, value)
    if shape.member.type_name == "structure":
        return [from_terraform(shape.member, one, tell, path) for one in value]
    # A set of Terraform's has no order.
    return sorted((scalar(shape.member, one) for one in value), key=str)


def _is_unset(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _is_zero(value: Any) -> bool:
    return value == 0 and not isinstance(value, bool)


def _may_be_zero(structure: Any, member: str, shape: Any) -> bool:
    """Whether 0 is a value of its own, and no sign that nothing is set."""
    if member in structure.required_members:
        return True
    least = shape.metadata.get("min")
    return member != "priority" and least is not None and least <= 0


def from_any_case(shape: Any, value: Any, tell: Tell, path: str = "") -> Any:
    """A specification whose members are spelled in other cases: ``TLS``, ``MeshName``."""
    match shape.type_name:
        case "structure" if isinstance(value, Mapping):
            known = {member.lower(): member for member in shape.members}
            found: Made = {}
            for name, inner in value.items():
                at, member = f"{path}.{name}" if path else str(name), known.get(str(name).lower())
                if member is None:
                    tell(at, f"{at} = {shown(inner)} is not known to App Mesh")
                elif inner is not None:
                    found[member] = from_any_case(shape.members[member], inner, tell, at)
            return found
        case "list" if isinstance(value, list):
            return [
                from_any_case(shape.member, one, tell, f"{path}[{index}]")
                for index, one in enumerate(value)
            ]
    return scalar(shape, value)


def scalar(shape: Any, value: Any) -> Any:
    """Templates and states of old versions have numbers and booleans as text, YAML has text as
    numbers and booleans.
    """
    kind = shape.type_name
    if kind == "string":
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, int | float) else value
    if isinstance(value, str) and kind in ("integer", "long"):
        return int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
    if isinstance(value, float) and kind in ("integer", "long") and value.is_integer():
        return int(value)
    if isinstance(value, str) and kind == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Tags as a map, or as a list of keys and values in any case."""
    if isinstance(value, Mapping):
        yield from ((str(key), _text(text)) for key, text in value.items())
    for one in value if isinstance(value, list) else ():
        lower = (
            {str(name).lower(): text for name, text in one.items()}
            if isinstance(one, Mapping)
            else {}
        )
        if "key" in lower:
            yield str(lower["key"]), _text(lower.get("value"))


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
