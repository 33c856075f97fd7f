"""The variables of a Terraform configuration that say what the sides of a service are. Pure.

A name may lead into an object or a map: ``P.blue_weight`` is the member ``blue_weight`` of the
variable ``P``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tealmesh.model import wire
from tealmesh.model.config.nouns import TerraformNames
from tealmesh.model.errors import TealError

FILE = "zzz_teal.auto.tfvars.json"
"""Of all files that Terraform loads by itself, it takes the last one's values:
https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
"""

Path = tuple[str, ...]
"""A variable, and the members that lead to the value in it."""

DEFAULTS = {"active": "{side}.is_active", "weight": "{side}.weight", "image": "{side}.image"}
"""As the modules of Tealmesh have it, in a variable for each side."""


def paths(names: TerraformNames, service: str, side: str) -> dict[str, Path]:
    """Where a side's ``active``, ``weight`` and ``image`` are."""
    told = {"active": names.active, "weight": names.weight, "image": names.image}
    return {
        what: _filled(template or DEFAULTS[what], service, side) for what, template in told.items()
    }


def _filled(template: str, service: str, side: str) -> Path:
    return tuple(template.replace("{side}", side).replace("{service}", service).split("."))


def check(
    names: TerraformNames, service: str, sides: list[str], present: Mapping[str, object]
) -> None:
    """Raise TealError, with what there is, if a variable that is needed is not declared."""
    for side in sides:
        for what, path in paths(names, service, side).items():
            if not _is_there(present, path):
                declared = ", ".join(sorted(present)) or "none"
                raise TealError(
                    f"no variable {'.'.join(path)} in the configuration (there are: {declared}): "
                    f'[terraform] in teal.toml says what they are called, such as {what} = "'
                    f'{_EXAMPLES[what]}"'
                )


_EXAMPLES = {"active": "P.{side}_is_active", "weight": "P.{side}_weight", "image": "{side}_image"}


def changed(
    present: Mapping[str, object],
    names: TerraformNames,
    service: str,
    step: wire.TerraformStep,
) -> dict[str, object]:
    """The variables, whole, that a step gives other values."""
    after: dict[str, object] = dict(present)
    for side in step["sides"]:
        if "active" not in side:
            continue
        wanted: dict[str, object] = {"active": side["active"], "weight": side.get("weight", 0)}
        if "image" in side:
            wanted["image"] = side["image"]
        where = paths(names, service, side["side"])
        for what, value in wanted.items():
            root, *members = where[what]
            after[root] = _with(after.get(root), members, value)
    return {name: value for name, value in after.items() if value != present.get(name)}


def merged(text: str, variables: Mapping[str, object]) -> str:
    """The text of `FILE` with these values; ``text``: what it has, empty if there is none. Raises
    TealError if that is not a JSON object.
    """
    try:
        there = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise TealError(f"{FILE} is not JSON ({error}): correct or delete it") from error
    if not isinstance(there, dict):
        raise TealError(f"{FILE} must have one JSON object: correct or delete it")
    return json.dumps({**there, **variables}, indent=2, ensure_ascii=False) + "\n"


def _is_there(present: Mapping[str, object], path: Path) -> bool:
    value: object = present
    for member in path:
        if not isinstance(value, Mapping) or member not in value:
            return False
        value = value[member]
    return True


def _with(present: object, members: list[str], value: object) -> object:
    """``present`` with another value at the end of ``members``, of the type that it has there."""
    if not members:
        return _as(present, value)
    inner = present if isinstance(present, Mapping) else {}
    return {**inner, members[0]: _with(inner.get(members[0]), members[1:], value)}


def _as(present: object, value: object) -> object:
    """A value as the type of the present one: ``"true"`` and ``"50"`` where that is a string."""
    return json.dumps(value) if isinstance(present, str) and not isinstance(value, str) else value
