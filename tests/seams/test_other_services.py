"""What EC2, Route 53, the tagging API, EventBridge and CloudFormation see of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.seams.conftest import World
from tests.support.waiting import until


def interface_of(task: Any) -> str:
    (attachment,) = task["attachments"]
    details = {detail["name"]: detail["value"] for detail in attachment["details"]}
    return str(details["networkInterfaceId"])


def test_ec2_knows_the_interface_of_a_task(world: World) -> None:
    ec2, task = world.plane.client("ec2"), world.task()
    identity = interface_of(task)
    (found,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[identity])["NetworkInterfaces"]
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert found["PrivateIpAddress"] == found["Association"]["PublicIp"] == address
    assert (found["SubnetId"], found["VpcId"]) == (world.vpc.subnets[0], world.vpc.vpc)
    assert [group["GroupId"] for group in found["Groups"]] == [world.group]
    assert (found["Status"], found["RequesterManaged"]) == ("in-use", True)
    assert found["AvailabilityZone"] == "us-east-1a"

    other = ec2.create_network_interface(SubnetId=world.vpc.subnets[1])["NetworkInterface"]
    both = [identity, other["NetworkInterfaceId"]]
    described = ec2.describe_network_interfaces(NetworkInterfaceIds=both)["NetworkInterfaces"]
    assert {one["NetworkInterfaceId"] for one in described} == set(both)
    for name, value in [
        ("subnet-id", world.vpc.subnets[0]),
        ("group-id", world.group),
        ("addresses.private-ip-address", address),
        ("description", f"*attachment/{task['attachments'][0]['id']}"),
    ]:
        filtered = ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])
        assert [one["NetworkInterfaceId"] for one in filtered["NetworkInterfaces"]] == [identity]

    with pytest.raises(ClientError) as refused:
        ec2.delete_network_interface(NetworkInterfaceId=identity)
    assert refused.value.response["Error"]["Code"] == "OperationNotPermitted"
    with pytest.raises(ClientError) as missing:
        ec2.describe_network_interfaces(NetworkInterfaceIds=["eni-0123456789abcdef0", identity])
    assert missing.value.response["Error"]["Code"] == "InvalidNetworkInterfaceID.NotFound"


def test_an_interface_is_gone_with_its_task(world: World) -> None:
    ec2, ecs, task = world.plane.client("ec2"), world.plane.client("ecs"), world.task()
    ecs.stop_task(cluster="c", task=task["taskArn"])
    until(
        lambda: (
            world.task().get("taskArn") != task["taskArn"]
            and world.task()["lastStatus"] == "RUNNING"
        )
    )

    def known() -> set[str]:
        found = ec2.describe_network_interfaces(
            Filters=[{"Name": "requester-managed", "Values": ["true"]}]
        )
        return {one["NetworkInterfaceId"] for one in found["NetworkInterfaces"]}

    until(lambda: known() == {interface_of(world.task())})


def test_route_53_shows_the_zone_of_a_namespace_with_its_records(world: World) -> None:
    route53, discovery = world.plane.client("route53"), world.plane.client("servicediscovery")
    namespace = discovery.get_namespace(Id=world.namespace)["Namespace"]
    identity = namespace["Properties"]["DnsProperties"]["HostedZoneId"]
    own = route53.create_hosted_zone(Name="b.example", CallerReference="1")["HostedZone"]["Id"]
    listed = {one["Name"]: one for one in route53.list_hosted_zones()["HostedZones"]}
    assert listed["d.local."]["Id"] == f"/hostedzone/{identity}"
    assert listed["d.local."]["Config"]["PrivateZone"] is True
    assert listed["b.example."]["Id"] == own
    by_name = route53.list_hosted_zones_by_name(DNSName="d.local")["HostedZones"]
    assert by_name[0]["Name"] == "d.local."
    by_vpc = route53.list_hosted_zones_by_vpc(VPCId=world.vpc.vpc, VPCRegion="us-east-1")
    assert [one["HostedZoneId"] for one in by_vpc["HostedZoneSummaries"]] == [identity]
    described = route53.get_hosted_zone(Id=identity)
    assert described["VPCs"] == [{"VPCRegion": "us-east-1", "VPCId": world.vpc.vpc}]
    assert (
        route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=identity)[
            "ResourceTagSet"
        ]["Tags"]
        == []
    )

    def address() -> str:
        return str(world.task()["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])

    def records() -> dict[str, list[str]]:
        pages = route53.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=identity, PaginationConfig={"PageSize": 1}
        )
        return {
            f"{one['Type']} {one['Name']}": [value["Value"] for value in one["ResourceRecords"]]
            for page in pages
            for one in page["ResourceRecordSets"]
        }

    until(lambda: records().get("A web.d.local.") == [address()])
    assert {"NS d.local.", "SOA d.local."} < set(records())
    change = {"Action": "DELETE", "ResourceRecordSet": {"Name": "web.d.local", "Type": "A"}}
    with pytest.raises(ClientError) as refused:
        route53.change_resource_record_sets(
            HostedZoneId=identity, ChangeBatch={"Changes": [change]}
        )
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert "can only be managed through servicediscovery" in str(refused.value)


def test_a_zone_is_gone_with_its_namespace(world: World) -> None:
    route53, discovery = world.plane.client("route53"), world.plane.client("servicediscovery")
    started = discovery.create_private_dns_namespace(Name="gone.local", Vpc=world.vpc.vpc)
    operation = discovery.get_operation(OperationId=started["OperationId"])["Operation"]
    identity = operation["Targets"]["NAMESPACE"]
    zone = discovery.get_namespace(Id=identity)["Namespace"]["Properties"]["DnsProperties"]
    assert route53.get_hosted_zone(Id=zone["HostedZoneId"])["HostedZone"]["Name"] == "gone.local."
    discovery.delete_namespace(Id=identity)
    with pytest.raises(ClientError) as missing:
        route53.get_hosted_zone(Id=zone["HostedZoneId"])
    assert missing.value.response["Error"]["Code"] == "NoSuchHostedZone"


def test_resources_of_ours_are_found_and_tagged_by_their_tags(world: World) -> None:
    tagging, ecs = world.plane.client("resourcegroupstaggingapi"), world.plane.client("ecs")
    appmesh = world.plane.client("appmesh")
    mesh = appmesh.create_mesh(meshName="m", tags=[{"key": "team", "value": "mesh"}])["mesh"]
    logs = world.plane.client("logs")
    logs.create_log_group(logGroupName="tagged", tags={"team": "logs"})
    group = logs.describe_log_groups(logGroupNamePrefix="tagged")["logGroups"][0]["arn"]
    group = group.removesuffix(":*")

    def found(**asked: Any) -> set[str]:
        pages = tagging.get_paginator("get_resources").paginate(
            **asked, PaginationConfig={"PageSize": 2}
        )
        listed = [one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]]
        assert len(listed) == len(set(listed))
        return set(listed)

    by_team = {"TagFilters": [{"Key": "team"}]}
    (service,) = ecs.describe_services(cluster="c", services=["web"])["services"]
    everything = found(**by_team)
    assert {service["serviceArn"], mesh["metadata"]["arn"], group} <= everything
    assert any(f":namespace/{world.namespace}" in arn for arn in everything)
    assert found(**by_team, ResourceTypeFilters=["ecs:service"]) == {service["serviceArn"]}
    shop = {"TagFilters": [{"Key": "team", "Values": ["shop", "mesh"]}]}
    assert found(**shop) == {service["serviceArn"], mesh["metadata"]["arn"]}

    arns = [service["serviceArn"], mesh["metadata"]["arn"], group]
    gone = service["serviceArn"].replace("/web", "/none")
    failed = tagging.tag_resources(ResourceARNList=[*arns, gone], Tags={"stage": "test"})
    assert set(failed["FailedResourcesMap"]) == {gone}
    assert found(TagFilters=[{"Key": "stage", "Values": ["test"]}]) == set(arns)
    assert {"team", "stage"} <= set(tagging.get_tag_keys()["TagKeys"])
    values = tagging.get_tag_values(Key="team")["TagValues"]
    assert {"names", "shop", "mesh", "logs"} <= set(values)
    tagging.untag_resources(ResourceARNList=arns, TagKeys=["stage"])
    assert found(TagFilters=[{"Key": "stage"}]) == set()


def test_rules_of_eventbridge_receive_what_happens_in_ecs(world: World) -> None:
    sqs, events, ecs = (world.plane.client(name) for name in ("sqs", "events", "ecs"))
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    events.put_rule(Name="ecs", EventPattern=json.dumps({"source": ["aws.ecs"]}))
    events.put_targets(
        Rule="ecs", Targets=[{"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}]
    )
    before = world.task()["taskArn"]
    ecs.update_service(cluster="c", service="web", forceNewDeployment=True)
    received: list[Any] = []

    def told(kind: str, **detail: str) -> bool:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        received.extend(json.loads(message["Body"]) for message in messages)
        return any(
            event["detail-type"] == kind and detail.items() <= event["detail"].items()
            for event in received
        )

    until(lambda: told("ECS Task State Change", lastStatus="STOPPED", taskArn=before))
    until(lambda: told("ECS Task State Change", lastStatus="RUNNING", desiredStatus="RUNNING"))
    until(
        lambda: (
            told("ECS Deployment State Change", eventName="SERVICE_DEPLOYMENT_IN_PROGRESS")
            and told("ECS Deployment State Change", eventName="SERVICE_DEPLOYMENT_COMPLETED")
            and told("ECS Service Action", eventName="SERVICE_STEADY_STATE")
        )
    )
    task = next(e for e in received if e["detail"].get("lastStatus") == "STOPPED")
    assert (task["source"], task["resources"]) == ("aws.ecs", [task["detail"]["taskArn"]])
    assert task["detail"]["stoppedAt"].endswith("Z")
    assert "teal" not in task["detail"]


@pytest.mark.parametrize(
    "template",
    [
        json.dumps({"Resources": {"Mesh": {"Type": "AWS::AppMesh::Mesh"}}}),
        "Resources:\n  Mesh:\n    Type: AWS::AppMesh::Mesh\n    Properties:\n"
        "      MeshName: !Sub '${AWS::StackName}'\n  Topic:\n    Type: AWS::SNS::Topic\n",
    ],
)
def test_a_stack_with_resources_of_ours_is_refused_by_name(world: World, template: str) -> None:
    formation, s3 = world.plane.client("cloudformation"), world.plane.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="a/mesh.yml", Body=template.encode())
    url = f"{world.plane.endpoint}/templates/a/mesh.yml"
    nested = {
        "Resources": {
            "N": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        }
    }
    for sent in (
        {"TemplateBody": template},
        {"TemplateURL": url},
        {"TemplateBody": json.dumps(nested)},
    ):
        with pytest.raises(ClientError) as refused:
            formation.create_stack(StackName="ours", **sent)
        assert refused.value.response["Error"]["Code"] == "ValidationError"
        assert "Mesh (AWS::AppMesh::Mesh)" in str(refused.value)
