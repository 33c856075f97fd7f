"""The DNS records of Cloud Map's instances, in the wire format, without a socket."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.apis.servicediscovery.dns_server import respond, respond_in_task
from tealmesh.store import Store, tables
from tests.support.planes.ecs import Direct


def namespace(direct: Direct, name: str = "shop.local", kind: str = "private_dns") -> str:
    vpc = {"Vpc": "vpc-1"} if kind == "private_dns" else {}
    made = direct.discovery(f"create_{kind}_namespace", Name=name, **vpc)
    found = direct.discovery("get_operation", OperationId=made["OperationId"])["Operation"]
    return str(found["Targets"]["NAMESPACE"])


def service(direct: Direct, owner: str, *types: str, name: str = "web", **members: Any) -> str:
    records = [{"Type": kind, "TTL": 10} for kind in types]
    config = {"DnsRecords": records, **members.pop("config", {})}
    made = direct.discovery(
        "create_service",
        Name=name,
        NamespaceId=owner,
        DnsConfig=config,
        **{"HealthCheckCustomConfig": {"FailureThreshold": 1}, **members},
    )
    return str(made["Service"]["Id"])


def register(direct: Direct, owner: str, name: str, **attributes: str) -> None:
    direct.discovery("register_instance", ServiceId=owner, InstanceId=name, Attributes=attributes)


def address(direct: Direct, owner: str, name: str, last: int, **more: str) -> None:
    register(direct, owner, name, AWS_INSTANCE_IPV4=f"127.9.0.{last}", **more)


def ask(
    direct: Direct, name: str, kind: str = "A", *, udp: bool = True, **options: Any
) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)
    wire = respond(query.to_wire(), direct.store.view, list, udp=udp)
    assert wire is not None
    answer = dns.message.from_wire(wire)
    assert query.is_response(answer)
    return answer


def data(answer: dns.message.Message) -> list[str]:
    return [str(item) for rrset in answer.answer for item in rrset]


def test_addresses_of_healthy_instances_that_do_not_drain(direct: Direct) -> None:
    web = service(direct, namespace(direct), "A")
    for number, name in enumerate(("one", "two", "three"), 1):
        address(direct, web, name, number)
    direct.discovery(
        "update_instance_custom_health_status", ServiceId=web, InstanceId="two", Status="UNHEALTHY"
    )
    document = direct.store.view.get(tables.INSTANCES, web, "three")
    assert document is not None
    direct.write(tables.INSTANCES, web, "three", body={**document.body, "draining": True})
    answer = ask(direct, "WEB.shop.local")
    assert data(answer) == ["127.9.0.1"]
    assert answer.answer[0].ttl == 10
    assert answer.flags & dns.flags.AA
    direct.discovery("deregister_instance", ServiceId=web, InstanceId="one")
    # As Route 53: when none is healthy all are answered; never one that drains.
    assert data(ask(direct, "web.shop.local")) == ["127.9.0.2"]


def test_services_with_ports(direct: Direct) -> None:
    web = service(direct, namespace(direct), "SRV")
    address(direct, web, "one", 1, AWS_INSTANCE_PORT="8080")
    answer = ask(direct, "web.shop.local", "SRV")
    assert data(answer) == ["1 1 8080 one.web.shop.local."]
    assert [str(item) for item in answer.additional[0]] == ["127.9.0.1"]
    assert data(ask(direct, "one.web.shop.local")) == ["127.9.0.1"]
    assert ask(direct, "two.web.shop.local").rcode() == dns.rcode.NXDOMAIN
    assert data(ask(direct, "web.shop.local", "A")) == []


def test_other_records(direct: Direct) -> None:
    owner = namespace(direct)
    six = service(direct, owner, "AAAA", name="six")
    register(direct, six, "one", AWS_INSTANCE_IPV6="::7f09")
    assert data(ask(direct, "six.shop.local", "AAAA")) == ["::7f09"]
    alias = service(direct, owner, "CNAME", name="alias", config={"RoutingPolicy": "WEIGHTED"})
    register(direct, alias, "one", AWS_INSTANCE_CNAME="example.com")
    assert data(ask(direct, "alias.shop.local")) == ["example.com."]
    assert data(ask(direct, "shop.local", "SOA"))[0].startswith("ns.shop.local. hostmaster.")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("shop.local", "NOERROR"),
        ("web.shop.local", "NOERROR"),
        ("api.shop.local", "NOERROR"),
        ("nothing.shop.local", "NXDOMAIN"),
        ("x.web.shop.local", "NXDOMAIN"),
        ("example.com", "REFUSED"),
        ("web.http", "REFUSED"),
        (".", "REFUSED"),
    ],
)
def test_names_without_records(direct: Direct, name: str, code: str) -> None:
    owner = namespace(direct)
    service(direct, owner, "A")
    service(direct, owner, "A", name="v1.api")
    namespace(direct, "http", "http")
    answer = ask(direct, name)
    assert dns.rcode.to_text(answer.rcode()) == code
    assert answer.answer == []
    # For how long there is nothing; a question that is refused has no such thing.
    assert bool(answer.authority) == (code != "REFUSED")


def test_the_policies_and_what_does_not_fit(direct: Direct) -> None:
    owner = namespace(direct)
    many = service(direct, owner, "A", name="many")
    one = service(direct, owner, "A", name="one", config={"RoutingPolicy": "WEIGHTED"})
    long = service(direct, owner, "SRV", name="long")
    for number in range(12):
        address(direct, many, f"i{number}", number)
        address(direct, one, f"i{number}", number)
        address(direct, long, f"{'i' * 60}{number}", number, AWS_INSTANCE_PORT="1")
    assert len(data(ask(direct, "many.shop.local"))) == 8
    assert len(data(ask(direct, "one.shop.local"))) == 1
    cut = ask(direct, "long.shop.local", "SRV")
    assert cut.flags & dns.flags.TC
    assert len(cut.to_wire()) <= 512
    whole = ask(direct, "long.shop.local", "SRV", udp=False)
    assert len(data(whole)) == 8
    assert not whole.flags & dns.flags.TC
    assert len(data(ask(direct, "long.shop.local", "SRV", use_edns=0, payload=4096))) == 8


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(tmp_path_factory.mktemp("dns") / "state.db")


@given(wire=st.binary(max_size=80))
def test_whatever_comes_is_answered_or_left(empty: Store, wire: bytes) -> None:
    answer = respond(wire, empty.view, list, udp=True)
    assert answer is None or answer[:2] == wire[:2]


def test_an_answer_is_not_answered(direct: Direct) -> None:
    answer = ask(direct, "example.com")
    assert respond(answer.to_wire(), direct.store.view, list, udp=True) is None


def test_what_a_task_is_told(direct: Direct) -> None:
    """Names of the mesh before Cloud Map's; None for questions to another server."""
    owner = namespace(direct)
    address(direct, service(direct, owner, "A", "SRV"), "i-1", 7, AWS_INSTANCE_PORT="80")
    address(direct, service(direct, owner, "A", name="other"), "i-2", 8)

    def told(name: str, kind: str = "A") -> list[str] | None:
        query = dns.message.make_query(name, kind).to_wire()
        fixed = {"web.shop.local": "198.18.0.1", "plain": "198.18.0.1"}
        wire = respond_in_task(query, direct.store.view, fixed, udp=True)
        if wire is None:
            return None
        answer = dns.message.from_wire(wire)
        missing = answer.rcode() == dns.rcode.NXDOMAIN
        return ["NXDOMAIN"] if missing else [str(record) for r in answer.answer for record in r]

    assert told("Web.Shop.local") == ["198.18.0.1"]
    assert told("web.shop.local", "AAAA") == []
    assert told("web.shop.local", "SRV") == ["1 1 80 i-1.web.shop.local."]
    assert (told("plain"), told("plain", "HTTPS")) == (["198.18.0.1"], [])
    assert told("other.shop.local") == ["127.9.0.8"]
    assert told("none.shop.local") == ["NXDOMAIN"]
    assert told("example.com") is None
