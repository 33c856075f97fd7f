"""App Mesh's quotas, at their AWS defaults.

https://docs.aws.amazon.com/general/latest/gr/appmesh.html#limits_appmesh (the same table stands in
https://github.com/aws/aws-app-mesh-roadmap/issues/263). Weighted targets per route (10) are the
model's own maximum and thereby the codec's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tealmesh.apis.appmesh.nouns import NOUNS, MeshContent
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
    """How many there may be: of each resource in what holds it, and of backends per node."""

    resources: Mapping[Kind, int] = field(default_factory=lambda: _RESOURCES)
    backends: int = 50


def check_room(quotas: Quotas, content: MeshContent, kind: Kind, scope: tuple[str, ...]) -> None:
    """Raise LimitExceededException when one more of ``kind`` would exceed its quota.

    ``scope`` names what holds it: nothing for meshes, else the mesh and then router or gateway.
    """
    allowed = quotas.resources[kind]
    present = sum(1 for _ in content.each(kind, *scope[1:]))
    if present < allowed:
        return
    noun = NOUNS[kind]
    holder = {0: "account"}.get(len(scope)) or NOUNS[noun.parent or Kind.MESH].title
    where = f"{holder} {scope[-1]}" if scope else "this account"
    raise AwsError(
        "LimitExceededException",
        f"{where} already has {present} {noun.plural}: at most {allowed} {noun.plural} per"
        f" {holder} are allowed",
    )


def check_backends(quotas: Quotas, kind: Kind, spec: Mapping[str, Any]) -> None:
    """Raise LimitExceededException when a virtual node has more backends than its quota."""
    count = len(spec.get("backends", ()))
    if kind is Kind.VIRTUAL_NODE and count > quotas.backends:
        raise AwsError(
            "LimitExceededException",
            f"spec.backends has {count} entries: at most {quotas.backends} backends per"
            " VirtualNode are allowed",
        )
