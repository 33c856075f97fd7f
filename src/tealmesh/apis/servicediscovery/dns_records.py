"""The DNS records of Cloud Map's namespaces: what Route 53 would answer inside their VPC. Pure.

SERVICE.NAMESPACE has the records of the service's ``DnsRecords``: A, AAAA and CNAME from the
instances' addresses, SRV to INSTANCE.SERVICE.NAMESPACE, which has the address. HTTP namespaces have
none. Instances that drain are never answered; unhealthy ones only when none is healthy, as
Route 53 does.
https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsConfig.html
https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsRecord.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tealmesh.store import Transaction, View, tables

Shuffle = Callable[[Sequence[Mapping[str, Any]]], list[Mapping[str, Any]]]
"""The same instances in another order; random in life, any in tests."""

_MOST = 8
"""Instances in an answer by the routing policy MULTIVALUE."""

_ADDRESS = {
    "A": "AWS_INSTANCE_IPV4",
    "AAAA": "AWS_INSTANCE_IPV6",
    "CNAME": "AWS_INSTANCE_CNAME",
}


@dataclass(frozen=True)
class Record:
    """One record of an answer; ``data`` as in a zone file. ``ttl`` in seconds."""

    name: str
    ttl: int
    kind: str
    data: str


@dataclass(frozen=True)
class Answer:
    """``zone`` is empty when no namespace has the name: such a question is not ours. ``exists``:
    whether there is such a name, be it with records of another type only.
    """

    zone: str = ""
    exists: bool = False
    soa_ttl: int = 0
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


def answer(view: View | Transaction, name: str, kind: str, shuffle: Shuffle) -> Answer:
    """The answer to a question: ``name`` without the last dot in lower case, ``kind`` as ``A``."""
    zone = _zone(view, name)
    if zone is None:
        return Answer()
    apex, wire = zone["name"].lower(), zone["wire"]
    soa_ttl = int(wire["Properties"]["DnsProperties"]["SOA"]["TTL"])
    if name == apex:
        own = {
            "SOA": f"ns.{apex}. hostmaster.{apex}. 1 7200 900 1209600 {soa_ttl}",
            "NS": f"ns.{apex}.",
        }
        found = (Record(apex, soa_ttl, kind, own[kind]),) if kind in own else ()
        return Answer(apex, True, soa_ttl, found)
    labels = name.removesuffix(f".{apex}")
    for document in view.list(tables.SD_SERVICES):
        service = document.body
        label = service["name"].lower()
        config = service["wire"].get("DnsConfig")
        if service["namespaceId"] != zone["id"] or not config:
            continue
        if labels == label:
            records, more = _service(view, service, name, kind, shuffle)
            return Answer(apex, True, soa_ttl, records, more)
        if labels.endswith(f".{label}"):
            of_instance = _instance(view, service, name, labels.removesuffix(f".{label}"), kind)
            if of_instance is not None:
                return Answer(apex, True, soa_ttl, of_instance)
    # The labels between a service's name of several and its zone exist too (RFC 8020).
    return Answer(apex, _is_between(view, zone["id"], labels), soa_ttl)


def _zone(view: View | Transaction, name: str) -> Mapping[str, Any] | None:
    """The namespace with the longest name that fits."""
    fitting = [
        d.body
        for d in view.list(tables.NAMESPACES)
        if d.body["wire"]["Type"] != "HTTP"
        and (name == d.body["name"].lower() or name.endswith(f".{d.body['name'].lower()}"))
    ]
    return max(fitting, key=lambda body: len(body["name"]), default=None)


def _is_between(view: View | Transaction, namespace: str, labels: str) -> bool:
    return any(
        d.body["name"].lower().endswith(f".{labels}")
        for d in view.list(tables.SD_SERVICES)
        if d.body["namespaceId"] == namespace and d.body["wire"].get("DnsConfig")
    )


def _service(
    view: View | Transaction, service: Mapping[str, Any], name: str, kind: str, shuffle: Shuffle
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    ttls = _ttls(service)
    # A CNAME is the answer to every question about its name (RFC 1034 3.6.2).
    chosen = "CNAME" if "CNAME" in ttls else kind
    if chosen not in ttls:
        return (), ()
    most = 1 if service["wire"]["DnsConfig"].get("RoutingPolicy") == "WEIGHTED" else _MOST
    instances = shuffle(_answerable(view, service))
    if chosen == "SRV":
        instances = [i for i in instances if "AWS_INSTANCE_PORT" in i["attributes"]][:most]
        records = tuple(
            Record(name, ttls["SRV"], "SRV", f"1 1 {port} {_label(instance)}.{name}.")
            for instance in instances
            for port in [instance["attributes"]["AWS_INSTANCE_PORT"]]
        )
        more = [_addresses(i, f"{_label(i)}.{name}", "A", ttls["SRV"]) for i in instances]
        return records, tuple(record for found in more for record in found)
    found = [record for i in instances for record in _addresses(i, name, chosen, ttls[chosen])]
    return tuple(dict.fromkeys(found))[:most], ()


def _instance(
    view: View | Transaction, service: Mapping[str, Any], name: str, label: str, kind: str
) -> tuple[Record, ...] | None:
    """Records of INSTANCE.SERVICE.NAMESPACE, which services with SRV records have; None where
    there is no such name.
    """
    ttls = _ttls(service)
    if "SRV" not in ttls:
        return None
    for instance in _answerable(view, service):
        if _label(instance) == label:
            if kind not in ("A", "AAAA"):
                return ()
            return _addresses(instance, name, kind, ttls["SRV"])
    return None


def _label(instance: Mapping[str, Any]) -> str:
    return str(instance["id"]).lower()


def _ttls(service: Mapping[str, Any]) -> dict[str, int]:
    return {r["Type"]: int(r["TTL"]) for r in service["wire"]["DnsConfig"]["DnsRecords"]}


def _addresses(instance: Mapping[str, Any], name: str, kind: str, ttl: int) -> tuple[Record, ...]:
    value = instance["attributes"].get(_ADDRESS[kind]) if kind in _ADDRESS else None
    if not value:
        return ()
    data = f"{value.rstrip('.')}." if kind == "CNAME" else value
    return (Record(name, ttl, kind, data),)


def _answerable(view: View | Transaction, service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    present = [d.body for d in view.list(tables.INSTANCES, service["id"])]
    taking = [body for body in present if not body.get("draining")]
    if "HealthCheckCustomConfig" not in service["wire"]:
        return taking
    return [b for b in taking if b.get("health", "HEALTHY") == "HEALTHY"] or taking
