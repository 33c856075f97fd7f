"""The hosted zones of DNS namespaces, as Route 53 shows them. Pure.

The zones exist nowhere else: their records are computed from the instances.
https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tealmesh.apis.servicediscovery.dns_records import (
    addresses,
    answerable,
    own_records,
    record_ttls,
    soa_ttl,
)
from tealmesh.model.arn import Arn
from tealmesh.model.cloudmap import DiscoveryServiceBody, InstanceBody, NamespaceBody
from tealmesh.store import Reader, tables


@dataclass(frozen=True)
class HostedZone:
    """A hosted zone."""

    id: str
    name: str
    """With the dot at its end."""
    namespace: str
    """The namespace's ARN."""
    vpc: str
    """Empty for a public one."""
    region: str
    created_by: str
    """``CallerReference``."""
    records: int
    """How many record sets it has."""

    @property
    def private(self) -> bool:
        """Whether it belongs to a private DNS namespace."""
        return bool(self.vpc)


@dataclass(frozen=True)
class RecordSet:
    """A record set: one for each instance of a service, with a name and a type in common."""

    name: str
    """With the dot at its end."""
    kind: str
    ttl: int
    """Seconds."""
    values: tuple[str, ...]
    instance: str = ""
    """``SetIdentifier``; empty for those of the zone itself."""
    weighted: bool = False
    """Whether the routing policy is WEIGHTED; otherwise it is MULTIVALUE."""


def hosted_zones(reader: Reader) -> list[HostedZone]:
    """The zones of all DNS namespaces."""
    return [
        _zone(reader, document.body)
        for document in reader.list(tables.NAMESPACES)
        if document.body["wire"]["Type"] != "HTTP"
    ]


def record_sets(reader: Reader, zone_id: str) -> list[RecordSet]:
    """The record sets of a zone, in Route 53's order; none if there is no such zone."""
    for document in reader.list(tables.NAMESPACES):
        if _zone_id(document.body) == zone_id:
            found = [*_own(document.body), *_of_services(reader, document.body)]
            return sorted(found, key=lambda r: (name_order(r.name), r.kind, r.instance))
    return []


def name_order(name: str) -> tuple[str, ...]:
    """By the labels from the last: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html"""
    return tuple(reversed(name.rstrip(".").lower().split(".")))


def _zone_id(namespace: NamespaceBody) -> str:
    properties = namespace["wire"]["Properties"].get("DnsProperties")
    return properties.get("HostedZoneId", "") if properties else ""


def _zone(reader: Reader, namespace: NamespaceBody) -> HostedZone:
    return HostedZone(
        id=_zone_id(namespace),
        name=f"{namespace['name'].rstrip('.')}.",
        namespace=namespace["wire"]["Arn"],
        vpc=namespace["vpc"],
        region=Arn.parse(namespace["wire"]["Arn"]).region,
        created_by=namespace["request"]["operation"],
        records=len(record_sets(reader, _zone_id(namespace))),
    )


def _own(namespace: NamespaceBody) -> Iterator[RecordSet]:
    apex = f"{namespace['name'].rstrip('.')}."
    own = own_records(apex, namespace)
    yield RecordSet(apex, "NS", 172800, (own["NS"],))
    yield RecordSet(apex, "SOA", soa_ttl(namespace), (own["SOA"],))


def _of_services(reader: Reader, namespace: NamespaceBody) -> Iterator[RecordSet]:
    for document in reader.list(tables.SD_SERVICES):
        service = document.body
        if service["namespaceId"] == namespace["id"] and service["wire"].get("DnsConfig"):
            name = f"{service['name']}.{namespace['name'].rstrip('.')}"
            for instance in answerable(reader, service):
                yield from _of_instance(service, instance, name)


def _of_instance(
    service: DiscoveryServiceBody, instance: InstanceBody, name: str
) -> Iterator[RecordSet]:
    ttls = record_ttls(service)
    weighted = service["wire"]["DnsConfig"].get("RoutingPolicy") == "WEIGHTED"
    identity = instance["id"]
    for kind, ttl in ttls.items():
        values = tuple(record.data for record in addresses(instance, name, kind, ttl))
        port = instance["attributes"].get("AWS_INSTANCE_PORT")
        if kind == "SRV" and port:
            target = f"{identity.lower()}.{name}"
            yield RecordSet(f"{name}.", kind, ttl, (f"1 1 {port} {target}.",), identity, weighted)
            for family in ("A", "AAAA"):
                own = tuple(r.data for r in addresses(instance, target, family, ttl))
                if own:
                    yield RecordSet(f"{target}.", family, ttl, own)
        elif values:
            yield RecordSet(f"{name}.", kind, ttl, values, identity, weighted)
