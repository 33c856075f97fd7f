"""What a deployment changed, in the words of a Terraform configuration. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from tealmesh.model import wire
from tealmesh.model.config.nouns import TerraformNames


def variables(names: TerraformNames, service: wire.ServiceDescription) -> list[str]:
    """Lines of a ``.tfvars`` file: each side's weight and image, and whether it exists."""
    lines = []
    for side in service["sides"]:
        exists = side["exists"]
        values: tuple[tuple[str, object], ...] = (
            (names.active, exists),
            (names.weight, side["weight"] if exists else 0),
            (names.image, side.get("image") if exists else None),
        )
        lines += [
            f"{_filled(template, service, side)} = {_value(value)}"
            for template, value in values
            if template and value is not None
        ]
    return lines


def commands(names: TerraformNames, service: wire.ServiceDescription) -> list[str]:
    """Commands after which Terraform's state has what exists: it forgets the sides as it knew them
    and takes over those that there are.
    """
    known = [
        _filled(template, service, side)
        for side in service["sides"]
        for template in (names.virtual_node, names.task_definition, names.ecs_service)
        if template
    ]
    if not known:
        return []
    imports = [
        ("terraform", "import", _filled(template, service, side), identity)
        for side in service["sides"]
        for template, identity in _identities(names, service, side)
        if template
    ]
    return [shlex.join(command) for command in (("terraform", "state", "rm", *known), *imports)]


def _identities(
    names: TerraformNames, service: wire.ServiceDescription, side: wire.SideDescription
) -> Iterator[tuple[str, str]]:
    """The addresses of a side's resources with the identifiers by which they are imported."""
    if side["exists"]:
        yield names.virtual_node, f"{service['mesh']}/{side['virtualNode']}"
    if "taskDefinition" in side:
        yield names.task_definition, side["taskDefinition"]
        yield names.ecs_service, f"{side.get('cluster', '')}/{side.get('ecsService', '')}"


def _filled(template: str, service: wire.ServiceDescription, side: wire.SideDescription) -> str:
    return template.replace("{side}", side["side"]).replace("{service}", service["name"])


def _value(value: object) -> str:
    """A value as Terraform's language writes it; ``${`` and ``%{`` would begin a template there.
    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
