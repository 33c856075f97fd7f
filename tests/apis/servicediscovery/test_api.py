"""Cloud Map: namespaces, services, operations and tags, through boto3 and directly."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import Direct, Endpoint

DNS = {"DnsRecords": [{"Type": "A", "TTL": 10}]}


def namespace(direct: Direct, kind: str = "private_dns", **request: Any) -> str:
    sent = {"Name": "web.local", **({"Vpc": "vpc-1"} if kind == "private_dns" else {}), **request}
    operation = direct.discovery(f"create_{kind}_namespace", **sent)
    done = direct.discovery("get_operation", **operation)["Operation"]
    return str(done["Targets"]["NAMESPACE"])


def service(direct: Direct, owner: str, **request: Any) -> dict[str, Any]:
    sent = {"Name": "shop", "NamespaceId": owner, **request}
    found: dict[str, Any] = direct.discovery("create_service", **sent)["Service"]
    return found


@pytest.mark.parametrize(
    ("kind", "wire"),
    [("http", "HTTP"), ("private_dns", "DNS_PRIVATE"), ("public_dns", "DNS_PUBLIC")],
)
def test_namespaces_are_made_by_operations_that_succeed(
    served: Endpoint, kind: str, wire: str
) -> None:
    discovery = served.client("servicediscovery")
    create = getattr(discovery, f"create_{kind}_namespace")
    vpc = {"Vpc": "vpc-1"} if kind == "private_dns" else {}
    identity = create(Name="web.local", Description="shops", **vpc)["OperationId"]
    operation = discovery.get_operation(OperationId=identity)["Operation"]
    assert (operation["Type"], operation["Status"]) == ("CREATE_NAMESPACE", "SUCCESS")
    found = discovery.get_namespace(Id=operation["Targets"]["NAMESPACE"])["Namespace"]
    assert (
        found["Arn"] == f"arn:aws:servicediscovery:us-east-1:123456789012:namespace/{found['Id']}"
    )
    assert (found["Name"], found["Type"], found["Description"]) == ("web.local", wire, "shops")
    assert found["ServiceCount"] == 0
    assert found["Properties"]["HttpProperties"]["HttpName"] == "web.local"
    if kind == "http":
        assert found["Properties"]["DnsProperties"] == {"SOA": {}}
    else:
        assert found["Properties"]["DnsProperties"]["HostedZoneId"].startswith("Z")
        assert found["Properties"]["DnsProperties"]["SOA"] == {"TTL": 15}
    assert discovery.get_namespace(Id=found["Arn"])["Namespace"] == found


def test_a_namespace_is_made_once_by_name_and_by_request_id(direct: Direct) -> None:
    sent = {"Name": "web.local", "Vpc": "vpc-1", "CreatorRequestId": "r1"}
    first = direct.discovery("create_private_dns_namespace", **sent)
    assert direct.discovery("create_private_dns_namespace", **sent) == first
    for operation, request in (
        ("create_private_dns_namespace", {**sent, "Vpc": "vpc-2"}),
        ("create_private_dns_namespace", {**sent, "CreatorRequestId": "r2"}),
        ("create_http_namespace", {"Name": "web.local"}),
    ):
        with pytest.raises(AwsError, match="already exists") as caught:
            direct.discovery(operation, **request)
        assert caught.value.code == "NamespaceAlreadyExists"
        assert caught.value.members["NamespaceId"].startswith("ns-")
        assert caught.value.members["CreatorRequestId"] == "r1"


def test_a_namespace_changes(direct: Direct) -> None:
    identity = namespace(direct)
    soa = {"DnsProperties": {"SOA": {"TTL": 60}}}
    operation = direct.discovery(
        "update_private_dns_namespace",
        Id=identity,
        Namespace={"Description": "new", "Properties": soa},
    )
    done = direct.discovery("get_operation", **operation)["Operation"]
    assert (done["Type"], done["Targets"]) == ("UPDATE_NAMESPACE", {"NAMESPACE": identity})
    found = direct.discovery("get_namespace", Id=identity)["Namespace"]
    assert found["Description"] == "new"
    assert found["Properties"]["DnsProperties"]["SOA"] == {"TTL": 60}
    assert found["Properties"]["DnsProperties"]["HostedZoneId"].startswith("Z")
    with pytest.raises(AwsError, match="has the type DNS_PRIVATE"):
        direct.discovery("update_http_namespace", Id=identity, Namespace={"Description": "x"})


def test_what_is_in_use_is_not_deleted(direct: Direct) -> None:
    identity = namespace(direct)
    made = service(direct, identity, DnsConfig=DNS)
    with pytest.raises(AwsError, match="1 services \\(shop\\)") as caught:
        direct.discovery("delete_namespace", Id=identity)
    assert caught.value.code == "ResourceInUse"
    address = {"AWS_INSTANCE_IPV4": "10.0.0.1"}
    named = {"ServiceId": made["Id"], "InstanceId": "i1"}
    direct.discovery("register_instance", **named, Attributes=address)
    with pytest.raises(AwsError, match="contains registered instances") as caught:
        direct.discovery("delete_service", Id=made["Id"])
    assert caught.value.code == "ResourceInUse"
    direct.discovery("deregister_instance", **named)
    direct.discovery("delete_service", Id=made["Arn"])
    operation = direct.discovery("delete_namespace", Id=identity)
    done = direct.discovery("get_operation", **operation)["Operation"]
    assert (done["Type"], done["Status"]) == ("DELETE_NAMESPACE", "SUCCESS")
    for name, code in (("namespace", "NamespaceNotFound"), ("service", "ServiceNotFound")):
        with pytest.raises(AwsError) as caught:
            direct.discovery(f"get_{name}", Id=identity if name == "namespace" else made["Id"])
        assert caught.value.code == code


def test_a_service_is_described_as_it_was_created(served: Endpoint) -> None:
    discovery = served.client("servicediscovery")
    operation = discovery.create_private_dns_namespace(Name="web.local", Vpc="vpc-1")
    done = discovery.get_operation(OperationId=operation["OperationId"])["Operation"]
    owner = done["Targets"]["NAMESPACE"]
    made = discovery.create_service(
        Name="shop",
        DnsConfig={"NamespaceId": owner, **DNS},  # as Terraform says it
        HealthCheckCustomConfig={"FailureThreshold": 1},
        Description="the shop",
        Tags=[{"Key": "a", "Value": "b"}],
    )["Service"]
    assert made["Arn"] == f"arn:aws:servicediscovery:us-east-1:123456789012:service/{made['Id']}"
    assert (made["Type"], made["NamespaceId"], made["InstanceCount"]) == ("DNS_HTTP", owner, 0)
    assert made["DnsConfig"] == {"NamespaceId": owner, "RoutingPolicy": "MULTIVALUE", **DNS}
    assert made["HealthCheckCustomConfig"] == {"FailureThreshold": 1}
    assert discovery.get_service(Id=made["Id"])["Service"] == made
    assert discovery.get_service(Id=made["Arn"])["Service"] == made
    assert discovery.get_namespace(Id=owner)["Namespace"]["ServiceCount"] == 1
    tags = discovery.list_tags_for_resource(ResourceARN=made["Arn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_a_service_is_made_once_by_name_and_by_request_id(direct: Direct) -> None:
    owner = namespace(direct)
    first = service(direct, owner, CreatorRequestId="r")
    assert service(direct, owner, CreatorRequestId="r") == first
    for request in ({"CreatorRequestId": "r", "Description": "x"}, {}, {"Name": "SHOP"}):
        with pytest.raises(AwsError, match="already exists") as caught:
            service(direct, owner, **request)
        assert caught.value.members["ServiceId"] == first["Id"]
    other = namespace(direct, "http", Name="other")
    assert service(direct, other)["Id"] != first["Id"]


@pytest.mark.parametrize(
    ("kind", "request_", "text"),
    [
        ("http", {"DnsConfig": DNS}, "type HTTP has no DNS records"),
        ("private_dns", {"DnsConfig": DNS, "Type": "HTTP"}, "type HTTP has no DNS records"),
        ("private_dns", {"HealthCheckConfig": {"Type": "TCP"}}, "use HealthCheckCustomConfig"),
        (
            "public_dns",
            {"HealthCheckConfig": {"Type": "TCP"}, "HealthCheckCustomConfig": {}},
            "must not both be given",
        ),
        ("private_dns", {"DnsConfig": {"DnsRecords": DNS["DnsRecords"] * 2}}, "each type once"),
        (
            "private_dns",
            {"DnsConfig": {"DnsRecords": [{"Type": "CNAME", "TTL": 1}]}},
            "needs RoutingPolicy WEIGHTED",
        ),
        (
            "private_dns",
            {
                "DnsConfig": {
                    "RoutingPolicy": "WEIGHTED",
                    "DnsRecords": [*DNS["DnsRecords"], {"Type": "CNAME", "TTL": 1}],
                }
            },
            "allows no other record",
        ),
        ("private_dns", {"NamespaceId": ""}, "NamespaceId"),
    ],
)
def test_a_wrong_service_is_refused(
    direct: Direct, kind: str, request_: dict[str, Any], text: str
) -> None:
    owner = namespace(direct, kind)
    with pytest.raises(AwsError, match=text) as caught:
        service(direct, owner, **request_)
    assert caught.value.code == "InvalidInput"


def test_a_service_changes_as_cloud_map_changes_it(direct: Direct) -> None:
    made = service(direct, namespace(direct), DnsConfig=DNS, HealthCheckCustomConfig={})
    records = [{"Type": "A", "TTL": 60}]
    change = {"Description": "new", "DnsConfig": {"DnsRecords": records}}
    operation = direct.discovery("update_service", Id=made["Id"], Service=change)
    done = direct.discovery("get_operation", **operation)["Operation"]
    assert (done["Type"], done["Targets"]) == ("UPDATE_SERVICE", {"SERVICE": made["Id"]})
    found = direct.discovery("get_service", Id=made["Id"])["Service"]
    assert (found["Description"], found["DnsConfig"]["DnsRecords"]) == ("new", records)
    assert found["HealthCheckCustomConfig"] == {}
    with pytest.raises(AwsError, match="must not both"):
        direct.discovery(
            "update_service",
            Id=made["Id"],
            Service={**change, "HealthCheckConfig": {"Type": "TCP"}},
        )
    # What is left out is deleted: that is Cloud Map's rule.
    direct.discovery("update_service", Id=made["Id"], Service={})
    found = direct.discovery("get_service", Id=made["Id"])["Service"]
    assert (found["DnsConfig"]["DnsRecords"], found["Description"]) == ([], "new")


def test_of_an_http_service_only_the_description_changes(direct: Direct) -> None:
    made = service(direct, namespace(direct, "http"))
    direct.discovery("update_service", Id=made["Id"], Service={"Description": "new"})
    assert direct.discovery("get_service", Id=made["Id"])["Service"]["Description"] == "new"
    with pytest.raises(AwsError, match="only its description"):
        direct.discovery("update_service", Id=made["Id"], Service={"DnsConfig": DNS})


def test_service_attributes(served: Endpoint) -> None:
    discovery = served.client("servicediscovery")
    discovery.create_http_namespace(Name="web")
    (owner,) = discovery.list_namespaces()["Namespaces"]
    made = discovery.create_service(Name="shop", NamespaceId=owner["Id"])["Service"]

    def attributes() -> dict[str, str]:
        found = discovery.get_service_attributes(ServiceId=made["Id"])["ServiceAttributes"]
        assert found["ServiceArn"] == made["Arn"]
        return dict(found["Attributes"])

    assert attributes() == {}
    discovery.update_service_attributes(ServiceId=made["Id"], Attributes={"a": "1", "b": "2"})
    discovery.update_service_attributes(ServiceId=made["Id"], Attributes={"b": "3"})
    discovery.delete_service_attributes(ServiceId=made["Id"], Attributes=["a", "never"])
    assert attributes() == {"b": "3"}
    many = {f"k{n}": "" for n in range(30)}
    with pytest.raises(ClientError, match="31 attributes") as caught:
        discovery.update_service_attributes(ServiceId=made["Id"], Attributes=many)
    assert caught.value.response["Error"]["Code"] == "ServiceAttributesLimitExceededException"


def names(listed: list[dict[str, Any]]) -> list[str]:
    return sorted(item["Name"] for item in listed)


def test_namespaces_and_services_are_filtered(direct: Direct) -> None:
    owner = namespace(direct, Name="web.local")
    other = namespace(direct, "http", Name="web")
    for identity in (owner, other):
        service(direct, identity, Name=f"of-{identity[-4:]}")

    def namespaces(*filters: dict[str, Any]) -> list[str]:
        return names(direct.discovery("list_namespaces", Filters=list(filters))["Namespaces"])

    def services(**wanted: Any) -> list[str]:
        return names(direct.discovery("list_services", Filters=[wanted])["Services"])

    private = {"Name": "TYPE", "Values": ["DNS_PRIVATE"]}
    assert namespaces() == ["web", "web.local"]
    assert namespaces(private) == ["web.local"]
    assert namespaces({"Name": "NAME", "Values": ["web"], "Condition": "EQ"}) == ["web"]
    begins = {"Name": "NAME", "Values": ["web"], "Condition": "BEGINS_WITH"}
    assert namespaces(begins) == ["web", "web.local"]
    assert namespaces(begins, private) == ["web.local"]
    assert namespaces({"Name": "RESOURCE_OWNER", "Values": ["OTHER_ACCOUNTS"]}) == []
    assert services(Name="NAMESPACE_ID", Values=[owner]) == [f"of-{owner[-4:]}"]
    arn = direct.discovery("get_namespace", Id=owner)["Namespace"]["Arn"]
    assert services(Name="NAMESPACE_ID", Values=[arn]) == [f"of-{owner[-4:]}"]
    for wrong, text in (
        ({"Name": "TYPE", "Values": ["HTTP"], "Condition": "IN"}, "must be EQ or BEGINS_WITH"),
        ({"Name": "NAME", "Values": ["a", "b"]}, "needs one value"),
    ):
        with pytest.raises(AwsError, match=text):
            namespaces(wrong)


def test_operations_are_filtered(direct: Direct) -> None:
    first = namespace(direct, Name="a")
    direct.now += 100
    second = namespace(direct, Name="b")
    direct.discovery("delete_namespace", Id=first)

    def count(*filters: dict[str, Any]) -> int:
        return len(direct.discovery("list_operations", Filters=list(filters))["Operations"])

    kinds = {"Name": "TYPE", "Condition": "IN", "Values": ["CREATE_NAMESPACE", "UPDATE_SERVICE"]}
    early = {"Name": "UPDATE_DATE", "Condition": "BETWEEN"}
    assert (count(), count(kinds)) == (3, 2)
    assert count({"Name": "NAMESPACE_ID", "Values": [second]}) == 1
    assert count({**early, "Values": [str(int(direct.now) - 101), str(int(direct.now) - 50)]}) == 1
    for values in (["1"], ["1", "tomorrow"], ["1", "nan"]):
        with pytest.raises(AwsError, match="needs a start and an end"):
            count({**early, "Values": values})


def test_operations_are_forgotten_after_thirty_days(direct: Direct) -> None:
    operation = direct.discovery("create_http_namespace", Name="a")
    direct.now += 31 * 86400
    direct.discovery("create_http_namespace", Name="b")
    with pytest.raises(AwsError) as caught:
        direct.discovery("get_operation", **operation)
    assert caught.value.code == "OperationNotFound"
    assert len(direct.discovery("list_operations")["Operations"]) == 1


def test_tags(served: Endpoint) -> None:
    discovery = served.client("servicediscovery")
    discovery.create_http_namespace(Name="web", Tags=[{"Key": "a", "Value": "1"}])
    (owner,) = discovery.list_namespaces()["Namespaces"]
    arn = owner["Arn"]
    discovery.tag_resource(
        ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]
    )
    discovery.untag_resource(ResourceARN=arn, TagKeys=["b", "never"])
    assert discovery.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
    with pytest.raises(discovery.exceptions.ResourceNotFoundException):
        discovery.tag_resource(ResourceARN=f"{arn}x", Tags=[])
    many = [{"Key": f"k{n}", "Value": ""} for n in range(50)]
    with pytest.raises(discovery.exceptions.TooManyTagsException, match="51 tags"):
        discovery.tag_resource(ResourceARN=arn, Tags=many)
    with pytest.raises(ClientError, match="reserved"):
        discovery.tag_resource(ResourceARN=arn, Tags=[{"Key": "aws:a", "Value": ""}])


def test_the_aws_cli_creates_and_deletes_a_namespace(served: Endpoint) -> None:
    made = served.aws("servicediscovery", "create-http-namespace", "--name=web")
    done = served.aws("servicediscovery", "get-operation", f"--operation-id={made['OperationId']}")[
        "Operation"
    ]
    identity = done["Targets"]["NAMESPACE"]
    served.aws("servicediscovery", "create-service", "--name=shop", f"--namespace-id={identity}")
    (found,) = served.aws("servicediscovery", "list-services")["Services"]
    served.aws("servicediscovery", "delete-service", f"--id={found['Id']}")
    served.aws("servicediscovery", "delete-namespace", f"--id={identity}")
    assert served.aws("servicediscovery", "list-namespaces")["Namespaces"] == []
