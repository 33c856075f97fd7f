"""Finds gateway routes that answer 404 to everything, as what they lead to speaks TCP alone. Pure.

App Mesh accepts them, and so does our API; `teal doctor` names them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tealmesh.apis.appmesh.route_rules import gateway_content, protocol
from tealmesh.model.wire import MemberWithoutEffect
from tealmesh.store import Reader, tables


def unreachable_targets(reader: Reader) -> Iterator[MemberWithoutEffect]:
    """The gateway routes to virtual services that have nothing to answer a request with."""
    for document in reader.list(tables.GATEWAY_ROUTES):
        body = document.body
        target = gateway_content(body["spec"])["action"]["target"]
        service = target["virtualService"]["virtualServiceName"]
        if _spoken(reader, body["meshName"], service, target.get("port")) != {"tcp"}:
            continue
        yield {
            "resource": f"mesh/{body['meshName']}/virtualGateway/{body['parent']}"
            f"/gatewayRoute/{body['name']}",
            "member": f"{protocol(body['spec'])}Route",
            "reason": f"virtual service {service} speaks TCP alone, which no gateway leads to, so "
            "every request is answered 404: give it a listener of HTTP, or call it from a virtual "
            "node",
        }


def _spoken(reader: Reader, mesh: str, service: str, port: int | None) -> set[str]:
    """The protocols of a virtual service's listeners and routes at ``port``, or at any."""
    found = reader.get(tables.VIRTUAL_SERVICES, mesh, service)
    provider = found.body["spec"].get("provider", {}) if found else {}
    if "virtualNode" in provider:
        node = provider["virtualNode"]["virtualNodeName"]
        document = reader.get(tables.VIRTUAL_NODES, mesh, node)
        listeners = document.body["spec"].get("listeners", []) if document else []
        mappings = [listener["portMapping"] for listener in listeners]
        return {one["protocol"] for one in mappings if port in (None, one["port"])}
    if "virtualRouter" in provider:
        router = provider["virtualRouter"]["virtualRouterName"]
        routes = reader.list(tables.ROUTES, mesh, router)
        return {protocol(route.body["spec"]) for route in routes}
    return set()
