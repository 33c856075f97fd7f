"""Reads a mesh from an API of App Mesh, and creates one there. Blocks: boto3."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tealmesh.migration.found import PARENTS, Found, Name, Resource
from tealmesh.migration.spelling import pairs, snake
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind


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

    session = boto3.Session()
    known = session.get_credentials() is not None
    keys = {} if known else {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"})
    region = session.region_name or os.environ.get("TEAL_REGION") or "us-east-1"
    return session.client(
        "appmesh", endpoint_url=endpoint, region_name=region, config=config, **keys
    )


def read(client: Any, origin: str, mesh: str = "") -> Found:
    """All meshes of an endpoint, or one. Raises TealError if it cannot be read."""
    found = Found()
    with _told(origin):
        for name in [mesh] if mesh else _listed(client, Kind.MESH):
            for one in _names(client, name):
                found.resources.append(_described(client, one, origin))
    return found


def compared(client: Any, origin: str, resources: Sequence[Resource]) -> Difference:
    """How they compare with what is there. Raises TealError if it cannot be read."""
    new: list[Resource] = []
    same: list[Resource] = []
    other: list[Resource] = []
    with _told(origin):
        for resource in resources:
            try:
                there = _described(client, resource.name, origin)
            except client.exceptions.NotFoundException:
                new.append(resource)
                continue
            (same if _filled(there.spec) == _filled(resource.spec) else other).append(resource)
    return Difference(tuple(new), tuple(same), tuple(other))


def create(client: Any, origin: str, resource: Resource) -> None:
    """Raises TealError with the API's own words if it is refused."""
    with _told(f"{origin}: {resource.name}"):
        getattr(client, f"create_{snake(resource.name.kind.value)}")(**resource.request)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what boto3 raises into one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise TealError(f"{what}: {error}") from error


def _names(client: Any, mesh: str) -> Iterator[Name]:
    yield Name(Kind.MESH, mesh, mesh)
    for kind in Kind:
        if kind is Kind.MESH:
            continue
        parent = PARENTS.get(kind)
        for above in _listed(client, parent, meshName=mesh) if parent else [""]:
            within = {f"{parent.value}Name": above} if parent else {}
            for name in _listed(client, kind, meshName=mesh, **within):
                yield Name(kind, mesh, name, above)


def _listed(client: Any, kind: Kind, **within: str) -> list[str]:
    plural = "meshes" if kind is Kind.MESH else f"{kind.value}s"
    pages = client.get_paginator(f"list_{snake(plural)}").paginate(**within)
    return [one[f"{kind.value}Name"] for page in pages for one in page[plural]]


def _described(client: Any, name: Name, origin: str) -> Resource:
    describe = getattr(client, f"describe_{snake(name.kind.value)}")
    body = describe(**name.members)[name.kind.value]
    arn = body["metadata"]["arn"]
    tags = dict(pairs(client.list_tags_for_resource(resourceArn=arn)["tags"]))
    return Resource(name, body["spec"], origin, tags)


def _filled(spec: Any) -> Any:
    """A specification with what App Mesh adds to it: a health check asks its listener's port."""
    listeners = spec.get("listeners")
    if not listeners:
        return spec
    return {**spec, "listeners": [_with_port(listener) for listener in listeners]}


def _with_port(listener: Any) -> Any:
    check = listener.get("healthCheck")
    if not check:
        return listener
    port = listener["portMapping"]["port"]
    return {**listener, "healthCheck": {"port": port, **check}}
