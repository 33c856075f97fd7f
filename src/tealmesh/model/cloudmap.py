"""What the store keeps of Cloud Map, and where the host names in its DNS namespaces lead.

``wire`` is the part of a document that the API returns. Times are seconds since the epoch. Host
names are compared in lower case and without a dot at their end: DNS ignores case (RFC 4343).
https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsConfig.html
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from tealmesh.model.clock import MomentBody
from tealmesh.model.mesh import Instance

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import (
        DnsConfigOutputTypeDef,
        HealthCheckConfigTypeDef,
        HealthCheckCustomConfigTypeDef,
        NamespacePropertiesTypeDef,
    )


class TagBody(TypedDict):
    """A tag."""

    Key: str
    Value: str


class NamespaceWire(TypedDict):
    """A namespace as the API returns it, without the number of its services."""

    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    Type: str
    """HTTP, DNS_PRIVATE or DNS_PUBLIC."""
    Properties: NamespacePropertiesTypeDef
    CreateDate: float
    Description: NotRequired[str]
    CreatorRequestId: NotRequired[str]


class DiscoveryServiceWire(TypedDict):
    """A service as the API returns it, without the number of its instances."""

    Id: str
    Arn: str
    ResourceOwner: str
    Name: str
    NamespaceId: str
    Type: str
    """HTTP or DNS_HTTP."""
    CreatedByAccount: str
    CreateDate: float
    Description: NotRequired[str]
    DnsConfig: NotRequired[DnsConfigOutputTypeDef]
    HealthCheckConfig: NotRequired[HealthCheckConfigTypeDef]
    HealthCheckCustomConfig: NotRequired[HealthCheckCustomConfigTypeDef]
    CreatorRequestId: NotRequired[str]


class OperationWire(TypedDict):
    """An operation as the API returns it: complete as soon as it exists."""

    Id: str
    OwnerAccount: str
    Type: str
    Status: str
    """Always SUCCESS."""
    CreateDate: float
    UpdateDate: float
    Targets: dict[str, str]
    """Ids by NAMESPACE, SERVICE and INSTANCE."""


class NamespaceOrigin(TypedDict):
    """The request that created a namespace, so that the same request again is recognised."""

    kind: str
    """The name of the operation, such as CreateHttpNamespace."""
    digest: str
    operation: str
    """The id of the operation that it was answered with."""


class NamespaceBody(TypedDict):
    """A namespace: https://docs.aws.amazon.com/cloud-map/latest/api/API_Namespace.html"""

    id: str
    name: str
    vpc: str
    """Empty unless the namespace is a private DNS namespace."""
    wire: NamespaceWire
    tags: list[TagBody]
    request: NamespaceOrigin


class DiscoveryServiceBody(TypedDict):
    """A service: https://docs.aws.amazon.com/cloud-map/latest/api/API_Service.html"""

    id: str
    name: str
    namespaceId: str
    wire: DiscoveryServiceWire
    attributes: dict[str, str]
    tags: list[TagBody]
    request: str
    """Digest of the request that created it."""


class InstanceBody(TypedDict):
    """An instance: https://docs.aws.amazon.com/cloud-map/latest/api/API_Instance.html"""

    id: str
    serviceId: str
    attributes: dict[str, str]
    health: str
    """HEALTHY or UNHEALTHY."""
    draining: bool
    """Whether the engine is about to stop it: Envoys send it no new requests."""
    creatorRequestId: NotRequired[str]


class InstancesRevisionBody(TypedDict):
    """When the instances of a service have come, gone or changed their attributes last."""

    revision: int
    """Of the store."""


class DiscoveredBody(TypedDict):
    """An instance that was discovered in a Cloud Map that is not ours (`tealmesh.discovery`)."""

    namespace: str
    service: str
    id: str
    attributes: dict[str, str]
    healthy: bool
    """Whether it gets requests, as far as Cloud Map knows."""
    gone: NotRequired[MomentBody]
    """Since when Cloud Map does not have it any more: it drains."""
    draining: NotRequired[bool]
    """Whether its task has said that it leaves (`model.leaving`), which Cloud Map does not know."""


