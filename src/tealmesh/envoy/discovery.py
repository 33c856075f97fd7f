"""Where the hosts of a virtual node are: Cloud Map's instances, or a name for Envoy to look up.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ServiceDiscovery.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.model.cloudmap import Address, locate
from tealmesh.model.errors import TranslationError
from tealmesh.model.mesh import Instance, MeshSnapshot

if TYPE_CHECKING:
    from tealmesh.envoy.specs import IpPreference, Listener, ServiceDiscovery
    from tealmesh.model.mesh import Mesh, VirtualNode

_ADDRESS_ATTRIBUTES: Mapping[str, tuple[Address, ...]] = {
    "IPv4_ONLY": ("AWS_INSTANCE_IPV4",),
    "IPv6_ONLY": ("AWS_INSTANCE_IPV6",),
    "IPv4_PREFERRED": ("AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"),
    "IPv6_PREFERRED": ("AWS_INSTANCE_IPV6", "AWS_INSTANCE_IPV4"),
}

_ONLY: Mapping[Address, IpPreference] = {
    "AWS_INSTANCE_IPV4": "IPv4_ONLY",
    "AWS_INSTANCE_IPV6": "IPv6_ONLY",
}


@dataclass(frozen=True)
class Source:
    """Where Envoys find a node's hosts."""

    hostname: str | None = None
    """The name that Envoys look up themselves; None if they get the endpoints from us."""

    instances: tuple[Instance, ...] = ()
    """The endpoints, by id."""

    preference: IpPreference = "IPv4_ONLY"
    """Which of an instance's addresses is used."""

    @property
    def capable(self) -> bool:
        """Whether requests can be answered: any of the instances can. A name that Envoys look up
        counts as capable, since we do not know what DNS says.
        """
        if self.hostname is not None:
            return True
        return any(one.healthy and not one.draining for one in self.instances)


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


def ip_preference(mesh: Mesh, node: VirtualNode) -> IpPreference:
    """The node's preference, else the mesh's; IPv4 alone when neither says."""
    own = service_discovery(node)
    for source in (own.get("awsCloudMap"), own.get("dns"), mesh.spec.get("serviceDiscovery")):
        if source and "ipPreference" in source:
            return source["ipPreference"]
    return "IPv4_ONLY"


def source(snapshot: MeshSnapshot, node: VirtualNode) -> Source:
    """Where the hosts of ``node`` are. If its DNS name is in a namespace of Cloud Map, Envoys get
    the endpoints from us: we know what DNS would answer in a VPC (docs/design/016).
    """
    own, preference = service_discovery(node), ip_preference(snapshot.mesh, node)
    if "dns" in own:
        families = _ADDRESS_ATTRIBUTES[preference]
        found = locate(snapshot.zones, own["dns"]["hostname"], families)
        return Source(found.hostname, found.instances, _ONLY[found.family])
    if "awsCloudMap" not in own:
        return Source()
    wanted = own["awsCloudMap"]
    registered = snapshot.cloud_map.get((wanted["namespaceName"], wanted["serviceName"]), ())
    pairs = {(pair["key"], pair["value"]) for pair in wanted.get("attributes", ())}
    matching = (one for one in registered if pairs <= set(one.attributes))
    return Source(None, tuple(sorted(matching, key=lambda one: one.id)), preference)


def address(instance: Instance, preference: IpPreference) -> str:
    """The instance's address of the preferred family; empty when it has none."""
    attributes = dict(instance.attributes)
    names = _ADDRESS_ATTRIBUTES[preference]
    return next((attributes[name] for name in names if attributes.get(name)), "")
