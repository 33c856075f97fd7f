"""What is corrected in moto's answers about networks and load balancers."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.aws.clients import client


def subnet(url: str) -> dict[str, Any]:
    """One of the default subnets."""
    found: dict[str, Any] = client("ec2", url).describe_subnets()["Subnets"][0]
    return found


def test_an_account_has_no_ec2_classic(url: str) -> None:
    # Otherwise the Terraform provider leaves out the tags of Elastic IP addresses.
    answer = client("ec2", url).describe_account_attributes(AttributeNames=["supported-platforms"])
    values = {a["AttributeName"]: a["AttributeValues"] for a in answer["AccountAttributes"]}
    assert values["supported-platforms"] == [{"AttributeValue": "VPC"}]


def test_an_instance_has_the_security_groups_of_its_network_interface(url: str) -> None:
    ec2 = client("ec2", url)
    where = subnet(url)
    group = ec2.create_security_group(GroupName="jump", Description="x", VpcId=where["VpcId"])
    interface = {"DeviceIndex": 0, "SubnetId": where["SubnetId"], "Groups": [group["GroupId"]]}
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (made,) = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface]
    )["Instances"]
    (reserved,) = ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"]
    (instance,) = reserved["Instances"]
    assert [g["GroupId"] for g in instance["SecurityGroups"]] == [group["GroupId"]]


def test_dhcp_options_have_the_tags_that_they_are_created_with(url: str) -> None:
    ec2 = client("ec2", url)
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["a.internal"]}],
        TagSpecifications=[{"ResourceType": "dhcp-options", "Tags": [{"Key": "a", "Value": "b"}]}],
    )["DhcpOptions"]["DhcpOptionsId"]
    (shown,) = ec2.describe_dhcp_options(DhcpOptionsIds=[made])["DhcpOptions"]
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_network_load_balancer_shows_its_elastic_addresses(url: str) -> None:
    ec2, elb = client("ec2", url), client("elbv2", url)
    address = ec2.allocate_address(Domain="vpc")
    mapping = {"SubnetId": subnet(url)["SubnetId"], "AllocationId": address["AllocationId"]}
    elb.create_load_balancer(Name="fixed", Type="network", SubnetMappings=[mapping])
    (shown,) = elb.describe_load_balancers(Names=["fixed"])["LoadBalancers"]
    (zone,) = shown["AvailabilityZones"]
    assert zone["LoadBalancerAddresses"] == [
        {"AllocationId": address["AllocationId"], "IpAddress": address["PublicIp"]}
    ]


def test_an_application_load_balancer_has_all_its_attributes(url: str) -> None:
    elb = client("elbv2", url)
    made = elb.create_load_balancer(Name="plain", Subnets=[subnet(url)["SubnetId"]])
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    shown = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {one["Key"]: one["Value"] for one in shown}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert attributes["routing.http2.enabled"] == "true"


def test_stickiness_that_is_off_may_have_any_type(url: str) -> None:
    elb, vpc = client("elbv2", url), subnet(url)["VpcId"]
    made = elb.create_target_group(Name="t", Protocol="TLS", Port=443, VpcId=vpc, TargetType="ip")
    group = made["TargetGroups"][0]["TargetGroupArn"]

    def change(**values: str) -> dict[str, str]:
        sent = [{"Key": f"stickiness.{name}", "Value": value} for name, value in values.items()]
        sent.append({"Key": "deregistration_delay.timeout_seconds", "Value": "3600"})
        elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=sent)
        shown = elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
        return {one["Key"]: one["Value"] for one in shown}

    attributes = change(enabled="false", type="source_ip")
    assert attributes["stickiness.enabled"] == "false"
    assert attributes["deregistration_delay.timeout_seconds"] == "3600"
    with pytest.raises(ClientError, match="TLS"):
        change(enabled="true", type="source_ip")


def test_a_cache_cluster_has_a_version_and_is_gone_once_deleted(url: str) -> None:
    cache = client("elasticache", url)
    made = {"Engine": "redis", "NumCacheNodes": 1, "CacheNodeType": "cache.t3.micro"}
    cache.create_cache_cluster(CacheClusterId="redis", **made)
    (shown,) = cache.describe_cache_clusters(CacheClusterId="redis")["CacheClusters"]
    assert shown["EngineVersion"].startswith("7.")
    cache.delete_cache_cluster(CacheClusterId="redis")
    with pytest.raises(ClientError, match="not found"):
        cache.describe_cache_clusters(CacheClusterId="redis")


def test_what_moto_does_not_have_is_said_where_the_go_sdk_reads_it(url: str) -> None:
    told = "moto has no GET /v1/broker-engine-types in mq"
    with pytest.raises(ClientError, match=told) as refused:
        client("mq", url).describe_broker_engine_types()
    headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-errormessage"] == told
