"""CloudFormation's templates, in JSON or YAML, as people or the CDK write them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_AppMesh.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.json import Json, Made, name_of, object_of
from tealmesh.migration.readers.intrinsics import Template
from tealmesh.migration.readers.stacks import Stacks
from tealmesh.migration.spelling import SHARED, from_any_case, pairs, spec_shape
from tealmesh.model.errors import TealError, TemplateUnknown
from tealmesh.model.mesh import Kind

PREFIX = "AWS::AppMesh::"
TYPES = {f"{PREFIX}{kind.noun}": kind for kind in Kind}
_TYPE = re.compile(r"(AWS|Custom|Alexa)::")


def is_ours(document: Any) -> bool:
    """Whether a document is a template."""
    resources = document.get("Resources") if isinstance(document, Mapping) else None
    if not isinstance(resources, Mapping):
        return False
    types = [one.get("Type") for one in resources.values() if isinstance(one, Mapping)]
    return (
        "AWSTemplateFormatVersion" in document
        or any(_TYPE.match(str(one)) for one in types)
        or any(str(name).startswith("Fn::") for name in resources)
    )


def read(
    documents: Sequence[tuple[str, Json]],
    manifests: Sequence[tuple[str, Json]],
    parameters: Mapping[str, str],
) -> Found:
    """All templates at once, since they import one another's exports. ``parameters`` have values
    for the templates' parameters, besides their defaults, and for what else they do not say.
    Raises TealError for what is no template.
    """
    found = Found()
    templates = list(Stacks(documents, manifests, parameters).templates(found))
    for origin, template in templates:
        for logical, declared in _resources(template, origin, found):
            found.add(_resource(template, logical, declared, origin))
    # A template's values may be asked for by others, so this comes when all have been read.
    declared_ = {name for _, template in templates for name in template.declared}
    used = {name for _, template in templates for name in template.used}
    unknown = parameters.keys() - used - declared_
    if unknown:
        known = f" (there are {', '.join(sorted(declared_))})" if declared_ else ""
        raise TealError(f"--parameter {min(unknown)}: no template here asks for it{known}")
    return found


def _resource(template: Template, logical: str, declared: Json, origin: str) -> Found:
    found = Found()
    kind = TYPES.get(name_of(declared.get("Type")))
    where = f"{origin}: {logical}"
    if kind is None:
        if str(declared.get("Type")).startswith(PREFIX):
            found.remark(where, f"{declared['Type']} is not known to App Mesh: left out")
        return found
    try:
        if not template.is_made(declared):
            found.remark(where, f"its condition {declared['Condition']} is false: left out")
            return found
        properties = _evaluated(template, declared.get("Properties"), where, found)
    except TemplateUnknown as error:
        found.remark(where, f"{error}: left out")
        return found
    made = of_properties(kind, properties, where, logical)
    made.resources = [replace(one, arn=template.arn_of(one.name.mesh)) for one in made.resources]
    found.add(made)
    return found


def _evaluated(template: Template, given: Any, where: str, found: Found) -> Made:
    """The properties of a resource. What is not needed to make it may be unknown: its tags, and
    the owner of its mesh. Raises TemplateUnknown for anything else.
    """
    properties = dict(object_of(given, f"{where}: Properties"))
    tags, owner = properties.pop("Tags", None), properties.pop("MeshOwner", None)
    values = dict(object_of(template.value(properties), f"{where}: Properties"))
    kept = []
    for index, one in enumerate(tags if isinstance(tags, list) else [tags] if tags else []):
        try:
            kept.append(template.value(one))
        except TemplateUnknown as error:
            found.remark(where, f"Tags[{index}]: {error}: left out")
    try:
        values["MeshOwner"] = template.value(owner)
    except TemplateUnknown as error:
        found.remark(where, f"MeshOwner: {error}: left out")
    return {**values, "Tags": [one for one in kept if isinstance(one, Mapping)]}


def _resources(template: Template, origin: str, found: Found) -> Iterator[tuple[str, Json]]:
    for loop, why in template.left_out:
        found.remark(f"{origin}: {loop}", f"{why}: left out")
    for logical, declared in template.resources.items():
        if str(logical).startswith("Fn::"):
            found.remark(f"{origin}: {logical}", "is not known without its stack: left out")
        else:
            yield logical, object_of(declared, f"{origin}: {logical}")


def of_properties(kind: Kind, properties: Json, where: str, default: str) -> Found:
    """A resource as CloudFormation has it; ``default`` is its name if it has none."""
    found = Found()
    own = f"{kind.noun}Name"
    parent = PARENTS.get(kind)
    above = name_of(properties.get(f"{parent.noun}Name")) if parent else ""
    name = name_of(properties.get(own)) or default
    mesh = name if kind is Kind.MESH else name_of(properties.get("MeshName"))
    if not mesh or (parent and not above):
        lacking = "MeshName" if not mesh or parent is None else f"{parent.noun}Name"
        found.remark(where, f"lacks {lacking}: left out")
        return found
    full = Name(kind, mesh, name, above)
    if not properties.get(own):
        found.remark(full, f"has no {own}, so CloudFormation made one up: here it is {name}")
    owner = name_of(properties.get("MeshOwner"))
    if owner and owner != name_of(properties.get("ResourceOwner")):
        found.remark(full, SHARED.format(owner))

    def tell(_path: str, text: str) -> None:
        found.remark(full, text)

    spec = from_any_case(spec_shape(kind), properties.get("Spec") or {}, tell)
    found.resources.append(Resource(full, spec, where, dict(pairs(properties.get("Tags")))))
    return found
