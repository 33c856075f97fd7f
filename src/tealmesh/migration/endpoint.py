"""Reads a mesh from an API of App Mesh, and creates one there. Blocks: boto3."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.spelling import SHARED, pairs, snake, spec_shape
from tealmesh.model.errors import NoControlPlane, TealError
from tealmesh.model.mesh import Kind

_LONGEST = 300
"""Characters of an endpoint's error: one that is not App Mesh's may answer with a page of HTML."""


@dataclass(frozen=True)
class Difference:
    """How resources compare with those of an endpoint."""

    new: tuple[Resource, ...]
    same: tuple[Resource, ...]
    other: tuple[Resource, ...]
    """There under the same name, with another specification."""


def connected(endpoint: str) -> Any:
    """A client of App Mesh at a URL, with the credentials and the region of the environment, as of
    any AWS SDK; any will do for one's own control plane.
    """
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 3, "mode": "standard"})
    try:
        with _told(endpoint):
            session = boto3.Session()
            known = session.get_credentials() is not None
            keys = {} if known else {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            region = session.region_name or "us-east-1"
            return session.client(
                "appmesh", endpoint_url=endpoint, region_name=region, config=config, **keys
            )
    except ValueError as error:  # botocore's, for what is no URL
        problem = "is not the URL of an API, such as http://127.0.0.1:4566"
        raise TealError(f"{endpoint} {problem}") from error


def read(client: Any, origin: str, mesh: str = "") -> Found:
    """All meshes of an endpoint, those that other accounts share with the caller's too, or one.
    Kinds of resources that it does not know, as some that play App Mesh in tests, are remarks.
    Raises TealError if it cannot be read.
    """
    found = Found()
    with _told(origin):
        for name, owner in _meshes(client):
            if mesh and name != mesh:
                continue
            unknown: set[Kind] = set()
            for one in _names(client, name, owner, unknown):
                found.add(_described(client, one, origin, owner))
            for kind in sorted(unknown, key=list(Kind).index):
                told = f"{origin} does not know List{kind.noun}s: it is read without them"
                found.remark(Name(Kind.MESH, name, name), told)
    return found


def compared(client: Any, origin: str, resources: Sequence[Resource]) -> Difference:
    """How they compare with what is there. Raises TealError if it cannot be read."""
    new: list[Resource] = []
    same: list[Resource] = []
    other: list[Resource] = []
    with _told(origin):
        for resource in resources:
            try:
                (there,) = _described(client, resource.name, origin).resources
            except client.exceptions.NotFoundException:
                new.append(resource)
                continue
            # What was only guessed gives way to what is there.
            alike = resource.partial > 1 or meaning(there.spec) == meaning(resource.spec)
            (same if alike else other).append(resource)
    return Difference(tuple(new), tuple(same), tuple(other))


def create(client: Any, origin: str, resource: Resource) -> None:
    """Raises TealError with the API's own words if it is refused."""
    with _told(f"{origin}: {resource.name}"):
        getattr(client, f"create_{snake(resource.name.kind.value)}")(**resource.request)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what boto3 raises into one line."""
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

    try:
        yield
    except EndpointConnectionError as error:
        raise NoControlPlane(f"nothing answers at {what}: start it, or name another one") from error
    except (ClientError, BotoCoreError) as error:
        said = " ".join(str(error).split())
        raise TealError(f"{what}: {said[:_LONGEST]}") from error
    except KeyError as error:
        raise TealError(f"{what} does not answer as App Mesh does: {error} is not there") from error


def _meshes(client: Any) -> Iterator[tuple[str, str]]:
    """Names of meshes, each with the account of its owner."""
    for page in client.get_paginator("list_meshes").paginate():
        yield from ((one["meshName"], one.get("meshOwner", "")) for one in page["meshes"])


def _names(client: Any, mesh: str, owner: str, unknown: set[Kind]) -> Iterator[Name]:
    """The resources of a mesh. ``unknown`` gets the kinds that the endpoint does not know."""
    yield Name(Kind.MESH, mesh, mesh)
    shared = {"meshName": mesh, **_owned(owner)}
    for kind in Kind:
        if kind is Kind.MESH:
            continue
        parent = PARENTS.get(kind)
        try:
            for above in _listed(client, parent, **shared) if parent else [""]:
                within = {f"{parent.value}Name": above} if parent else {}
                for name in _listed(client, kind, **shared, **within):
                    yield Name(kind, mesh, name, above)
        except client.exceptions.ClientError as error:
            if not _is_unknown(error.response):
                raise
            unknown.add(kind)


def _is_unknown(answer: Mapping[str, Any]) -> bool:
    """Whether an error says that there is no such operation, and not that a resource is missing."""
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = answer.get("Error", {}).get("Code")
    return bool(status == 501 or (status == 404 and code != "NotFoundException"))


def _owned(owner: str) -> dict[str, str]:
    return {"meshOwner": owner} if owner else {}


def _listed(client: Any, kind: Kind, **within: str) -> list[str]:
    pages = client.get_paginator(f"list_{snake(kind.value)}s").paginate(**within)
    return [one[f"{kind.value}Name"] for page in pages for one in page[f"{kind.value}s"]]


def _described(client: Any, name: Name, origin: str, owner: str = "") -> Found:
    describe = getattr(client, f"describe_{snake(name.kind.value)}")
    body = describe(**name.members, **_owned(owner))[name.kind.value]
    metadata = body["metadata"]
    arn = metadata["arn"]
    tags = dict(pairs(client.list_tags_for_resource(resourceArn=arn)["tags"]))
    spec = _without_nothing(spec_shape(name.kind), body["spec"])
    found = Found([Resource(name, spec, origin, tags, arn)])
    by = metadata.get("resourceOwner")
    if owner and by and by != owner:
        found.remark(name, SHARED.format(owner))
    return found


def _without_nothing(shape: Any, value: Any) -> Any:
    """A specification without structures of which nothing is set and something has to be, by which
    some endpoints say that they are not there.
    """
    if not isinstance(value, Mapping):
        return value
    made = {}
    for member, inner in value.items():
        of = shape.members[member]
        if of.type_name != "structure" or inner or not of.required_members:
            made[member] = _without_nothing(of, inner)
    return made


def meaning(spec: Any) -> Any:
    """A specification as App Mesh understands it, for a comparison: no order where it sees none,
    what is set to its own default as if it was not set, and the port that a health check asks.
    """
    if isinstance(spec, list):
        return sorted((meaning(one) for one in spec), key=repr)
    if not isinstance(spec, Mapping):
        return spec
    made = {name: meaning(one) for name, one in spec.items()}
    check, mapping = spec.get("healthCheck"), spec.get("portMapping")
    if check and mapping:
        made["healthCheck"] = meaning({"port": mapping["port"], **check})
    defaults = {"invert": False, "enforce": True}
    return {n: one for n, one in sorted(made.items()) if one != [] and defaults.get(n, ...) != one}
