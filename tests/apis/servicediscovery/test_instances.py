"""Instances: registered, discovered, healthy or not, draining."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tealmesh.model.errors import AwsError
from tealmesh.store import Transaction, instances, tables
from tests.support.drills import examples
from tests.support.planes.ecs import Direct, Endpoint, endpoint

FOUND_BY = {"NamespaceName": "web.local", "ServiceName": "shop"}


def make(direct: Direct, **request: Any) -> str:
    operation = direct.discovery("create_private_dns_namespace", Name="web.local", Vpc="vpc-1")
    done = direct.discovery("get_operation", **operation)["Operation"]
    sent = {"Name": "shop", "NamespaceId": done["Targets"]["NAMESPACE"], **request}
    return str(direct.discovery("create_service", **sent)["Service"]["Id"])


def register(direct: Direct, service: str, identity: str, **attributes: str) -> None:
    direct.discovery(
        "register_instance", ServiceId=service, InstanceId=identity, Attributes=attributes
    )


def drain(direct: Direct, service: str, identity: str) -> None:
    """Mark an instance as the engine does before it stops the task."""

    def change(tx: Transaction) -> None:
        if (present := tx.get(tables.INSTANCES, service, identity)) is not None:
            instances.put(tx, {**present.body, "draining": True})

    asyncio.run(direct.store.write("engine", "test", change))


def discovered(direct: Direct, **request: Any) -> list[str]:
    answer = direct.discovery("discover_instances", **FOUND_BY, **request)
    return [instance["InstanceId"] for instance in answer["Instances"]]


def test_an_instance_over_http(tmp_path: Path) -> None:
    with endpoint(tmp_path) as served:
        _check_over_http(served)


def _check_over_http(served: Endpoint) -> None:
    discovery = served.client("servicediscovery")
    discovery.create_http_namespace(Name="web.local")
    (owner,) = discovery.list_namespaces()["Namespaces"]
    service = discovery.create_service(Name="shop", NamespaceId=owner["Id"])["Service"]["Id"]
    named = {"ServiceId": service, "InstanceId": "i-1"}
    attributes = {"AWS_INSTANCE_IPV4": "10.0.0.1", "stage": "one"}
    identity = discovery.register_instance(**named, Attributes=attributes)["OperationId"]
    operation = discovery.get_operation(OperationId=identity)["Operation"]
    assert operation["Targets"] == {"SERVICE": service, "INSTANCE": "i-1"}
    found = discovery.get_instance(**named)["Instance"]
    assert (found["Id"], found["Attributes"]) == ("i-1", attributes)
    answer = discovery.discover_instances(**FOUND_BY, QueryParameters={"stage": "one"})
    (instance,) = answer["Instances"]
    assert instance == {
        "InstanceId": "i-1",
        "NamespaceName": "web.local",
        "ServiceName": "shop",
        "HealthStatus": "UNKNOWN",
        "Attributes": attributes,
    }
    revision = discovery.discover_instances_revision(**FOUND_BY)["InstancesRevision"]
    assert revision == answer["InstancesRevision"]
    status = discovery.get_instances_health_status(ServiceId=service)["Status"]
    assert status == {"i-1": "UNKNOWN"}
    cli = served.aws(
        "servicediscovery",
        "discover-instances",
        "--namespace-name=web.local",
        "--service-name=shop",
    )
    assert cli["Instances"] == [instance]
    discovery.deregister_instance(**named)
    assert discovery.list_instances(ServiceId=service)["Instances"] == []
    with pytest.raises(discovery.exceptions.InstanceNotFound):
        discovery.get_instance(**named)
    with pytest.raises(discovery.exceptions.InstanceNotFound):
        discovery.deregister_instance(**named)


def test_registering_again_replaces_the_attributes(direct: Direct) -> None:
    service = make(direct)
    register(direct, service, "i", a="1", b="2")
    register(direct, service, "i", a="3")
    answer = direct.discovery("list_instances", ServiceId=service)
    assert [i["Attributes"] for i in answer["Instances"]] == [{"a": "3"}]
    assert direct.discovery("get_service", Id=service)["Service"]["InstanceCount"] == 1


@pytest.mark.parametrize(
    ("records", "attributes", "text"),
    [
        (["A"], {}, "AWS_INSTANCE_IPV4 is needed"),
        (["AAAA"], {"AWS_INSTANCE_IPV4": "10.0.0.1"}, "AWS_INSTANCE_IPV6 is needed"),
        (["A", "SRV"], {"AWS_INSTANCE_IPV4": "10.0.0.1"}, "AWS_INSTANCE_PORT is needed"),
        (["A"], {"AWS_INSTANCE_IPV4": "10.0.0.300"}, "must be an IPv4 address"),
        (["A"], {"AWS_INSTANCE_IPV4": "::1"}, "must be an IPv4 address"),
        ([], {"AWS_INSTANCE_PORT": "70000"}, "must be 0 to 65535"),
        ([], {"AWS_INSTANCE_PORT": "http"}, "must be 0 to 65535"),
        ([], {"AWS_INIT_HEALTH_STATUS": "HEALTHY"}, "needs a service with HealthCheckCustom"),
        ([], {f"k{n}": "" for n in range(31)}, "at most 30"),
    ],
)
def test_attributes_that_do_not_serve(
    direct: Direct, records: list[str], attributes: dict[str, str], text: str
) -> None:
    dns = {"DnsRecords": [{"Type": kind, "TTL": 1} for kind in records]}
    service = make(direct, **({"DnsConfig": dns} if records else {}))
    with pytest.raises(AwsError, match=text) as caught:
        register(direct, service, "i", **attributes)
    assert caught.value.code == "InvalidInput"


def test_custom_health(direct: Direct) -> None:
    service = make(direct, HealthCheckCustomConfig={"FailureThreshold": 1})
    register(direct, service, "born-sick", AWS_INIT_HEALTH_STATUS="UNHEALTHY")
    register(direct, service, "well")
    with pytest.raises(AwsError, match="HEALTHY or UNHEALTHY"):
        register(direct, service, "i", AWS_INIT_HEALTH_STATUS="SICK")
    assert discovered(direct) == ["well"]
    assert discovered(direct, HealthStatus="UNHEALTHY") == ["born-sick"]
    assert discovered(direct, HealthStatus="ALL") == ["born-sick", "well"]
    direct.discovery(
        "update_instance_custom_health_status",
        ServiceId=service,
        InstanceId="well",
        Status="UNHEALTHY",
    )
    assert discovered(direct, HealthStatus="HEALTHY") == []
    assert discovered(direct) == ["born-sick", "well"]  # none is healthy: fails open
    status = direct.discovery("get_instances_health_status", ServiceId=service)["Status"]
    assert status == {"born-sick": "UNHEALTHY", "well": "UNHEALTHY"}
    with pytest.raises(AwsError) as caught:
        direct.discovery("get_instances_health_status", ServiceId=service, Instances=["gone"])
    assert caught.value.code == "InstanceNotFound"


def test_custom_health_needs_a_custom_check(direct: Direct) -> None:
    service = make(direct)
    register(direct, service, "i")
    request = {"ServiceId": service, "InstanceId": "i", "Status": "UNHEALTHY"}
    with pytest.raises(AwsError, match="isn't a custom health check") as caught:
        direct.discovery("update_instance_custom_health_status", **request)
    assert caught.value.code == "CustomHealthNotFound"
    # Without a check every filter answers all.
    assert discovered(direct, HealthStatus="UNHEALTHY") == ["i"]


def test_names_that_are_missing(direct: Direct) -> None:
    make(direct)
    for changed, code in (
        ({"NamespaceName": "gone"}, "NamespaceNotFound"),
        ({"ServiceName": "gone"}, "ServiceNotFound"),
        ({"OwnerAccount": "999999999999"}, "NamespaceNotFound"),
    ):
        for operation in ("discover_instances", "discover_instances_revision"):
            with pytest.raises(AwsError, match="can't be found") as caught:
                direct.discovery(operation, **{**FOUND_BY, **changed})
            assert caught.value.code == code


def test_a_draining_instance_is_registered_but_not_discovered(direct: Direct) -> None:
    service = make(direct)
    register(direct, service, "i")
    before = direct.discovery("discover_instances_revision", **FOUND_BY)["InstancesRevision"]
    drain(direct, service, "i")
    assert discovered(direct, HealthStatus="ALL") == []
    assert len(direct.discovery("list_instances", ServiceId=service)["Instances"]) == 1
    after = direct.discovery("discover_instances_revision", **FOUND_BY)["InstancesRevision"]
    assert after > before


STEP = st.one_of(
    st.tuples(st.just("register"), st.sampled_from("ij"), st.sampled_from("12")),
    st.tuples(st.sampled_from(["deregister", "drain", "sick", "well"]), st.sampled_from("ij")),
    st.tuples(st.sampled_from(["elsewhere", "restart"])),
)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(STEP, max_size=12))
@example([("register", "i", "1"), ("drain", "i"), ("restart",), ("deregister", "i")])
@example([("register", "i", "1"), ("sick", "i"), ("restart",), ("register", "i", "1")])
def test_the_revision_rises_when_instances_come_and_go(steps: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        direct = Direct(Path(directory) / "state.db")
        service, other = make(direct, HealthCheckCustomConfig={}), 0
        register(direct, service, "first")
        before, number = _seen(direct)
        for what, *given in steps:
            if what == "register":
                register(direct, service, given[0], a=given[1])
            elif what == "elsewhere":
                direct.ecs("create_cluster", clusterName=f"c{(other := other + 1)}")
            elif what == "restart":
                direct.store.close()
                direct = Direct(Path(directory) / "state.db")
            else:
                with contextlib.suppress(AwsError):  # nothing is registered by that name
                    _done(direct, service, what, given[0])
            after, now = _seen(direct)
            assert now > number if after != before else now == number
            before, number = after, now
        direct.store.close()


def _done(direct: Direct, service: str, what: str, identity: str) -> None:
    named = {"ServiceId": service, "InstanceId": identity}
    if what == "deregister":
        direct.discovery("deregister_instance", **named)
    elif what == "drain":
        drain(direct, service, identity)
    else:
        status = "UNHEALTHY" if what == "sick" else "HEALTHY"
        direct.discovery("update_instance_custom_health_status", **named, Status=status)


def _seen(direct: Direct) -> tuple[dict[str, object], int]:
    """The instances that are discovered, with their attributes, and the number that says so."""
    answer = direct.discovery("discover_instances", **FOUND_BY, HealthStatus="ALL")
    asked = direct.discovery("discover_instances_revision", **FOUND_BY)
    assert asked["InstancesRevision"] == answer["InstancesRevision"]
    found = {one["InstanceId"]: one["Attributes"] for one in answer["Instances"]}
    return found, int(answer["InstancesRevision"])


def test_the_revision_of_a_store_of_an_earlier_version_does_not_go_back(tmp_path: Path) -> None:
    direct = Direct(tmp_path / "state.db")
    service = make(direct)
    register(direct, service, "i")
    _, number = _seen(direct)
    asyncio.run(direct.store.write("engine", "test", lambda tx: instances.forget(tx, service)))
    direct.store.close()
    direct = Direct(tmp_path / "state.db")
    _, kept = _seen(direct)
    register(direct, service, "j")
    _, after = _seen(direct)
    direct.store.close()
    assert number <= kept < after


ATTRIBUTES = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))
INSTANCES = st.lists(st.tuples(ATTRIBUTES, st.booleans(), st.booleans()), max_size=6)
STATUS = st.sampled_from([None, "HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL"])


@settings(max_examples=examples(60), deadline=None)
@given(INSTANCES, ATTRIBUTES, ATTRIBUTES, STATUS, st.integers(1, 8))
def test_discovery_narrows_as_cloud_map_says(
    instances: list[tuple[dict[str, str], bool, bool]],
    query: dict[str, str],
    optional: dict[str, str],
    status: str | None,
    limit: int,
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        direct = Direct(Path(directory) / "state.db")
        service = make(direct, HealthCheckCustomConfig={})
        for number, (attributes, healthy, draining) in enumerate(instances):
            body = {
                "id": f"i{number}",
                "serviceId": service,
                "attributes": attributes,
                "health": "HEALTHY" if healthy else "UNHEALTHY",
                "draining": draining,
            }
            direct.write(tables.INSTANCES, service, f"i{number}", body=body)
        request: dict[str, Any] = {"QueryParameters": query, "OptionalParameters": optional}
        if status is not None:
            request["HealthStatus"] = status
        found = discovered(direct, **request, MaxResults=limit)
        direct.store.close()
    rows = [(f"i{n}", a, h) for n, (a, h, d) in enumerate(instances) if not d]
    rows = [row for row in rows if query.items() <= row[1].items()]
    rows = [row for row in rows if optional.items() <= row[1].items()] or rows
    healthy_rows = [row for row in rows if row[2]]
    expected = {
        "ALL": rows,
        "HEALTHY": healthy_rows,
        "UNHEALTHY": [row for row in rows if not row[2]],
    }.get(status or "", healthy_rows or rows)
    assert found == [row[0] for row in expected[:limit]]


def test_instances_and_health_come_in_pages(direct: Direct) -> None:
    service = make(direct)
    for number in range(5):
        register(direct, service, f"i{number}")
    for operation, member in (
        ("list_instances", "Instances"),
        ("get_instances_health_status", "Status"),
    ):
        sizes, token = [], None
        while True:
            more = {"NextToken": token} if token else {}
            answer = direct.discovery(operation, ServiceId=service, MaxResults=2, **more)
            sizes.append(len(answer[member]))
            token = answer.get("NextToken")
            if token is None:
                break
        assert sizes == [2, 2, 1]
        with pytest.raises(AwsError, match="NextToken"):
            direct.discovery(operation, ServiceId=service, NextToken="x")
