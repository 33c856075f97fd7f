"""Looks up services and meshes in the status of a control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.absent import absent, means, unrouted
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire


def find_service(client: Client, name: str) -> wire.ServiceStatus:
    """The status of a service. Raises TealError if there is no service of that name."""
    status = client.get_status()
    services = status["services"]
    for service in services:
        if service["name"] == name:
            return service
    for one in status.get("virtualServices", []):
        if means(name, one["name"], one["mesh"]):
            raise TealError(unrouted(one["name"], one.get("provider", "")))
    known = [service["name"] for service in services]
    raise TealError(
        absent("service", name, known, "create services with Terraform or `teal apply`")
    )


def meshes_of(status: wire.GetStatusOutput) -> list[str]:
    """The names of all meshes, sorted."""
    meshes = {mesh["name"] for mesh in status.get("meshes", [])}
    meshes |= {service["mesh"] for service in status["services"]}
    meshes |= {gateway["mesh"] for gateway in status["gateways"] if "mesh" in gateway}
    return sorted(meshes)


def deploying(client: Client) -> list[str]:
    """The services of which a deployment runs; empty where the status cannot be had."""
    try:
        services = client.get_status()["services"]
    except TealError:
        return []
    return [
        service["name"]
        for service in services
        if "deployment" in service and "IN_PROGRESS" in service["deployment"]["status"]
    ]
