"""The operations on App Mesh's resources: each is a verb on a noun.

`api.AppMesh` has a method for each of them; the three operations on tags are written there.
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tealmesh.apis.appmesh import nouns
from tealmesh.apis.appmesh.nouns import Noun


class Verb(StrEnum):
    """What an operation does; values as in the names of operations."""

    CREATE = "Create"
    DESCRIBE = "Describe"
    UPDATE = "Update"
    DELETE = "Delete"
    LIST = "List"


# Any: the noun of an operation has a specification of its own.
OPERATIONS: Mapping[str, tuple[Verb, Noun[Any]]] = {
    "create_mesh": (Verb.CREATE, nouns.MESH),
    "describe_mesh": (Verb.DESCRIBE, nouns.MESH),
    "update_mesh": (Verb.UPDATE, nouns.MESH),
    "delete_mesh": (Verb.DELETE, nouns.MESH),
    "list_meshes": (Verb.LIST, nouns.MESH),
    "create_virtual_node": (Verb.CREATE, nouns.VIRTUAL_NODE),
    "describe_virtual_node": (Verb.DESCRIBE, nouns.VIRTUAL_NODE),
    "update_virtual_node": (Verb.UPDATE, nouns.VIRTUAL_NODE),
    "delete_virtual_node": (Verb.DELETE, nouns.VIRTUAL_NODE),
    "list_virtual_nodes": (Verb.LIST, nouns.VIRTUAL_NODE),
    "create_virtual_service": (Verb.CREATE, nouns.VIRTUAL_SERVICE),
    "describe_virtual_service": (Verb.DESCRIBE, nouns.VIRTUAL_SERVICE),
    "update_virtual_service": (Verb.UPDATE, nouns.VIRTUAL_SERVICE),
    "delete_virtual_service": (Verb.DELETE, nouns.VIRTUAL_SERVICE),
    "list_virtual_services": (Verb.LIST, nouns.VIRTUAL_SERVICE),
    "create_virtual_router": (Verb.CREATE, nouns.VIRTUAL_ROUTER),
    "describe_virtual_router": (Verb.DESCRIBE, nouns.VIRTUAL_ROUTER),
    "update_virtual_router": (Verb.UPDATE, nouns.VIRTUAL_ROUTER),
    "delete_virtual_router": (Verb.DELETE, nouns.VIRTUAL_ROUTER),
    "list_virtual_routers": (Verb.LIST, nouns.VIRTUAL_ROUTER),
    "create_route": (Verb.CREATE, nouns.ROUTE),
    "describe_route": (Verb.DESCRIBE, nouns.ROUTE),
    "update_route": (Verb.UPDATE, nouns.ROUTE),
    "delete_route": (Verb.DELETE, nouns.ROUTE),
    "list_routes": (Verb.LIST, nouns.ROUTE),
    "create_virtual_gateway": (Verb.CREATE, nouns.VIRTUAL_GATEWAY),
    "describe_virtual_gateway": (Verb.DESCRIBE, nouns.VIRTUAL_GATEWAY),
    "update_virtual_gateway": (Verb.UPDATE, nouns.VIRTUAL_GATEWAY),
    "delete_virtual_gateway": (Verb.DELETE, nouns.VIRTUAL_GATEWAY),
    "list_virtual_gateways": (Verb.LIST, nouns.VIRTUAL_GATEWAY),
    "create_gateway_route": (Verb.CREATE, nouns.GATEWAY_ROUTE),
    "describe_gateway_route": (Verb.DESCRIBE, nouns.GATEWAY_ROUTE),
    "update_gateway_route": (Verb.UPDATE, nouns.GATEWAY_ROUTE),
    "delete_gateway_route": (Verb.DELETE, nouns.GATEWAY_ROUTE),
    "list_gateway_routes": (Verb.LIST, nouns.GATEWAY_ROUTE),
}
"""By method name (botocore's ``xform_name`` of the operation)."""
