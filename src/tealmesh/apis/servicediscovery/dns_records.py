"""The DNS records of Cloud Map's namespaces: what Route 53 would answer inside their VPC. Pure.

SERVICE.NAMESPACE has the records of the service's ``DnsRecords``: A, AAAA and CNAME with the
instances' addresses, and SRV pointing to INSTANCE.SERVICE.NAMESPACE, which has the address. HTTP
namespaces have no records. Draining instances are left out; as in Route 53, unhealthy ones are
answered only if none is healthy.
https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsConfig.html
https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsRecord.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tealmesh.model.cloudmap import DiscoveryServiceBody, InstanceBody, NamespaceBody, zone_of
from tealmesh.store import Reader, tables

Shuffle = Callable[[Sequence[InstanceBody]], list[InstanceBody]]
"""Returns the same instances in another order: a random one, or in tests any."""

MAX_MULTIVALUE_INSTANCES = 8
"""The instances in an answer under the routing policy MULTIVALUE."""

_ADDRESS = {
    "A": "AWS_INSTANCE_IPV4",
    "AAAA": "AWS_INSTANCE_IPV6",
    "CNAME": "AWS_INSTANCE_CNAME",
}


@dataclass(frozen=True)
class Record:
    """One record of an answer."""

    name: str
    ttl: int
    """Seconds."""
    kind: str
    """``A``, ``SRV``, …"""
    data: str
    """As in a zone file."""


@dataclass(frozen=True)
class Answer:
    """The answer to one question."""

    zone: str = ""
    """The namespace of the name; empty if there is none, so the question is not ours."""
    exists: bool = False
    """Whether the name exists, even if only with records of other types."""
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


def answer(view: Reader, name: str, kind: str, shuffle: Shuffle) -> Answer:
    """The answer to a question for ``name`` (lower case, without the last dot) and record type
    ``kind``.
    """
    zone = _zone(view, name)
    if zone is None:
        return Answer()
    apex = zone["name"].lower()
    if name == apex:
        own, ttl = own_records(f"{apex}.", zone), soa_ttl(zone)
        return Answer(apex, True, (Record(apex, ttl, kind, own[kind]),) if kind in own else ())
    labels = name.removesuffix(f".{apex}")
    for document in view.list(tables.SD_SERVICES):
        service = document.body
        label = service["name"].lower()
        if service["namespaceId"] != zone["id"] or not service["wire"].get("DnsConfig"):
            continue
        if labels == label:
            records, additional = _service_records(view, service, name, kind, shuffle)
            return Answer(apex, True, records, additional)
        if labels.endswith(f".{label}"):
            instance_label = labels.removesuffix(f".{label}")
            of_instance = _instance_records(view, service, name, instance_label, kind)
            if of_instance is not None:
                return Answer(apex, True, of_instance)
    # If a service's name has several labels, the names between it and its zone exist (RFC 8020).
    return Answer(apex, _is_between(view, zone["id"], labels))


def own_records(apex: str, namespace: NamespaceBody) -> dict[str, str]:
    """The data of a zone's own records, by type; ``apex`` is its name with a dot at its end."""
    soa = f"ns.{apex} hostmaster.{apex} 1 7200 900 1209600 {soa_ttl(namespace)}"
    return {"NS": f"ns.{apex}", "SOA": soa}


def soa_ttl(namespace: NamespaceBody) -> int:
    """Seconds for which a zone's SOA record is good, and that there is nothing of a name."""
    return namespace["wire"]["Properties"]["DnsProperties"]["SOA"]["TTL"]


def _zone(view: Reader, name: str) -> NamespaceBody | None:
    """The DNS namespace with the longest name that ``name`` ends with."""
    zones = {
        d.body["name"].lower(): d.body
        for d in view.list(tables.NAMESPACES)
        if d.body["wire"]["Type"] != "HTTP"
    }
    found = zone_of(name, zones)
    return zones[found] if found is not None else None


def _is_between(view: Reader, namespace: str, labels: str) -> bool:
    return any(
        d.body["name"].lower().endswith(f".{labels}")
        for d in view.list(tables.SD_SERVICES)
        if d.body["namespaceId"] == namespace and d.body["wire"].get("DnsConfig")
    )


def _service_records(
    view: Reader, service: DiscoveryServiceBody, name: str, kind: str, shuffle: Shuffle
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Records and additional records of SERVICE.NAMESPACE."""
    ttls = record_ttls(service)
    # A CNAME answers every question about its name (RFC 1034 3.6.2).
    chosen = "CNAME" if "CNAME" in ttls else kind
    if chosen not in ttls:
        return (), ()
    weighted = service["wire"]["DnsConfig"].get("RoutingPolicy") == "WEIGHTED"
    most = 1 if weighted else MAX_MULTIVALUE_INSTANCES
    instances = shuffle(answerable(view, service))
    if chosen == "SRV":
        instances = [i for i in instances if "AWS_INSTANCE_PORT" in i["attributes"]][:most]
        ports = [(i, i["attributes"]["AWS_INSTANCE_PORT"]) for i in instances]
        records = [
            Record(name, ttls["SRV"], "SRV", f"1 1 {port} {_label(instance)}.{name}.")
            for instance, port in ports
        ]
        additional = [
            record
            for instance in instances
            for record in addresses(instance, f"{_label(instance)}.{name}", "A", ttls["SRV"])
        ]
        return tuple(records), tuple(additional)
    records = [record for i in instances for record in addresses(i, name, chosen, ttls[chosen])]
    return tuple(dict.fromkeys(records))[:most], ()


def _instance_records(
    view: Reader, service: DiscoveryServiceBody, name: str, label: str, kind: str
) -> tuple[Record, ...] | None:
    """Records of INSTANCE.SERVICE.NAMESPACE, which exist for services with SRV records; None if
    there is no such name.
    """
    ttls = record_ttls(service)
    if "SRV" not in ttls:
        return None
    for instance in answerable(view, service):
        if _label(instance) == label:
            if kind not in ("A", "AAAA"):
                return ()
            return addresses(instance, name, kind, ttls["SRV"])
    return None


def _label(instance: InstanceBody) -> str:
    return instance["id"].lower()


def record_ttls(service: DiscoveryServiceBody) -> dict[str, int]:
    """Seconds by record type."""
    return {r["Type"]: r["TTL"] for r in service["wire"]["DnsConfig"]["DnsRecords"]}


def addresses(instance: InstanceBody, name: str, kind: str, ttl: int) -> tuple[Record, ...]:
    """The records of this type that an instance has under ``name``."""
    value = instance["attributes"].get(_ADDRESS[kind]) if kind in _ADDRESS else None
    if not value:
        return ()
    data = f"{value.rstrip('.')}." if kind == "CNAME" else value
    return (Record(name, ttl, kind, data),)


def answerable(view: Reader, service: DiscoveryServiceBody) -> list[InstanceBody]:
    """The instances to answer with."""
    instances = [d.body for d in view.list(tables.INSTANCES, service["id"])]
    staying = [body for body in instances if not body.get("draining")]
    if "HealthCheckCustomConfig" not in service["wire"]:
        return staying
    return [b for b in staying if b.get("health", "HEALTHY") == "HEALTHY"] or staying
