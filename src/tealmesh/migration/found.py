"""What was found in files that describe a mesh. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tealmesh.migration import checking
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

    arn: str = ""
    """What AWS called it, if that is known."""

    partial: int = 0
    """1: what one Envoy knows of it, to which others may add; 2: a guess, where none does."""

    borrowed: bool = False
    """Whether its file only reads it, and another one may own it."""

    @property
    def request(self) -> Made:
        """The input of the operation that creates it."""
        tags = [{"key": key, "value": value} for key, value in self.tags.items()]
        return {**self.name.members, "spec": self.spec, **({"tags": tags} if tags else {})}

    @property
    def home(self) -> tuple[str, str]:
        """Its region and account, empty if they are not known."""
        parts = self.arn.split(":")
        return (parts[3], parts[4]) if len(parts) > 5 else ("", "")


@dataclass(frozen=True)
class Remark:
    """Something that is missing or cannot be kept."""

    where: str
    """The resource, or the place in a file."""

    text: str

    refuses: bool = False
    """Whether nothing can be created as long as this is so."""


@dataclass
class Found:
    """Resources, and remarks about them."""

    resources: list[Resource] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.resources += other.resources
        self.remarks += other.remarks

    def remark(self, where: object, text: str, *, refuses: bool = False) -> None:
        self.remarks.append(Remark(str(where), text, refuses))


@dataclass(frozen=True)
class Wanted:
    """Which of the resources that are found; empty for all."""

    mesh: str = ""
    region: str = ""
    account: str = ""

    def __contains__(self, resource: Resource) -> bool:
        """What has no ARN may be of any region and account."""
        region, account = resource.home
        return (
            (not self.mesh or resource.name.mesh == self.mesh)
            and (not self.region or region in ("", self.region))
            and (not self.account or account in ("", self.account))
        )


ALL = Wanted()
_WRITE_IN = " (write it into what `teal import --to json` prints, and import that)"


def settled(found: Found, wanted: Wanted = ALL) -> Found:
    """One of each resource, in the order in which they can be created, with remarks about what is
    declared twice and differs, what App Mesh would refuse, and what is named and not there.
    """
    result = Found(remarks=list(found.remarks))
    resources = [resource for resource in found.resources if resource in wanted]
    _tell_homes(resources, result)
    known: dict[Name, Resource] = {}
    for resource in sorted(resources, key=lambda one: (one.borrowed, one.partial)):
        before = known.get(resource.name)
        known[resource.name] = resource if before is None else _one_of(before, resource, result)
    for resource in known.values():
        if resource.borrowed:
            result.remark(
                resource.name, f"{resource.origin} only reads it: its owner may know more"
            )
    _add_meshes(known, result)
    result.resources = [_checked(one, result) for one in sorted(known.values(), key=_rank)]
    for resource in result.resources:
        for kind, name in _missing(resource, known):
            result.remark(resource.name, f"names the {kind.value} {name}, which is not here")
    result.remarks = list(dict.fromkeys(result.remarks))
    return result


def _rank(resource: Resource) -> tuple[str, int, str, str]:
    name = resource.name
    return name.mesh, ORDER.index(name.kind), name.parent, name.name


def _tell_homes(resources: Sequence[Resource], found: Found) -> None:
    """Meshes of one name in two regions are two, as resources of one name in two accounts are."""
    regions: dict[str, set[str]] = {}
    accounts: dict[Name, set[str]] = {}
    for resource in resources:
        region, account = resource.home
        if region:
            regions.setdefault(resource.name.mesh, set()).add(region)
            accounts.setdefault(resource.name, set()).add(account)
    for mesh, names in sorted(regions.items()):
        if len(names) > 1:
            text = f"is in {' and '.join(sorted(names))}: choose one with --region"
            found.remark(f"mesh {mesh}", text, refuses=True)
    for name, names in accounts.items():
        if len(names) > 1:
            text = f"is in the accounts {' and '.join(sorted(names))}: choose one with --account"
            found.remark(name, text, refuses=True)


def _one_of(first: Resource, second: Resource, found: Found) -> Resource:
    """What two files say of a resource; the second one knows no more of it than the first."""
    if second.borrowed or (second.partial and not first.partial):
        return first
    if not second.partial:
        if first.spec != second.spec:
            text = f"{first.origin} and {second.origin} differ: the first one counts"
            found.remark(first.name, text)
        return first
    if second.partial > first.partial:
        return replace(first, spec={**second.spec, **first.spec})
    spec, differing = _joined(first.spec, second.spec)
    for member in differing:
        text = f"{first.origin} and {second.origin} say {member} differently: the first one counts"
        found.remark(first.name, text)
    return replace(first, spec=spec)


def _joined(first: Json, second: Json) -> tuple[Made, list[str]]:
    """What two Envoys know together, and in what they differ. Listeners are the same by port."""
    made: Made = {**second, **first}
    differing: list[str] = []
    for member in sorted(first.keys() & second.keys()):
        one, other = first[member], second[member]
        if member == "listeners":
            by_port = {each["portMapping"]["port"]: each for each in one}
            for each in other:
                port = each["portMapping"]["port"]
                by_port[port], more = _joined(by_port.get(port, each), each)
                differing += [f"listeners.{name}" for name in more]
            made[member] = [by_port[port] for port in sorted(by_port)]
        elif member == "backends":
            made[member] = [*one, *(each for each in other if each not in one)]
        elif one != other:
            differing.append(member)
    return made, differing


def _add_meshes(known: dict[Name, Resource], found: Found) -> None:
    """A mesh that resources are in and nothing declares is made without settings."""
    for mesh in sorted({name.mesh for name in known}):
        name = Name(Kind.MESH, mesh, mesh)
        if name not in known:
            known[name] = Resource(name, {}, "named by its resources", partial=2)
            found.remark(name, "is declared nowhere: made without an egress filter")


def _checked(resource: Resource, found: Found) -> Resource:
    """The resource with what App Mesh takes of it, and remarks if it would refuse it."""
    name = resource.name
    more = _WRITE_IN if resource.partial else ""
    try:
        spec = checking.taken(name.kind, resource.request)
    except AwsError as error:
        found.remark(name, f"{error}{more}", refuses=True)
        return resource
    for problem in checking.broken(name.kind, name.members, spec):
        found.remark(name, f"{problem}{more}", refuses=True)
    return replace(resource, spec=spec)


def _missing(resource: Resource, known: Mapping[Name, Resource]) -> Iterable[tuple[Kind, str]]:
    mesh = resource.name.mesh
    parent = PARENTS.get(resource.name.kind)
    wanted = [(parent, resource.name.parent)] if parent else []
    for kind, name in [*wanted, *named(resource.spec)]:
        if kind and Name(kind, mesh, name) not in known:
            yield kind, name


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
