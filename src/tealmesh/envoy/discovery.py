"""Where the instances of a virtual node are: Cloud Map's answer, filtered as App Mesh does.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_AwsCloudMapServiceDiscovery.html
"""

from __future__ import annotations

from collections.abc import Iterable

from tealmesh.envoy.protos import Spec
from tealmesh.model.mesh import Instance, MeshResource, MeshSnapshot

_FAMILIES = {
    "IPv4_ONLY": ("AWS_INSTANCE_IPV4",),
    "IPv6_ONLY": ("AWS_INSTANCE_IPV6",),
    "IPv4_PREFERRED": ("AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"),
    "IPv6_PREFERRED": ("AWS_INSTANCE_IPV6", "AWS_INSTANCE_IPV4"),
}


def listener(node: MeshResource, port: int | None) -> Spec | None:
    """The listener of ``node`` at ``port``, or its first when no port is asked for."""
    for candidate in node.spec.get("listeners", ()):
        if port is None or candidate["portMapping"]["port"] == port:
            found: Spec = candidate
            return found
    return None


def service_discovery(node: MeshResource) -> Spec:
    """The node's ``serviceDiscovery``, empty when it has none."""
    found: Spec = node.spec.get("serviceDiscovery") or {}
    return found


def by_eds(node: MeshResource) -> bool:
    """Whether the instances come as endpoints from us rather than from DNS."""
    return "dns" not in service_discovery(node)


def ip_preference(mesh: MeshResource, node: MeshResource) -> str:
    """The node's preference, else the mesh's; IPv4 alone when neither says."""
    own = service_discovery(node)
    source = own.get("awsCloudMap") or own.get("dns") or {}
    whole = mesh.spec.get("serviceDiscovery") or {}
    return str(source.get("ipPreference") or whole.get("ipPreference") or "IPv4_ONLY")


def instances(snapshot: MeshSnapshot, node: MeshResource) -> tuple[Instance, ...]:
    """The Cloud Map instances that match every attribute of ``node``, in a stable order."""
    source = service_discovery(node).get("awsCloudMap")
    if source is None:
        return ()
    registered = snapshot.cloud_map.get((source["namespaceName"], source["serviceName"]), ())
    wanted = {(pair["key"], pair["value"]) for pair in source.get("attributes", ())}
    matching = (one for one in registered if wanted <= set(one.attributes))
    return tuple(sorted(matching, key=lambda one: one.id))


def address(instance: Instance, preference: str) -> str:
    """The instance's address of the preferred family; empty when it has none."""
    attributes = dict(instance.attributes)
    return next((attributes[key] for key in _FAMILIES[preference] if attributes.get(key)), "")


def capable(node: MeshResource, found: Iterable[Instance]) -> bool:
    """Whether the node can answer: what DNS says we do not know, so such a node counts as able."""
    if "dns" in service_discovery(node):
        return True
    return any(one.healthy and not one.draining for one in found)
