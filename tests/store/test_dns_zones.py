"""What Envoys of a node found by DNS get is what our name server answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tealmesh.apis.servicediscovery.dns_records import answer
from tealmesh.model.cloudmap import Location, locate, zone_of
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.snapshot import dns_zones

RECORDS = (("A",), ("AAAA",), ("A", "AAAA"), ("SRV",), ("A", "SRV"), ())
NAMESPACES = (("d.local", "DNS_PRIVATE"), ("Local", "DNS_PUBLIC"), ("http.local", "HTTP"))

INSTANCE = st.fixed_dictionaries(
    {"health": st.sampled_from(("HEALTHY", "UNHEALTHY")), "draining": st.booleans()}
)
SERVICE = st.fixed_dictionaries(
    {
        "namespace": st.sampled_from(range(len(NAMESPACES))),
        "records": st.sampled_from(RECORDS),
        "checked": st.booleans(),
        "instances": st.lists(INSTANCE, max_size=4),
    }
)
NAMES = ("web", "Web.d", "b.web", "shop")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(tmp_path_factory.mktemp("zones") / "state.db")


def write(store: Store, services: dict[str, Any]) -> None:
    """Let the store have these services of Cloud Map and no others."""

    def change(tx: Transaction) -> None:
        for collection in (tables.NAMESPACES, tables.SD_SERVICES, tables.INSTANCES):
            for document in tx.list(collection):
                tx.delete(collection, *document.key.split("/"))
        for number, (name, kind) in enumerate(NAMESPACES):
            wire = {"Type": kind, "Properties": {"DnsProperties": {"SOA": {"TTL": 15}}}}
            namespace: Any = {"id": f"ns-{number}", "name": name, "wire": wire}
            tx.put(tables.NAMESPACES, f"ns-{number}", body=namespace)
        for number, (name, one) in enumerate(services.items()):
            _service(tx, f"srv-{number}", name, one)

    asyncio.run(store.write("test", "test", change))


def _service(tx: Transaction, identity: str, name: str, one: Any) -> None:
    records = [{"Type": kind, "TTL": 10} for kind in one["records"]]
    wire: dict[str, Any] = {"DnsConfig": {"RoutingPolicy": "MULTIVALUE", "DnsRecords": records}}
    if one["checked"]:
        wire["HealthCheckCustomConfig"] = {}
    owner = f"ns-{one['namespace']}"
    body: Any = {"id": identity, "name": name, "namespaceId": owner, "wire": wire}
    tx.put(tables.SD_SERVICES, identity, body=body)
    for number, state in enumerate(one["instances"]):
        attributes = {
            "AWS_INSTANCE_IPV4": f"10.0.{identity[4:]}.{number}",
            "AWS_INSTANCE_IPV6": f"fd00::{identity[4:]}:{number}",
            "AWS_INSTANCE_PORT": "80",
        }
        instance: Any = {"id": f"I-{number}", "serviceId": identity, "attributes": attributes}
        tx.put(tables.INSTANCES, identity, f"I-{number}", body={**instance, **state})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    services=st.dictionaries(st.sampled_from(NAMES), SERVICE),
    name=st.sampled_from(
        [f"{name}.{zone}" for name in (*NAMES, "i-0.web") for zone, _ in NAMESPACES]
    ),
)
def test_endpoints_are_what_dns_answers(store: Store, services: Any, name: str) -> None:
    write(store, services)
    zones = dns_zones(store.view)
    for kind, family in (("A", "AWS_INSTANCE_IPV4"), ("AAAA", "AWS_INSTANCE_IPV6")):
        said = answer(store.view, name.lower(), kind, list)
        found = locate(zones, f"{name}.", [family])  # type: ignore[list-item]
        assert found.hostname is None
        assert said.zone
        reached = {
            dict(one.attributes)[family]
            for one in found.instances
            if one.healthy and not one.draining
        }
        assert reached == {record.data for record in said.records}


def test_names_outside_are_left_as_they_are() -> None:
    zones: Any = {"d.local": {}}
    assert locate(zones, "Other.Local.", ["AWS_INSTANCE_IPV4"]) == Location("Other.Local.")
    assert locate(zones, "xd.local", ["AWS_INSTANCE_IPV4"]) == Location("xd.local")
    assert locate(zones, "d.local", ["AWS_INSTANCE_IPV4"]) == Location()


def test_the_longest_zone_counts() -> None:
    zones = ("local", "d.local")
    assert zone_of("a.b.d.local", zones) == "d.local"
    assert zone_of("a.e.local", zones) == "local"
    assert zone_of("a.b", zones) is None
