"""CloudFormation's templates, in JSON or YAML, as people or the CDK write them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_AppMesh.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.json import Json
from tealmesh.migration.readers.intrinsics import Template
from tealmesh.migration.spelling import SHARED, from_any_case, pairs, spec_shape
from tealmesh.model.errors import TemplateUnknown
from tealmesh.model.mesh import Kind

PREFIX = "AWS::AppMesh::"
TYPES = {f"{PREFIX}{kind.noun}": kind for kind in Kind}


def is_ours(document: Any) -> bool:
    """Whether a document is a template."""
    resources = document.get("Resources") if isinstance(document, Mapping) else None
    return isinstance(resources, Mapping) and all(
        isinstance(one, Mapping) and "Type" in one for one in resources.values()
    )


def read(document: Json, origin: str, parameters: Mapping[str, str]) -> Found:
    """``parameters`` have values for the template's parameters, besides their defaults."""
    found = Found()
    template = Template(document, parameters)
    for logical, declared in document["Resources"].items():
        kind = TYPES.get(declared["Type"])
        if kind is None:
            continue
        where = f"{origin}: {logical}"
        try:
            if not template.is_made(declared):
                found.remark(where, f"its condition {declared['Condition']} is false: left out")
                continue
            properties = template.value(declared.get("Properties") or {})
        except TemplateUnknown as error:
            found.remark(where, f"{error}: left out")
            continue
        found.add(of_properties(kind, properties, where, logical))
    return found


def of_properties(kind: Kind, properties: Json, where: str, default: str) -> Found:
    """A resource as CloudFormation has it; ``default`` is its name if it has none."""
    found = Found()
    own = f"{kind.noun}Name"
    parent = PARENTS.get(kind)
    above = f"{parent.noun}Name" if parent else ""
    name = str(properties.get(own) or default)
    mesh = name if kind is Kind.MESH else str(properties.get("MeshName") or "")
    if not mesh or (above and not properties.get(above)):
        found.remark(where, f"lacks {'MeshName' if not mesh else above}: left out")
        return found
    full = Name(kind, mesh, name, str(properties[above]) if above else "")
    if not properties.get(own):
        found.remark(full, f"has no {own}, so CloudFormation made one up: here it is {name}")
    if properties.get("MeshOwner"):
        found.remark(full, SHARED.format(properties["MeshOwner"]))

    def tell(_path: str, text: str) -> None:
        found.remark(full, text)

    spec = from_any_case(spec_shape(kind), properties.get("Spec") or {}, tell)
    found.resources.append(Resource(full, spec, where, dict(pairs(properties.get("Tags")))))
    return found
