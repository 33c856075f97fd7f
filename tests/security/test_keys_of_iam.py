"""Keys that IAM and STS issue are whoever they were issued to, and nobody without their secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.planes.control_plane import ControlPlane, control_plane

ARN = "arn:aws:{}::123456789012:{}"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": ARN.format("iam", "root")},
            "Action": "sts:AssumeRole",
        },
    }
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with control_plane(tmp_path_factory.mktemp("keys")) as started:
        yield started


def document(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def client(plane: ControlPlane, service: str, keys: Mapping[str, Any], **changed: str) -> Any:
    """With keys as IAM and STS answer them."""
    given = {**keys, **changed}
    return boto3.client(
        service,
        endpoint_url=plane.endpoint,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}),
    )


def refused(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_a_user_is_known_by_its_key_and_goes_by_its_policies(plane: ControlPlane) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="lookers")
    iam.put_group_policy(
        GroupName="lookers", PolicyName="p", PolicyDocument=document("ecs:ListClusters")
    )
    keys = iam.create_access_key(UserName="ann")["AccessKey"]
    ecs = client(plane, "ecs", keys)
    assert refused(ecs.list_clusters) == "AccessDeniedException"
    iam.add_user_to_group(GroupName="lookers", UserName="ann")
    assert ecs.list_clusters()["clusterArns"] == []
    assert refused(lambda: ecs.create_cluster(clusterName="c")) == "AccessDeniedException"
    found = client(plane, "sts", keys).get_caller_identity()
    assert found["Arn"] == ARN.format("iam", "user/ann")
    other = client(plane, "ecs", keys, SecretAccessKey="x" * 40)
    assert refused(other.list_clusters) == "InvalidSignatureException"
    iam.update_access_key(UserName="ann", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    assert refused(ecs.list_clusters) == "UnrecognizedClientException"


def test_a_session_of_a_role_outlives_the_control_plane(plane: ControlPlane) -> None:
    iam, sts = plane.client("iam"), plane.client("sts")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(
        RoleName="reader",
        PolicyName="p",
        PolicyDocument=document("ecs:ListClusters", "sts:GetSessionToken"),
    )
    role = ARN.format("iam", "role/reader")
    keys = sts.assume_role(RoleArn=role, RoleSessionName="now")["Credentials"]

    def check() -> None:
        assert client(plane, "ecs", keys).list_clusters()["clusterArns"] == []
        assert refused(client(plane, "ecs", keys).list_services) == "AccessDeniedException"
        who = client(plane, "sts", keys).get_caller_identity()["Arn"]
        assert who == ARN.format("sts", "assumed-role/reader/now")

    check()
    for token in ("", keys["SessionToken"][:-4] + "AAAA"):
        other = client(plane, "ecs", keys, SessionToken=token)
        assert refused(other.list_clusters) == "UnrecognizedClientException"
    # As the root's session it would be more than the role.
    assert refused(client(plane, "sts", keys).get_session_token) == "AccessDenied"
    plane.kill9()
    plane.start()
    check()


def test_a_boundary_takes_away_and_conditions_count(plane: ControlPlane) -> None:
    iam, sts = plane.client("iam"), plane.client("sts")
    made = iam.create_policy(PolicyName="b", PolicyDocument=document("ecs:ListClusters"))
    boundary = made["Policy"]["Arn"]
    iam.create_role(
        RoleName="bounded", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary
    )

    def allow(**condition: Any) -> None:
        one = {"Effect": "Allow", "Action": "ecs:*", "Resource": "*", "Condition": condition}
        given = json.dumps({"Version": "2012-10-17", "Statement": one})
        iam.put_role_policy(RoleName="bounded", PolicyName="p", PolicyDocument=given)

    role = ARN.format("iam", "role/bounded")
    keys = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    ecs = client(plane, "ecs", keys)
    userid = iam.get_role(RoleName="bounded")["Role"]["RoleId"] + ":me"
    allow(
        StringEquals={"aws:userid": userid, "aws:RequestedRegion": "us-east-1"},
        IpAddress={"aws:SourceIp": "127.0.0.0/8"},
        DateGreaterThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"},
    )
    assert "clusterArns" in ecs.list_clusters()
    with pytest.raises(ClientError, match="the permissions boundary does not allow it"):
        ecs.create_cluster(clusterName="c")
    iam.delete_role_permissions_boundary(RoleName="bounded")
    ecs.create_cluster(clusterName="c")
    ecs.delete_cluster(cluster="c")
    for unmet in (
        {"Bool": {"aws:SecureTransport": "true"}},
        {"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}},
        {"StringEquals": {"aws:username": "ann"}},
    ):
        allow(**unmet)
        with pytest.raises(ClientError, match="a Condition that is not met"):
            ecs.list_clusters()
    allow(StringEquals={"ecs:service": "x"})
    with pytest.raises(ClientError, match="on ecs:service, which is not evaluated here"):
        ecs.list_clusters()


def test_a_boundary_of_a_user_takes_away_and_outlives_the_control_plane(
    plane: ControlPlane,
) -> None:
    iam = plane.client("iam")
    made = iam.create_policy(PolicyName="u", PolicyDocument=document("ecs:ListClusters"))
    boundary = made["Policy"]["Arn"]
    user = iam.create_user(UserName="eve", PermissionsBoundary=boundary)["User"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    iam.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=document("ecs:*"))
    keys = iam.create_access_key(UserName="eve")["AccessKey"]
    ecs = client(plane, "ecs", keys)

    def check() -> None:
        assert "clusterArns" in ecs.list_clusters()
        with pytest.raises(ClientError, match="the permissions boundary does not allow it"):
            ecs.list_task_definitions()
        shown = iam.get_user(UserName="eve")["User"]["PermissionsBoundary"]
        assert shown == user["PermissionsBoundary"]

    check()
    listed = {one["UserName"]: one for one in iam.list_users()["Users"]}
    assert "PermissionsBoundary" not in listed["eve"]
    plane.kill9()
    plane.start()
    check()
    iam.delete_user_permissions_boundary(UserName="eve")
    ecs.list_task_definitions()
    iam.put_user_permissions_boundary(UserName="eve", PermissionsBoundary=boundary)
    check()
    with pytest.raises(ClientError, match="for parameter PermissionsBoundary is invalid"):
        iam.put_user_permissions_boundary(UserName="eve", PermissionsBoundary="x" * 20)


def test_tags_and_clusters_in_conditions(plane: ControlPlane) -> None:
    iam, sts, owner = plane.client("iam"), plane.client("sts"), plane.client("appmesh")
    for mesh, team in (("ours", "blue"), ("theirs", "red"), ("nobodys", None)):
        tags = [{"key": "Team", "value": team}] if team else []
        owner.create_mesh(meshName=mesh, tags=tags)
    iam.create_role(
        RoleName="tagged",
        AssumeRolePolicyDocument=TRUST,
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    statements = [
        {
            "Effect": "Allow",
            "Action": "appmesh:*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
        },
        {
            "Effect": "Allow",
            "Action": "ecs:ListTasks",
            "Resource": "*",
            "Condition": {"ArnLike": {"ecs:cluster": "arn:aws:ecs:*:*:cluster/blue*"}},
        },
    ]
    given = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="tagged", PolicyName="p", PolicyDocument=given)
    asked = {"RoleArn": ARN.format("iam", "role/tagged"), "RoleSessionName": "me"}
    keys = sts.assume_role(**asked)["Credentials"]
    mesh = client(plane, "appmesh", keys)
    assert mesh.describe_mesh(meshName="ours")["mesh"]["meshName"] == "ours"
    for name in ("theirs", "nobodys", "absent"):
        with pytest.raises(ClientError, match="AccessDenied"):
            mesh.describe_mesh(meshName=name)
    ecs = client(plane, "ecs", keys)
    plane.client("ecs").create_cluster(clusterName="blue-1")
    assert ecs.list_tasks(cluster="blue-1")["taskArns"] == []
    with pytest.raises(ClientError, match="a Condition that is not met"):
        ecs.list_tasks(cluster="red-1")
    plane.client("ecs").delete_cluster(cluster="blue-1")
    # Tags of a session are another thing, and nobody keeps them.
    of_session = [{"Key": "team", "Value": "blue"}]
    keys = sts.assume_role(**asked, Tags=of_session)["Credentials"]
    with pytest.raises(ClientError, match="a Condition or a variable"):
        client(plane, "appmesh", keys).describe_mesh(meshName="ours")


def test_assume_a_role_that_does_not_trust_one(plane: ControlPlane) -> None:
    """To be allowed to assume roles is not enough."""
    iam, sts = plane.client("iam"), plane.client("sts")
    iam.create_role(RoleName="climber", AssumeRolePolicyDocument=TRUST)
    allowed = document("sts:AssumeRole")
    iam.put_role_policy(RoleName="climber", PolicyName="p", PolicyDocument=allowed)
    service = TRUST.replace('"AWS"', '"Service"').replace(ARN.format("iam", "root"), "ec2")
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=service)
    climber, admin = ARN.format("iam", "role/climber"), ARN.format("iam", "role/admin")
    keys = sts.assume_role(RoleArn=climber, RoleSessionName="me")["Credentials"]

    def climb() -> Any:
        asked = {"RoleArn": admin, "RoleSessionName": "me"}
        return client(plane, "sts", keys).assume_role(**asked)["AssumedRoleUser"]["Arn"]

    assert refused(climb) == "AccessDenied"
    iam.update_assume_role_policy(RoleName="admin", PolicyDocument=TRUST)
    assert climb() == ARN.format("sts", "assumed-role/admin/me")


def test_a_session_token_is_its_user_s(plane: ControlPlane) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="bob")
    allowed = document("ecs:ListClusters", "sts:GetSessionToken")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=allowed)
    own = iam.create_access_key(UserName="bob")["AccessKey"]
    keys = client(plane, "sts", own).get_session_token()["Credentials"]
    assert client(plane, "ecs", keys).list_clusters()["clusterArns"] == []
    assert refused(client(plane, "ecs", keys).list_services) == "AccessDeniedException"
    who = client(plane, "sts", keys).get_caller_identity()["Arn"]
    assert who == ARN.format("iam", "user/bob")
    root: Any = plane.client("sts").get_session_token()["Credentials"]
    assert client(plane, "sts", root).get_caller_identity()["Arn"] == ARN.format("iam", "root")
    assert client(plane, "ecs", root).list_clusters()["clusterArns"] == []


def test_a_role_that_is_not_here_is_whoever_asks(plane: ControlPlane) -> None:
    """Terraform's `assume_role` with a role of another account, say: nothing here can judge it."""
    role = "arn:aws:iam::210987654321:role/deployer"
    keys = plane.client("sts").assume_role(RoleArn=role, RoleSessionName="it")["Credentials"]
    assert client(plane, "ecs", keys).list_clusters()["clusterArns"] == []
