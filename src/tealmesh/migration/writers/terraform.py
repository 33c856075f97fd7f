"""A mesh as Terraform's configuration, for the provider hashicorp/aws. Pure.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/appmesh_virtual_node
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tealmesh.migration.found import Name, Resource
from tealmesh.migration.json import Json
from tealmesh.migration.spelling import block, is_pairs, snake, spec_shape
from tealmesh.model.mesh import Kind

Labels = Mapping[Name, str]


def configuration(resources: Sequence[Resource], *, adopt: bool = False) -> str:
    """The configuration of ``resources``. ``adopt`` adds the ``import`` blocks by which Terraform
    takes over what is there already (Terraform 1.5 or later).
    """
    labels = _labels(resources)
    parts = [_resource(resource, labels) for resource in resources]
    if adopt:
        parts += [_import(resource.name, labels) for resource in resources]
    return "\n".join(parts)


def address(name: Name, labels: Labels) -> str:
    """A resource's address in the configuration."""
    return f"aws_appmesh_{snake(name.kind.value)}.{labels[name]}"


def import_id(name: Name) -> str:
    """What ``terraform import`` takes for a resource."""
    return "/".join(part for part in (name.mesh, name.parent, name.name) if part) if (
        name.kind is not Kind.MESH
    ) else name.mesh  # fmt: skip


def label_of(name: str) -> str:
    """What Terraform takes for the name of a block, as near to ``name`` as may be."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"


def _labels(resources: Sequence[Resource]) -> dict[Name, str]:
    labels: dict[Name, str] = {}
    taken: set[tuple[Kind, str]] = set()
    for resource in resources:
        name = resource.name
        parts = (name.parent, name.name) if name.parent else (name.name,)
        plain = label_of("_".join(parts))
        label, number = plain, 2
        while (name.kind, label) in taken:
            label, number = f"{plain}_{number}", number + 1
        taken.add((name.kind, label))
        labels[name] = label
    return labels


def _resource(resource: Resource, labels: Labels) -> str:
    name = resource.name
    kind, label = address(name, labels).split(".", 1)
    lines = [f'resource "{kind}" "{label}" {{', *_names(name, labels)]
    if resource.tags:
        lines += [
            "  tags = {",
            *(f"    {literal(k)} = {literal(v)}" for k, v in resource.tags.items()),
        ]
        lines.append("  }")
    if resource.spec or name.kind is not Kind.MESH:
        spec = _Spec(name, labels)
        lines += ["", "  spec {"]
        lines += [f"    {line}" for line in spec.body(spec_shape(name.kind), resource.spec)]
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _names(name: Name, labels: Labels) -> Iterator[str]:
    members = {"name": literal(name.name)}
    mesh = Name(Kind.MESH, name.mesh, name.mesh)
    if name.kind is not Kind.MESH:
        members["mesh_name"] = f"{address(mesh, labels)}.name"
    if name.parent:
        parent = Kind.VIRTUAL_ROUTER if name.kind is Kind.ROUTE else Kind.VIRTUAL_GATEWAY
        above = Name(parent, name.mesh, name.parent)
        known = f"{address(above, labels)}.name" if above in labels else literal(name.parent)
        members[f"{snake(parent.value)}_name"] = known
    width = max(map(len, members))
    yield from (f"  {member:<{width}} = {value}" for member, value in members.items())


_REFERENCES = {
    "virtualNode": Kind.VIRTUAL_NODE,
    "virtualNodeName": Kind.VIRTUAL_NODE,
    "virtualRouterName": Kind.VIRTUAL_ROUTER,
}


class _Spec:
    """Writes a specification. What it names is a reference where Terraform has to know the order;
    a backend is a name, since two nodes may call each other.
    """

    def __init__(self, name: Name, labels: Labels) -> None:
        self._name, self._labels = name, labels

    def body(self, shape: Any, value: Json) -> Iterator[str]:
        """The lines within the block of a structure."""
        plain = {m: v for m, v in value.items() if not _is_block(m, shape.members[m])}
        width = max((len(snake(member)) for member in plain), default=0)
        for member, inner in plain.items():
            yield f"{snake(member):<{width}} = {self._value(member, shape.members[member], inner)}"
        for member, inner in value.items():
            of = shape.members[member]
            if member in plain:
                continue
            several = of.type_name == "list"
            for one in inner if several else [inner]:
                yield f"{block(member)} {{"
                yield from (f"  {line}" for line in self.body(of.member if several else of, one))
                yield "}"

    def _value(self, member: str, shape: Any, value: Any) -> str:
        if is_pairs(member, shape):
            pairs = ", ".join(f"{literal(one['key'])} = {literal(one['value'])}" for one in value)
            return f"{{ {pairs} }}"
        if isinstance(value, list):
            return f"[{', '.join(_value_of(one) for one in value)}]"
        kind = _REFERENCES.get(member)
        if member == "virtualServiceName" and self._name.kind is Kind.GATEWAY_ROUTE:
            kind = Kind.VIRTUAL_SERVICE
        named = Name(kind, self._name.mesh, str(value)) if kind else None
        if named is not None and named in self._labels:
            return f"{address(named, self._labels)}.name"
        return _value_of(value)


def _is_block(member: str, shape: Any) -> bool:
    if is_pairs(member, shape):
        return False
    inner = shape.member if shape.type_name == "list" else shape
    return bool(inner.type_name == "structure")


def _value_of(value: Any) -> str:
    if isinstance(value, str):
        return literal(value)
    return json.dumps(value)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TEMPLATE = re.compile(r"\$+\{|%+\{")


def literal(value: str) -> str:
    """A text in Terraform's language.
    https://developer.hashicorp.com/terraform/language/expressions/strings

    ``${`` begins an expression: ``$${`` is the text. A further ``$`` before it is spelled out.
    """

    def spelled(found: re.Match[str]) -> str:
        mark = found[0][0]
        before = f"\\u{ord(mark):04x}" * (len(found[0]) - 2)
        return f"{before}{mark}{mark}{{"

    escaped = "".join(
        _ESCAPES.get(one) or (one if one.isprintable() else _spelled(one)) for one in value
    )
    return f'"{_TEMPLATE.sub(spelled, escaped)}"'


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def _import(name: Name, labels: Labels) -> str:
    to = address(name, labels)
    return f"import {{\n  to = {to}\n  id = {literal(import_id(name))}\n}}\n"
