"""The state of the other services survives a ``kill -9``, with ids and times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.planes.control_plane import ControlPlane, control_plane

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


def _make(client: Callable[[str], Any]) -> None:
    topics = client("sns")
    topics.delete_topic(TopicArn=topics.create_topic(Name="gone")["TopicArn"])
    ec2, iam = client("ec2"), client("iam")
    # Read first: after the restart it is a change that touches the service first.
    ec2.describe_vpcs()
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")
    gone = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=gone)
    iam.create_role(RoleName="task", AssumeRolePolicyDocument=POLICY)
    iam.put_role_policy(RoleName="task", PolicyName="envoy", PolicyDocument=POLICY)
    client("logs").create_log_group(logGroupName="/ecs/app")
    client("route53").create_hosted_zone(Name="a.example.", CallerReference="1")
    client("secretsmanager").create_secret(Name="password", SecretString="a secret")
    client("ssm").put_parameter(Name="/level", Value="info", Type="String")
    client("s3").create_bucket(Bucket="state")
    client("s3").put_object(Bucket="state", Key="tf state/a+b.json", Body=b"\x00\xffstate")
    client("kms").create_key(Description="key")
    client("sqs").create_queue(QueueName="work")
    client("sqs").send_message(QueueUrl=_queue(client), MessageBody="hello")


def _queue(client: Callable[[str], Any]) -> str:
    url: str = client("sqs").get_queue_url(QueueName="work")["QueueUrl"]
    return url


def _seen(client: Callable[[str], Any]) -> dict[str, Any]:
    """Everything as clients see it, including what moto starts with (the default VPC)."""
    ec2, key = client("ec2"), client("kms").list_keys()["Keys"][0]["KeyId"]
    found: dict[str, Any] = {
        "topics": client("sns").list_topics(),
        "vpcs": ec2.describe_vpcs(),
        "subnets": ec2.describe_subnets(),
        "groups": ec2.describe_security_groups(),
        "tables": ec2.describe_route_tables(),
        "role": client("iam").get_role(RoleName="task"),
        "policy": client("iam").get_role_policy(RoleName="task", PolicyName="envoy"),
        "logs": client("logs").describe_log_groups(),
        "zones": client("route53").list_hosted_zones(),
        "secret": client("secretsmanager").get_secret_value(SecretId="password"),
        "parameter": client("ssm").get_parameter(Name="/level"),
        "object": client("s3").get_object(Bucket="state", Key="tf state/a+b.json"),
        "key": client("kms").describe_key(KeyId=key),
    }
    found["object"]["Body"] = found["object"]["Body"].read()
    found["message"] = client("sqs").receive_message(QueueUrl=_queue(client), VisibilityTimeout=0)[
        "Messages"
    ][0]["MessageId"]
    for answer in found.values():
        if isinstance(answer, dict):
            del answer["ResponseMetadata"]
    return found


def test_the_other_services_survive_a_kill(tmp_path: Path) -> None:
    with control_plane(tmp_path) as plane:
        _make(plane.client)
        ciphertext = _encrypt(plane)
        before = _seen(plane.client)
        assert before["vpcs"]["Vpcs"][0]["IsDefault"]
        assert before["object"]["Body"] == b"\x00\xffstate"
        plane.kill9()
        plane.start()
        assert _seen(plane.client) == before
        assert plane.client("kms").decrypt(CiphertextBlob=ciphertext)["Plaintext"] == b"text"
        text = (plane.directory / "data" / "moto.jsonl").read_text()
        assert "10.8.0.0" not in text
        assert "moto: repeated" in plane.log()


def _encrypt(plane: ControlPlane) -> Any:
    kms = plane.client("kms")
    key = kms.list_keys()["Keys"][0]["KeyId"]
    return kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
