"""What another Unix user of the machine tried: each was answered before callers were known."""

from __future__ import annotations

import json
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tealmesh.cli.signing import Keys, sign
from tealmesh.model.identity.issued import owner
from tests.security.strangers import NEEDS_ROOT, as_stranger, claimed, code, request
from tests.support.planes.control_plane import ControlPlane
from tests.support.waiting import until

pytestmark = NEEDS_ROOT
_JSON = {"content-type": "application/x-amz-json-1.1"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}


def _ecs(name: str) -> dict[str, str]:
    return {**_JSON, "x-amz-target": f"AmazonEC2ContainerServiceV20141113.{name}"}


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "body", "refused"),
    [
        ("ecs", "POST", "/", _ecs("RegisterTaskDefinition"), "{}", "UnrecognizedClientException"),
        ("tealmesh", "POST", "/", {**_JSON, "x-amz-target": "Tealmesh_20261101.Shutdown"}, "{}",
         "UnrecognizedClientException"),
        ("appmesh", "GET", "/v20190125/meshes", {}, "", "UnrecognizedClientException"),
        ("secretsmanager", "POST", "/", {**_JSON, "x-amz-target": "secretsmanager.ListSecrets"},
         "{}", "UnrecognizedClientException"),
        ("iam", "POST", "/", _FORM, "Action=CreateUser&UserName=eve&Version=2010-05-08",
         "InvalidClientTokenId"),
        ("ec2", "POST", "/", _FORM, "Action=DescribeVpcs&Version=2016-11-15", "AuthFailure"),
        ("s3", "PUT", "/bucket", {}, "", "InvalidAccessKeyId"),
    ],
)  # fmt: skip
def test_call_with_any_keys(
    plane: ControlPlane,
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    refused: str,
) -> None:
    answer = request(plane.port, method, path, {**claimed(service), **headers}, body)
    assert (answer[0] >= 400, code(answer)) == (True, refused)
    assert "teal credentials" in answer[2]


def test_call_without_any_keys(plane: ControlPlane) -> None:
    answer = request(plane.port, "POST", "/", _ecs("ListClusters"), "{}")
    assert code(answer) == "MissingAuthenticationTokenException"
    answer = request(plane.port, "GET", "/_teal/metrics")
    assert (answer[0], code(answer)) == (403, "MissingAuthenticationToken")


def test_claim_the_keys_of_the_owner_or_of_the_control_plane(plane: ControlPlane) -> None:
    mine = owner(plane.directory / "data")
    for key in (mine.key_id, "tealmesh"):
        answer = request(
            plane.port, "POST", "/", {**claimed("ecs", key), **_ecs("ListTasks")}, "{}"
        )
        assert code(answer) == "InvalidSignatureException"


def test_read_the_keys(plane: ControlPlane) -> None:
    for file in ("callers.json", "task-keys", "state.db", "moto.jsonl"):
        path = plane.directory / "data" / file
        listed = as_stranger("sh", "-c", f"cat {path} 2>&1 || true")
        assert "Permission denied" in listed or "No such file" in listed


def test_send_and_close_at_once(plane: ControlPlane) -> None:
    """Then the kernel says user 0 with inode 0, which is not root."""
    body = '{"clusterName":"eve"}'
    head = "".join(f"{k}: {v}\r\n" for k, v in {**claimed("ecs"), **_ecs("CreateCluster")}.items())
    raw = f"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n{head}\r\n{body}"
    code = (
        "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1])));"
        "s.sendall(sys.stdin.buffer.read()); s.close()"
    )
    for _ in range(20):
        as_stranger("/usr/bin/python3", "-c", code, str(plane.port), text=raw)
    listed = plane.client("ecs").list_clusters()["clusterArns"]
    assert [arn for arn in listed if arn.endswith("/eve")] == []


def test_sign_with_keys_of_the_owner(plane: ControlPlane) -> None:
    mine = owner(plane.directory / "data")
    asked = AWSRequest("POST", f"{plane.endpoint}/", headers=_ecs("ListClusters"), data=b"{}")
    SigV4Auth(Credentials(mine.key_id, mine.secret), "ecs", "us-east-1").add_auth(asked)
    status, _, text = request(plane.port, "POST", "/", dict(asked.headers.items()), "{}")
    assert (status, list(json.loads(text))) == (200, ["clusterArns"])


def test_refusals_are_in_the_audit_log_once(plane: ControlPlane) -> None:
    request(plane.port, "POST", "/", {**claimed("ecs"), **_ecs("StopTask")}, "{}")

    def refused() -> list[str]:
        events = json.loads(plane.teal("events", "--json", "--all").stdout)
        return [one["actor"] for one in events if one["operation"].startswith("refused:")]

    assert until(refused)
    before = len(refused())
    started = time.monotonic()
    for _ in range(5):
        request(plane.port, "POST", "/", {**claimed("ecs"), **_ecs("StopTask")}, "{}")
    assert len(refused()) - before <= 1 + (time.monotonic() - started) // 60 * 10


def test_be_let_in_and_out(plane: ControlPlane) -> None:
    """A viewer by name of the Unix user sees, and changes nothing."""
    data = str(plane.directory / "data")
    listed = {**claimed("ecs"), **_ecs("ListClusters")}
    made = {**claimed("ecs"), **_ecs("CreateCluster")}
    plane.teal("credentials", "nobody", "--new", "--unix-user", "--data-dir", data)
    assert request(plane.port, "POST", "/", listed, "{}")[0] == 200
    assert request(plane.port, "GET", "/_teal/metrics")[0] == 200
    answer = request(plane.port, "POST", "/", made, "{}")
    assert code(answer) == "AccessDeniedException"
    assert "nobody is only a viewer" in answer[2]
    plane.teal("credentials", "nobody", "--remove", "--data-dir", data)
    assert request(plane.port, "POST", "/", listed, "{}")[0] >= 400


def test_use_the_command_line(plane: ControlPlane) -> None:
    """It signs with keys of the environment, once it is told that it must."""
    data = str(plane.directory / "data")
    keys = json.loads(plane.teal("credentials", "ci", "--new", "--data-dir", data).stdout)
    signed = sign(
        Keys(keys["AccessKeyId"], keys["SecretAccessKey"]),
        f"127.0.0.1:{plane.port}",
        {**_JSON, "x-amz-target": "Tealmesh_20261101.GetStatus"},
        "{}",
    )
    assert request(plane.port, "POST", "/", signed, "{}")[0] == 200
    target = {**_JSON, "x-amz-target": "Tealmesh_20261101.Shutdown"}
    signed = sign(
        Keys(keys["AccessKeyId"], keys["SecretAccessKey"]), f"127.0.0.1:{plane.port}", target, "{}"
    )
    answer = request(plane.port, "POST", "/", signed, "{}")
    assert (answer[0], code(answer)) == (400, "AccessDeniedException")
