"""Where the instances of a virtual node are: Cloud Map's answer, filtered as App Mesh does.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_AwsCloudMapServiceDiscovery.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tealmesh.model.errors import TranslationError
from tealmesh.model.mesh import Instance, MeshSnapshot

if TYPE_CHECKING:
    from tealmesh.envoy.specs import IpPreference, Listener, ServiceDiscovery
    from tealmesh.model.mesh import Mesh, VirtualNode

_ADDRESS_ATTRIBUTES = {
    "IPv4_ONLY": ("AWS_INSTANCE_IPV4",),
    "IPv6_ONLY": ("AWS_INSTANCE_IPV6",),
    "IPv4_PREFERRED": ("AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"),
    "IPv6_PREFERRED": ("AWS_INSTANCE_IPV6", "AWS_INSTANCE_IPV4"),
}


def listener(node: VirtualNode, port: int | None) -> Listener | None:
    """The listener of ``node`` at ``port``, its first one when ``port`` is None; None when there is
    no such listener.
    """
    for candidate in node.spec.get("listeners", ()):
        if port is None or candidate["portMapping"]["port"] == port:
            return candidate
    return None


def own_listener(node: VirtualNode, port: int) -> Listener:
    """The listener of ``node`` at ``port``. Raises TranslationError when there is none."""
    own = listener(node, port)
    if own is None:
        raise TranslationError(f"virtual node {node.name} has no listener at port {port}")
    return own


def service_discovery(node: VirtualNode) -> ServiceDiscovery:
    """The node's ``serviceDiscovery``, empty when it has none."""
    return node.spec.get("serviceDiscovery") or {}


def by_eds(node: VirtualNode) -> bool:
    """Whether Envoys get the node's endpoints from us rather than from DNS."""
    return "dns" not in service_discovery(node)


def ip_preference(mesh: Mesh, node: VirtualNode) -> IpPreference:
    """The node's preference, else the mesh's; IPv4 alone when neither says."""
    own = service_discovery(node)
    for source in (own.get("awsCloudMap"), own.get("dns"), mesh.spec.get("serviceDiscovery")):
        if source and "ipPreference" in source:
            return source["ipPreference"]
    return "IPv4_ONLY"


def instances(snapshot: MeshSnapshot, node: VirtualNode) -> tuple[Instance, ...]:
    """The Cloud Map instances that match every attribute of ``node``, in a stable order."""
    source = service_discovery(node).get("awsCloudMap")
    if source is None:
        return ()
    registered = snapshot.cloud_map.get((source["namespaceName"], source["serviceName"]), ())
    wanted = {(pair["key"], pair["value"]) for pair in source.get("attributes", ())}
    matching = (one for one in registered if wanted <= set(one.attributes))
    return tuple(sorted(matching, key=lambda one: one.id))


def address(instance: Instance, preference: IpPreference) -> str:
    """The instance's address of the preferred family; empty when it has none."""
    attributes = dict(instance.attributes)
    names = _ADDRESS_ATTRIBUTES[preference]
    return next((attributes[name] for name in names if attributes.get(name)), "")


def capable(node: VirtualNode, registered: Iterable[Instance]) -> bool:
    """Whether the node can answer requests: any of its ``registered`` instances can. A node that
    is found by DNS counts as capable, since we do not know what DNS says.
    """
    if "dns" in service_discovery(node):
        return True
    return any(one.healthy and not one.draining for one in registered)