class OperationBody(TypedDict):
    """An operation: https://docs.aws.amazon.com/cloud-map/latest/api/API_Operation.html"""

    id: str
    wire: OperationWire
    since: NotRequired[MomentBody]
    """When it was answered; always there, but for operations of earlier versions."""


Address = Literal["AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"]
"""The attribute of an instance that has its address of one family."""

_RECORDS: Mapping[Address, str] = {"AWS_INSTANCE_IPV4": "A", "AWS_INSTANCE_IPV6": "AAAA"}

MAX_ALIASES = 8
"""CNAME and alias records that are followed, one after the other."""


@dataclass(frozen=True)
class DnsService:
    """A Cloud Map service with DNS records."""

    records: frozenset[str]
    """The types of its records: A, AAAA, CNAME, SRV."""

    instances: tuple[Instance, ...]
    """By id. All count as healthy if the service has no custom health check."""


Zones = Mapping[str, Mapping[str, DnsService]]
"""By namespace, then by service, whose name may have several labels; in lower case."""


@dataclass(frozen=True)
class Location:
    """Where a host name leads."""

    hostname: str | None = None
    """A name that is not Cloud Map's; None if the ``instances`` are all that there is."""

    instances: tuple[Instance, ...] = ()
    """Those with an address of the ``family``, by id."""

    family: Address = "AWS_INSTANCE_IPV4"


def host_name(text: str) -> str:
    """A host name in the form that is compared here."""
    return text.removesuffix(".").lower()


def zone_of(name: str, zones: Container[str]) -> str | None:
    """The longest of the ``zones`` that the name is or ends with; None if it is in none."""
    while name not in zones:
        _, _, name = name.partition(".")
        if not name:
            return None
    return name


def locate(
    zones: Zones, hostname: str, families: Sequence[Address], aliases: int = MAX_ALIASES
) -> Location:
    """Where ``hostname`` leads: to every instance that Route 53 could answer with, whatever the
    routing policy. Of several ``families`` the first one that has an answer counts.

    An instance that drains stays, marked, so that its requests can end. As in Route 53, unhealthy
    instances get requests if none is healthy.
    """
    name = host_name(hostname)
    zone = zone_of(name, zones)
    if zone is None:
        return Location(hostname)
    found = _service(zones[zone], name.removesuffix(zone).removesuffix("."))
    if found is None:
        return Location()
    instances = _answered(found.instances)
    for family in families:
        having = tuple(one for one in instances if dict(one.attributes).get(family))
        if _RECORDS[family] in found.records and having:
            return Location(None, having, family)
    alias = next(_aliases(found, instances), None)
    return locate(zones, alias, families, aliases - 1) if alias and aliases else Location()


def _service(services: Mapping[str, DnsService], labels: str) -> DnsService | None:
    """The service of this name; or, as INSTANCE.SERVICE is a name too if the service has SRV
    records, that instance alone.
    """
    if labels in services:
        return services[labels]
    for name, service in services.items():
        if "SRV" in service.records and labels.endswith(f".{name}"):
            wanted = labels.removesuffix(f".{name}")
            own = tuple(one for one in service.instances if one.id.lower() == wanted)
            if own:
                return DnsService(frozenset({"A", "AAAA"}), own)
    return None


def _answered(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
    """The instances; all count as healthy if none that stays is."""
    if any(one.healthy and not one.draining for one in instances):
        return instances
    return tuple(replace(one, healthy=True) for one in instances)


def _aliases(service: DnsService, instances: tuple[Instance, ...]) -> Iterator[str]:
    """The names that CNAME and alias records lead to. Route 53 chooses one by weight, and Cloud Map
    gives all the same: we always choose the first.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_RegisterInstance.html
    """
    for one in instances:
        attributes = dict(one.attributes)
        if one.healthy and not one.draining:
            if "CNAME" in service.records and attributes.get("AWS_INSTANCE_CNAME"):
                yield attributes["AWS_INSTANCE_CNAME"]
            if attributes.get("AWS_ALIAS_DNS_NAME"):
                yield attributes["AWS_ALIAS_DNS_NAME"]
