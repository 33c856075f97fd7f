"""What somebody inside a task tried: with its credentials, altered ones, and those of others."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tealmesh.model.identity.issued import TaskKey, TaskKeys
from tests.support.planes.control_plane import ControlPlane

ROLE = "arn:aws:iam::123456789012:role/shop-task"


def keys(plane: ControlPlane, expires: float = 3600) -> TaskKey:
    """What the task gets from 169.254.170.2."""
    master = (plane.directory / "data" / "task-keys").read_text()
    return TaskKeys(master).issue("ASIAEXAMPLE", ROLE, "task-1", time.time() + expires)


def client(plane: ControlPlane, service: str, key: TaskKey) -> Any:
    return boto3.client(
        service,
        endpoint_url=plane.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_do_what_no_policy_allows_and_then_what_one_does(plane: ControlPlane) -> None:
    iam, key = plane.client("iam"), keys(plane)
    iam.create_role(RoleName="shop-task", AssumeRolePolicyDocument="{}")
    plane.client("s3").create_bucket(Bucket="own")
    secrets = plane.client("secretsmanager")
    secrets.create_secret(Name="own", SecretString="1")
    secrets.create_secret(Name="others", SecretString="2")

    def allow(*statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="shop-task", PolicyName="p", PolicyDocument=document)

    for service, call, told in [
        ("ecs", lambda c: c.list_clusters(), "AccessDeniedException"),
        ("ecs", lambda c: c.create_cluster(clusterName="eve"), "AccessDeniedException"),
        ("appmesh", lambda c: c.list_meshes(), "AccessDeniedException"),
        ("secretsmanager", lambda c: c.get_secret_value(SecretId="own"), "AccessDeniedException"),
        ("iam", lambda c: c.create_user(UserName="eve"), "AccessDenied"),
        ("s3", lambda c: c.put_object(Bucket="own", Key="k", Body=b"x"), "AccessDenied"),
        ("ec2", lambda c: c.describe_vpcs(), "UnauthorizedOperation"),
    ]:
        with pytest.raises(ClientError, match="no policy of the role allows it") as error:
            call(client(plane, service, key))
        assert code(error) == told
    arn = client(plane, "sts", key).get_caller_identity()["Arn"]
    assert arn  # whoever asks may know who it is

    star = "arn:aws:secretsmanager:us-east-1:123456789012:secret:own-??????"
    allow(
        {"Effect": "Allow", "Action": ["ecs:List*", "ecs:CreateCluster"], "Resource": "*"},
        {"Effect": "Deny", "Action": "ecs:CreateCluster", "Resource": "*"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": star},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::own/*"},
    )
    client(plane, "ecs", key).list_clusters()
    with pytest.raises(ClientError, match="denies it explicitly"):
        client(plane, "ecs", key).create_cluster(clusterName="eve")
    assert (
        client(plane, "secretsmanager", key).get_secret_value(SecretId="own")["SecretString"] == "1"
    )
    with pytest.raises(ClientError, match="no policy of the role allows it"):
        client(plane, "secretsmanager", key).get_secret_value(SecretId="others")
    client(plane, "s3", key).put_object(Bucket="own", Key="k", Body=b"x" * 2_000_000)
    # A policy of AWS, for a service whose requests do not name their operation.
    with pytest.raises(ClientError):
        client(plane, "xray", key).put_trace_segments(TraceSegmentDocuments=[])
    arn = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"
    iam.attach_role_policy(RoleName="shop-task", PolicyArn=arn)
    client(plane, "xray", key).put_trace_segments(TraceSegmentDocuments=[])


@pytest.mark.parametrize("what", ["secret", "token", "role", "expired"])
def test_alter_the_credentials(plane: ControlPlane, what: str) -> None:
    key = keys(plane, -10 if what == "expired" else 3600)
    stranger = TaskKeys("not the master").issue(key.key_id, ROLE, "task-1", time.time() + 3600)
    altered = {
        "secret": replace(key, secret=key.secret[:-1] + ("y" if key.secret[-1] == "x" else "x")),
        "token": replace(key, token=key.token + "x"),
        "role": stranger,
        "expired": key,
    }[what]
    ecs = client(plane, "ecs", altered)
    if what in ("token", "role"):
        # Not a key that we issued: it stands for the user who runs this test.
        ecs.list_clusters()
        return
    with pytest.raises(ClientError) as error:
        ecs.list_clusters()
    told = {"secret": "InvalidSignatureException", "expired": "ExpiredTokenException"}
    assert code(error) == told[what]
