"""Requests for operations on resources, read from their members; and the answers to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from tealmesh.apis.appmesh.nouns import Noun
from tealmesh.apis.requests import digest
from tealmesh.model.appmesh import ResourceBody, ResourceData, ResourceNames, ResourceRef, S

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import TagRefTypeDef


@dataclass(frozen=True)
class Call(Generic[S]):
    """One request for an operation on a resource."""

    names: tuple[str, ...]
    """Mesh, then router or gateway, then the resource's own name, which List does not have."""

    owner: str | None
    spec: S
    tags: Sequence[TagRefTypeDef]

    token: str | None
    """``clientToken``."""

    fingerprint: str
    """By which a repeated request is known; empty without a token."""

    limit: int | None
    next_token: str | None


# Any: each of the 35 operations has other members, and the codec has validated them; below here
# everything is typed.
def read_call(noun: Noun[S], request: Mapping[str, Any]) -> Call[S]:
    """The request for an operation on ``noun``."""
    token = request.get("clientToken")
    return Call(
        names=tuple(request[member] for member in noun.name_members if member in request),
        owner=request.get("meshOwner"),
        spec=request.get("spec", {}),
        tags=request.get("tags", ()),
        token=token,
        fingerprint=digest(request, without="clientToken") if token is not None else "",
        limit=request.get("limit"),
        next_token=request.get("nextToken"),
    )


def resource_data(noun: Noun[S], body: ResourceBody[S], status: str) -> dict[str, ResourceData]:
    """The answer of Create, Describe, Update and Delete."""
    return {
        noun.kind.value: {
            **_names(noun, body),
            "spec": body["spec"],
            "metadata": {
                "arn": body["arn"],
                "uid": body["uid"],
                "version": body["version"],
                "createdAt": body["createdAt"],
                "lastUpdatedAt": body["lastUpdatedAt"],
                "meshOwner": body["meshOwner"],
                "resourceOwner": body["resourceOwner"],
            },
            "status": {"status": status},
        }
    }


def resource_list(
    noun: Noun[S], bodies: Iterable[ResourceBody[S]], next_token: str | None
) -> dict[str, list[ResourceRef] | str]:
    """The answer of List."""
    references: list[ResourceRef] = [
        {
            **_names(noun, body),
            "arn": body["arn"],
            "version": body["version"],
            "createdAt": body["createdAt"],
            "lastUpdatedAt": body["lastUpdatedAt"],
            "meshOwner": body["meshOwner"],
            "resourceOwner": body["resourceOwner"],
        }
        for body in bodies
    ]
    answer: dict[str, list[ResourceRef] | str] = {noun.list_member: references}
    if next_token is not None:
        answer["nextToken"] = next_token
    return answer


def _names(noun: Noun[S], body: ResourceBody[S]) -> ResourceNames:
    names: ResourceNames = {}
    for member, name in zip(noun.name_members, noun.names(body), strict=True):
        names[member] = name
    return names
