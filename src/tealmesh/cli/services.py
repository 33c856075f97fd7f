"""Looks up services and meshes in the status of a control plane."""

from __future__ import annotations

from tealmesh.cli.client import Client
from tealmesh.model import wire
from tealmesh.model.errors import TealError


def find_service(client: Client, name: str) -> wire.ServiceStatus:
    """The status of a service. Raises TealError if there is no service of that name."""
    services = client.get_status()["services"]
    for service in services:
        if service["name"] == name:
            return service
    known = ", ".join(sorted(service["name"] for service in services))
    hint = f"choose from {known}" if known else "create services with `teal apply`"
    raise TealError(f"no service {name!r}: {hint}")


def meshes_of(status: wire.GetStatusOutput) -> list[str]:
    """The names of the meshes that the services and gateways are in, sorted."""
    meshes = {service["mesh"] for service in status["services"]}
    meshes |= {gateway["mesh"] for gateway in status["gateways"] if "mesh" in gateway}
    return sorted(meshes)
