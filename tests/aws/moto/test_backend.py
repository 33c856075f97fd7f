"""The AWS APIs that are not ours, by moto behind the same port."""

from __future__ import annotations

import io
import time
import urllib.request

import httpx
import pytest
from botocore.exceptions import ClientError

from tealmesh.aws.clients import client


def signed(service: str) -> dict[str, str]:
    scope = f"Credential=AKID/20261123/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


def test_what_the_terraform_provider_asks_first(url: str) -> None:
    assert client("sts", url).get_caller_identity()["Account"] == "123456789012"
    assert client("ec2", url).describe_account_attributes()["AccountAttributes"]


def test_iam_knows_the_managed_policy_of_an_execution_role(url: str) -> None:
    iam = client("iam", url)
    iam.create_role(RoleName="exec", AssumeRolePolicyDocument="{}")
    name = "service-role/AmazonECSTaskExecutionRolePolicy"
    iam.attach_role_policy(RoleName="exec", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    attached = iam.list_attached_role_policies(RoleName="exec")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonECSTaskExecutionRolePolicy"]


def test_route53_logs_and_ec2_keep_what_is_made(url: str) -> None:
    zone = client("route53", url).create_hosted_zone(Name="a.example.", CallerReference="1")
    zones = client("route53", url).list_hosted_zones()["HostedZones"]
    assert [z["Id"] for z in zones] == [zone["HostedZone"]["Id"]]
    logs = client("logs", url)
    logs.create_log_group(logGroupName="/teal/web")
    logs.create_log_stream(logGroupName="/teal/web", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "grün\n"}
    logs.put_log_events(logGroupName="/teal/web", logStreamName="s", logEvents=[event])
    read = logs.get_log_events(logGroupName="/teal/web", logStreamName="s", startFromHead=True)
    assert [e["message"] for e in read["events"]] == ["grün\n"]
    vpc = client("ec2", url).create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    found = client("ec2", url).describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert found[0]["CidrBlock"] == "10.9.0.0/16"
    other = client("ec2", url, region="eu-west-1").describe_vpcs()["Vpcs"]
    assert vpc not in [v["VpcId"] for v in other]  # the region of the scope is respected


def test_s3_by_path(url: str) -> None:
    s3 = client("s3", url)
    s3.create_bucket(Bucket="artefacts")
    data = bytes(range(256)) * 40_000  # 10 MB: more than one of our own APIs would take
    key = "a b/ä%20+?.bin"
    s3.upload_fileobj(io.BytesIO(data), "artefacts", key)  # multipart, aws-chunked
    assert s3.head_object(Bucket="artefacts", Key=key)["ContentLength"] == len(data)
    assert s3.get_object(Bucket="artefacts", Key=key)["Body"].read() == data
    part = s3.get_object(Bucket="artefacts", Key=key, Range="bytes=1-3")
    assert part["Body"].read() == b"\x01\x02\x03"
    assert s3.list_objects_v2(Bucket="artefacts")["Contents"][0]["Key"] == key
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "artefacts", "Key": key})
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == data
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="artefacts", Key="none")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket="artefacts", Key="none")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_presigned_calls_of_other_services(url: str) -> None:
    link = client("sts", url).generate_presigned_url("get_caller_identity", HttpMethod="GET")
    with urllib.request.urlopen(link) as answer:
        assert b"<Account>123456789012</Account>" in answer.read()


@pytest.mark.parametrize(
    ("service", "operation", "params", "said"),
    [
        ("ec2", "describe_mac_hosts", {}, "moto does not implement it"),  # EC2's XML
        ("iam", "list_mfa_device_tags", {"SerialNumber": "x" * 9}, "moto does not implement it"),
        ("logs", "list_anomalies", {}, "moto does not implement it"),  # JSON
        ("wisdom", "list_assistants", {}, "neither Tealmesh nor moto implements wisdom"),
    ],
)
def test_what_moto_lacks_is_refused_by_name(
    url: str, service: str, operation: str, params: dict[str, str], said: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(service, url), operation)(**params)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "UnknownOperationException"
    assert said in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["ResponseMetadata"].get("RetryAttempts", 0) == 0


def test_no_html_leaves_the_port(url: str) -> None:
    for service, path in [("lambda", "/no/such/path"), ("apprunner", "/x"), ("nosuch", "/")]:
        answer = httpx.get(url + path, headers=signed(service))
        assert answer.status_code in (400, 404)
        assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
        assert answer.json()["message"]
    answer = httpx.get(url + "/2013-04-01/nothing", headers=signed("route53"))
    assert answer.headers["content-type"] == "text/xml"
    assert "<Code>UnknownOperationException</Code>" in answer.text


def test_moto_never_answers_for_our_services(url: str) -> None:
    """Nor in the ways in which moto itself recognises a service."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/ecs_us-east-1/", "/servicediscovery_us-east-1/", "/moto-api/reset"):
        answer = httpx.post(url + path, content=b"Action=ListClusters", headers=form)
        assert "<Code>UnknownOperationException</Code>" in answer.text
        assert "moto does not answer for" in answer.text
    answer = httpx.post(url + "/moto-api/reset", headers=signed("s3"))
    assert "moto does not answer for moto_api" in answer.text


QUERY = "application/x-www-form-urlencoded"
JSON = "application/x-amz-json-1.1"


@pytest.mark.parametrize(
    ("service", "target", "body", "code"),
    [
        ("ec2", "", "Action=Nonsense&Version=2016-11-15", "InvalidAction"),
        ("iam", "", "Action=Nonsense&Version=2010-05-08", "InvalidAction"),
        ("ec2", "", "Action=DescribeVpcs&MaxResults=abc", "InvalidParameterValue"),
        ("logs", "Logs_20140328.Nonsense", "{}", "UnknownOperationException"),
        ("logs", "Logs_20140328.DescribeLogGroups", "{", "SerializationException"),
        ("ssm", "AmazonSSM.GetParameter", '{"Name": 5}', "SerializationException"),
    ],
)
def test_what_moto_breaks_on_is_the_caller_s_error_and_is_not_tried_again(
    url: str, service: str, target: str, body: str, code: str
) -> None:
    kind = {"content-type": JSON if target else QUERY, "x-amz-target": target}
    headers = {name: value for name, value in (signed(service) | kind).items() if value}
    answer = httpx.post(url, headers=headers, content=body)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, code)
    assert f"<Code>{code}</Code>" in answer.text or answer.json()["__type"] == code


def test_a_failure_of_moto_s_own_is_not_tried_again(url: str) -> None:
    with pytest.raises(ClientError, match="moto failed: KeyError") as caught:
        client("logs", url).get_query_results(queryId="none")
    meta = caught.value.response["ResponseMetadata"]
    assert (meta["HTTPStatusCode"], meta["RetryAttempts"]) == (501, 0)


def test_json_is_called_json(url: str) -> None:
    headers = signed("logs") | {
        "content-type": JSON,
        "x-amz-target": "Logs_20140328.DescribeLogGroups",
    }
    answer = httpx.post(url, headers=headers, content="{}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
