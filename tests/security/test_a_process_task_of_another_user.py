"""What a process task tried whose user is another one than the control plane's: that of its
container definition, or one of the task's own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.security.strangers import NEEDS_ROOT, STRANGER
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.waiting import until

pytestmark = NEEDS_ROOT

SCRIPT = """
import ctypes, json, os, socket, sys, urllib.error, urllib.request
data, pid = sys.argv[1], int(sys.argv[2])
def tried(work):
    try:
        return str(work())
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()[:200]}"
    except Exception as error:
        return type(error).__name__
def call(target, url=os.environ["AWS_ENDPOINT_URL"], token=""):
    scope = "Credential=test/20261127/us-east-1/ecs/aws4_request"
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1",
               "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    return urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=20).status
def given(url):
    token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    asked = urllib.request.Request(url, headers={"authorization": token})
    return urllib.request.urlopen(asked, timeout=20).status
def connect(path):
    socket.socket(socket.AF_UNIX).connect(path)
own = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
print(json.dumps({
    "ids": [os.getresuid(), os.getresgid(), os.getgroups()],
    "user": [os.environ["USER"], os.environ["HOME"]],
    "list": tried(lambda: call("AmazonEC2ContainerServiceV20141113.ListClusters")),
    "stop": tried(lambda: call("Tealmesh_20261101.Shutdown")),
    "files": sorted({tried(lambda: open(f"{data}/{name}").read()) for name in
        ("callers.json", "master-key", "task-keys", "xds-token", "state.db", "tasks")}),
    "admin": tried(lambda: connect(f"{data}/tasks/x/.envoy/admin.sock")),
    "environment": tried(lambda: open(f"/proc/{pid}/environ").read()),
    "signal": tried(lambda: os.kill(pid, 0)),
    "trace": -ctypes.CDLL(None).ptrace(16, pid, 0, 0),
    "privileges": [line.split()[1] for line in open("/proc/self/status")
        if line[:6] in ("CapEff", "NoNewP")],
    "root": tried(lambda: os.setuid(0)),
    "own": tried(lambda: given(own)),
    "others": tried(lambda: given(own.rpartition("/")[0] + "/" + "0" * 32)),
    "again": tried(lambda: open("/dev/stdout", "a").close()),
}), flush=True)
"""

WHO = 'import json, os; print(json.dumps({"ids": os.getresuid()}))'


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    directory = tmp_path_factory.mktemp("users")
    config = directory / "teal.toml"
    lines = [
        f'"*/{image}" = {{command = ["{sys.executable}", "-c"]{user}}}'
        for image, user in (
            ("script", ""),
            ("nobody", ', user = "nobody"'),
            ("root", ', user = "root"'),
        )
    ]
    config.write_text("\n".join(["[images]", *lines, ""]))
    with control_plane(directory, config) as started:
        yield started


def task(
    plane: ControlPlane, *command: str, registrant: Any = None, **members: str
) -> dict[str, Any]:
    """A task that has stopped; ``registrant`` is an ECS client of whoever defines it."""
    ecs = plane.client("ecs")
    ecs.create_cluster(clusterName="demo")
    container = {"name": "app", "image": "x/script", "memory": 64, "command": list(command)}
    (registrant or ecs).register_task_definition(
        family="app",
        taskRoleArn="arn:aws:iam::123456789012:role/app",
        containerDefinitions=[{**container, **members}],
    )
    (one,) = ecs.run_task(cluster="demo", taskDefinition="app")["tasks"]

    def stopped() -> dict[str, Any] | None:
        (now,) = ecs.describe_tasks(cluster="demo", tasks=[one["taskArn"]])["tasks"]
        return now if now["lastStatus"] == "STOPPED" else None

    return until(stopped)


def said(plane: ControlPlane, script: str = SCRIPT, **members: str) -> dict[str, Any]:
    assert plane.process is not None
    data = (plane.directory / "data").resolve()
    ended = task(plane, script, str(data), str(plane.process.pid), workingDirectory="/", **members)
    log = data / "tasks" / ended["taskArn"].rpartition("/")[2] / "app" / "log"
    text = log.read_text()
    assert text.startswith("{"), text
    answer: dict[str, Any] = json.loads(text)
    return answer


def test_everything_that_others_may_not(plane: ControlPlane) -> None:
    found = said(plane, user="4711:4712")
    assert found["ids"] == [[4711] * 3, [4712] * 3, [4712]]
    assert found["user"] == ["4711", "/"]
    assert found["list"].startswith("400 ")
    assert "UnrecognizedClientException" in found["list"]
    assert "UnrecognizedClientException" in found["stop"]
    assert found["files"] == ["PermissionError"]
    check_refused(found)


def check_refused(found: dict[str, Any]) -> None:
    for what in ("admin", "environment", "signal", "root"):
        assert found[what] == "PermissionError", what
    assert found["trace"] == 1
    assert found["own"] == "200"
    assert found["others"][:1] == "4"
    assert found["again"] == "None"


def test_one_without_a_user_is_nobody_else_and_has_no_privileges(plane: ControlPlane) -> None:
    """Its interpreter and its directory may be where only root can go."""
    found, other = said(plane), said(plane)
    ((uid, *_), (gid, *_), groups) = found["ids"]
    assert uid == gid == groups[0] > 0x7000_0000
    assert found["user"] == [str(uid), "/"]
    assert int(found["privileges"][0], 16) == 0
    assert found["privileges"][1] == "1"
    assert found["files"] == ["PermissionError"]
    assert "UnrecognizedClientException" in found["stop"]
    check_refused(found)
    assert other["ids"][0] != found["ids"][0]


def test_the_owner_of_the_machine_lets_an_image_run_as_another(plane: ControlPlane) -> None:
    found = said(plane, image="x/nobody")
    assert found["ids"][0] == [STRANGER] * 3
    assert found["user"][0] == "nobody"
    assert said(plane, WHO, image="x/root") == {"ids": [0] * 3}  # Who may shut it down.
    assert said(plane, image="x/nobody", user="4711:4712")["ids"][0] == [4711] * 3


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"user": "no-such-user"}, "this machine has no user 'no-such-user'"),
        ({"user": "0:no-such-group"}, "this machine has no group 'no-such-group'"),
        ({"workingDirectory": str(Path("~").expanduser())}, "cannot enter"),
    ],
)
def test_one_that_cannot_run_says_why(
    plane: ControlPlane, members: dict[str, str], why: str
) -> None:
    assert why in task(plane, "x", **members)["stoppedReason"]


def test_who_has_policies_alone_chooses_nobody_of_this_machine(plane: ControlPlane) -> None:
    """Or to be allowed to register a task definition would be to be root."""
    iam = plane.client("iam")
    iam.create_user(UserName="ci")
    statement = {"Effect": "Allow", "Action": ["ecs:*", "iam:PassRole"], "Resource": "*"}
    iam.put_user_policy(
        UserName="ci",
        PolicyName="ecs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    made = iam.create_access_key(UserName="ci")["AccessKey"]
    ecs = boto3.client(
        "ecs",
        endpoint_url=plane.endpoint,
        region_name="us-east-1",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )
    for user in ("root", "4711:0"):
        ended = task(plane, WHO, registrant=ecs, user=user)
        assert "only an administrator of this control plane may choose" in ended["stoppedReason"]
    described = plane.client("ecs").describe_task_definition(taskDefinition="app")
    assert described["taskDefinition"]["registeredBy"].endswith("user/ci")
    ended = task(plane, WHO, registrant=ecs, user="3000000000")
    assert ended["containers"][0]["exitCode"] == 0
