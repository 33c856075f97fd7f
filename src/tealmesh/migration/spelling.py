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
from tealmesh.migration.json import Made
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
    if not isinstance(given, Mapping):
        return {}
    known = {block(member): member for member in shape.members}
    found: Made = {}
    for name, inner in given.items():
        at = f"{path}.{name}" if path else name
        member = known.get(name)
        if member is None:
            if not _is_unset(inner):
                tell(at, f"{at} = {inner!r} is not known to App Mesh")
            continue
        of = shape.members[member]
        if _is_unset(inner) or (inner == 0 and not _may_be_zero(shape, member, of)):
            continue
        found[member] = _terraform_value(member, of, inner, tell, at)
    return found


def _terraform_value(member: str, shape: Any, value: Any, tell: Tell, path: str) -> Any:
    if is_pairs(member, shape):
        return [{"key": key, "value": text} for key, text in sorted(value.items())]
    if shape.type_name == "structure":
        return from_terraform(shape, value, tell, path)
    if shape.type_name == "list" and shape.member.type_name == "structure":
        return [from_terraform(shape.member, one, tell, path) for one in value]
    return _scalar(shape, value)


def _is_unset(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _may_be_zero(structure: Any, member: str, shape: Any) -> bool:
    """Whether 0 is a value of its own, and no sign that nothing is set."""
    if shape.type_name == "boolean":
        return True
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
                at, member = f"{path}.{name}" if path else name, known.get(name.lower())
                if member is None:
                    tell(at, f"{at} is not known to App Mesh")
                elif inner is not None:
                    found[member] = from_any_case(shape.members[member], inner, tell, at)
            return found
        case "list" if isinstance(value, list):
            return [
                from_any_case(shape.member, one, tell, f"{path}[{index}]")
                for index, one in enumerate(value)
            ]
    return _scalar(shape, value)


def _scalar(shape: Any, value: Any) -> Any:
    """Templates and states of old versions have numbers and booleans as text."""
    if isinstance(value, list):
        values = (
            [_scalar(shape.member, one) for one in value] if shape.type_name == "list" else value
        )
        return sorted(values, key=str) if shape.type_name == "list" else values
    if isinstance(value, str) and shape.type_name in ("integer", "long"):
        return int(value) if re.fullmatch(r"-?\d+", value) else value
    if isinstance(value, float) and shape.type_name in ("integer", "long") and value.is_integer():
        return int(value)
    if isinstance(value, str) and shape.type_name == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Tags as a map, or as a list of keys and values in any case."""
    if isinstance(value, Mapping):
        yield from ((str(key), str(text)) for key, text in value.items())
    for one in value if isinstance(value, list) else ():
        lower = {name.lower(): text for name, text in one.items()}
        if "key" in lower:
            yield str(lower["key"]), str(lower.get("value", ""))
