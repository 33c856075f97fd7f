"""Cloud Map instances as the endpoints (EDS) of an egress cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.core.v3 import health_check_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2 as components
from envoy.config.endpoint.v3 import endpoint_pb2

from tealmesh.envoy import discovery
from tealmesh.envoy.protos import socket_address
from tealmesh.envoy.resources import Resource, encode
from tealmesh.model.mesh import Instance

if TYPE_CHECKING:
    from tealmesh.envoy.specs import IpPreference


def load_assignment(
    cluster: str, instances: tuple[Instance, ...], port: int, preference: IpPreference
) -> Resource:
    """The endpoints of ``cluster``: each address once, at the listener's port.

    Like App Mesh, leaves out instances without an address of the preferred family.
    """
    endpoints = {}
    for instance in instances:
        address = discovery.address(instance, preference)
        if address:
            endpoints[address] = components.LbEndpoint(
                endpoint=components.Endpoint(address=socket_address(address, port)),
                health_status=_health(instance),
            )
    message = endpoint_pb2.ClusterLoadAssignment(cluster_name=cluster)
    if endpoints:
        locality = message.endpoints.add(lb_endpoints=[endpoints[key] for key in sorted(endpoints)])
        # gRPC clients require both; Envoy ignores them.
        locality.locality.SetInParent()
        locality.load_balancing_weight.value = 1
    return encode(cluster, message)


def _health(instance: Instance) -> int:
    status = health_check_pb2.HealthStatus
    if instance.draining:
        return int(status.DRAINING)
    return int(status.HEALTHY if instance.healthy else status.UNHEALTHY)
