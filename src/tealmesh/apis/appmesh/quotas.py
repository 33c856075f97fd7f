"""App Mesh's quotas, at their AWS defaults.

https://docs.aws.amazon.com/general/latest/gr/appmesh.html#limits_appmesh (also in
https://github.com/aws/aws-app-mesh-roadmap/issues/263). The quota of weighted targets per route,
10, is part of the model, so the codec's validation checks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tealmesh.apis.appmesh.nouns import NOUNS, MeshContent, Noun
from tealmesh.model.appmesh import S
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind

_RESOURCES: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.MESH: 15,
        Kind.VIRTUAL_NODE: 200,
        Kind.VIRTUAL_SERVICE: 200,
        Kind.VIRTUAL_ROUTER: 200,
        Kind.ROUTE: 50,
        Kind.VIRTUAL_GATEWAY: 3,
        Kind.GATEWAY_ROUTE: 10,
    }
)


@dataclass(frozen=True)
class Quotas:
    """How many resources there may be."""

    resources: Mapping[Kind, int] = field(default_factory=lambda: _RESOURCES)
    """Of each kind, in the account, mesh, router or gateway that holds it."""

    backends: int = 50
    """Per virtual node."""


def check_room(quotas: Quotas, content: MeshContent, noun: Noun[S], scope: tuple[str, ...]) -> None:
    """Raise LimitExceededException if one more of ``noun`` would exceed its quota.

    ``scope`` names what holds it: nothing for meshes, else the mesh and then router or gateway.
    """
    allowed = quotas.resources[noun.kind]
    present = sum(1 for _ in content.each(noun, *scope[1:]))
    if present < allowed:
        return
    holder = NOUNS[noun.parent or Kind.MESH].title if scope else "account"
    where = f"{holder} {scope[-1]}" if scope else "this account"
    raise AwsError(
        "LimitExceededException",
        f"{where} already has {present} {noun.plural}: at most {allowed} {noun.plural} per"
        f" {holder} are allowed",
    )


def check_backends(quotas: Quotas, noun: Noun[S], spec: Mapping[str, object]) -> None:
    """Raise LimitExceededException if a virtual node has more backends than its quota."""
    backends = spec.get("backends")
    if noun.kind is not Kind.VIRTUAL_NODE or not isinstance(backends, Sequence):
        return
    if len(backends) > quotas.backends:
        raise AwsError(
            "LimitExceededException",
            f"spec.backends has {len(backends)} entries: at most {quotas.backends} backends per"
            " VirtualNode are allowed",
        )
