"""What was found in files that describe a mesh. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.validation import validate
from tealmesh.migration.json import Json, Made
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind

ORDER = (
    Kind.MESH,
    Kind.VIRTUAL_NODE,
    Kind.VIRTUAL_ROUTER,
    Kind.VIRTUAL_SERVICE,
    Kind.VIRTUAL_GATEWAY,
    Kind.ROUTE,
    Kind.GATEWAY_ROUTE,
)
"""In which resources are created: what others name comes first."""

PARENTS = {Kind.ROUTE: Kind.VIRTUAL_ROUTER, Kind.GATEWAY_ROUTE: Kind.VIRTUAL_GATEWAY}


@dataclass(frozen=True)
class Name:
    """What identifies a resource."""

    kind: Kind
    mesh: str
    name: str
    parent: str = ""
    """Of a route its router, of a gateway route its gateway."""

    def __str__(self) -> str:
        """As `teal mesh show` takes it, behind its mesh."""
        if self.kind is Kind.MESH:
            return f"mesh {self.mesh}"
        return (
            f"{self.mesh}: {'/'.join(part for part in (self.kind, self.parent, self.name) if part)}"
        )

    @property
    def members(self) -> dict[str, str]:
        """The members of the API's requests that name it."""
        own = {f"{self.kind.value}Name": self.name}
        parent = PARENTS.get(self.kind)
        above = {f"{parent.value}Name": self.parent} if parent else {}
        return own if self.kind is Kind.MESH else {"meshName": self.mesh, **above, **own}


@dataclass(frozen=True)
class Resource:
    """A resource of App Mesh."""

    name: Name
    spec: Json
    """As the API has it: https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Types.html"""

    origin: str
    """Where it was found."""

    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def request(self) -> Made:
        """The input of the operation that creates it."""
        tags = [{"key": key, "value": value} for key, value in self.tags.items()]
        return {**self.name.members, "spec": self.spec, **({"tags": tags} if tags else {})}


@dataclass(frozen=True)
class Remark:
    """Something that is missing or cannot be kept."""

    where: str
    """The resource, or the place in a file."""

    text: str


@dataclass
class Found:
    """Resources, and remarks about them."""

    resources: list[Resource] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.resources += other.resources
        self.remarks += other.remarks

    def remark(self, where: object, text: str) -> None:
        self.remarks.append(Remark(str(where), text))


def settled(found: Found, mesh: str = "") -> Found:
    """One of each resource, in the order in which they can be created, with remarks about what is
    declared twice and differs, what App Mesh would refuse, and what is named and not there. Of
    ``mesh`` alone, if that is given.
    """
    result = Found(remarks=list(found.remarks))
    known: dict[Name, Resource] = {}
    for resource in found.resources:
        if mesh and resource.name.mesh != mesh:
            continue
        before = known.setdefault(resource.name, resource)
        if before.spec != resource.spec:
            text = f"{before.origin} and {resource.origin} differ: the first one counts"
            result.remark(resource.name, text)
    _add_meshes(known, result)
    result.resources = sorted(known.values(), key=_rank)
    for resource in result.resources:
        result.remarks += [*_refused(resource), *_missing(resource, known)]
    return result


def _rank(resource: Resource) -> tuple[str, int, str, str]:
    name = resource.name
    return name.mesh, ORDER.index(name.kind), name.parent, name.name


def _add_meshes(known: dict[Name, Resource], found: Found) -> None:
    """A mesh that resources are in and nothing declares is made without settings."""
    for mesh in sorted({name.mesh for name in known}):
        name = Name(Kind.MESH, mesh, mesh)
        if name not in known:
            known[name] = Resource(name, {}, "named by its resources")
            found.remark(name, "is declared nowhere: made without an egress filter")


def _refused(resource: Resource) -> Iterable[Remark]:
    try:
        validate(load_model("appmesh"), f"Create{resource.name.kind.noun}", resource.request)
    except AwsError as error:
        yield Remark(str(resource.name), str(error))


def _missing(resource: Resource, known: Mapping[Name, Resource]) -> Iterable[Remark]:
    mesh = resource.name.mesh
    parent = PARENTS.get(resource.name.kind)
    wanted = [(parent, resource.name.parent)] if parent else []
    for kind, name in [*wanted, *named(resource.spec)]:
        if kind and Name(kind, mesh, name) not in known:
            yield Remark(str(resource.name), f"names the {kind.value} {name}, which is not here")


_NAMING = {
    "virtualNode": Kind.VIRTUAL_NODE,
    "virtualNodeName": Kind.VIRTUAL_NODE,
    "virtualRouterName": Kind.VIRTUAL_ROUTER,
    "virtualServiceName": Kind.VIRTUAL_SERVICE,
}


def named(value: Any) -> Iterable[tuple[Kind, str]]:
    """What a specification names."""
    if isinstance(value, list):
        for element in value:
            yield from named(element)
    elif isinstance(value, Mapping):
        for member, inner in value.items():
            if member in _NAMING and isinstance(inner, str):
                yield _NAMING[member], inner
            else:
                yield from named(inner)
